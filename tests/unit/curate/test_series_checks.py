"""Every check fires on a series made for it, and none on clean ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from oncotrace.curate.check_rules import CheckRules, read_check_rules
from oncotrace.curate.cohort_checks import checked_cohort, identical_pixels
from oncotrace.curate.flag import Flag
from oncotrace.curate.series import Series
from oncotrace.curate.series_checks import SERIES_CHECKS, checked_series
from oncotrace.errors import SettingsError

CT = Series(
    patient_id="p1",
    study_uid="1.1",
    series_uid="1.1.1",
    frame_of_reference_uid="1.9",
    study_date="20200101",
    series_date="20200101",
    acquisition_date="20200101",
    acquisition_time="101500",
    modality="CT",
    sequence="CT",
    modality_name="ct",
    files=40,
    images=40,
    rows=512,
    columns=512,
    spacing_x_mm=0.9,
    spacing_y_mm=0.9,
    slice_thickness_mm=3.0,
    spacing_between_slices_mm=3.0,
    plane="axial",
    orientations=1,
    slices=40,
    images_at_a_position=1,
    slice_distance_mm=3.0,
    smallest_gap_mm=3.0,
    largest_gap_mm=3.0,
    smallest_rescale_slope=1.0,
    largest_rescale_slope=1.0,
    smallest_rescale_intercept=-1024.0,
    largest_rescale_intercept=-1024.0,
    burned_in_annotation="NO",
    kernel="B30f",
)
MR = replace(
    CT,
    series_uid="1.1.2",
    modality="MR",
    sequence="T1",
    modality_name="mr-t1",
    acquisition_time="110000",
    smallest_rescale_slope=None,
    largest_rescale_slope=None,
    smallest_rescale_intercept=None,
    largest_rescale_intercept=None,
)
PET = replace(
    CT,
    series_uid="1.1.3",
    modality="PT",
    sequence="PET",
    modality_name="pet",
    acquisition_time="120000",
    smallest_rescale_slope=0.5,
    largest_rescale_slope=2.5,
    smallest_rescale_intercept=0.0,
    largest_rescale_intercept=0.0,
    corrected_image="DECY\\ATTN\\SCAT",
    units="BQML",
    injected_dose_bq=4e8,
    half_life_s=6586.2,
    injection_time="100000",
    patient_weight_kg=70.0,
)
OUTLINES = Series(
    patient_id="p1", study_uid="1.1", series_uid="1.1.4", modality="RTSTRUCT", link="series"
)
WRONG: dict[str, Series] = {
    "slice-count": replace(CT, slices=2),
    "missing-slices": replace(CT, largest_gap_mm=6.0),
    "overlapping-slices": replace(CT, smallest_gap_mm=1.5),
    "repeated-positions": replace(CT, images_at_a_position=2),
    "repeated-images": replace(CT, copies=3),
    "one-orientation": replace(CT, orientations=2),
    "thickness-as-distance": replace(CT, slice_thickness_mm=5.0),
    "spacing-as-measured": replace(CT, spacing_between_slices_mm=1.5),
    "rescale-slope": replace(CT, largest_rescale_slope=2.0),
    "rescale-intercept": replace(
        CT, smallest_rescale_intercept=24.0, largest_rescale_intercept=24.0
    ),
    "pet-corrections": replace(PET, corrected_image="DECY\\SCAT"),
    "pet-dose": replace(PET, patient_weight_kg=None),
    "injected-before-scan": replace(PET, injection_time="20200101123000.00"),
    "frame-of-reference": replace(CT, frame_of_reference_uid=""),
    "link-by-uid": replace(OUTLINES, link="frame-of-reference"),
    "study-dates": replace(CT, acquisition_date="20191224"),
    "burned-in-annotation": replace(CT, burned_in_annotation="YES"),
}


def flags(series: Series, rules: CheckRules | None = None) -> dict[str, Flag]:
    """Flags by the name of their check."""
    return {flag.check: flag for flag in checked_series(series, rules or CheckRules())}


@pytest.mark.parametrize("series", [CT, MR, PET, OUTLINES], ids=lambda series: series.modality)
def test_a_clean_series_passes_every_check(series: Series) -> None:
    assert all(flag.passed for flag in flags(series).values())


def test_every_check_has_a_series_that_fails_it() -> None:
    assert set(WRONG) == set(SERIES_CHECKS)


@pytest.mark.parametrize("check", sorted(WRONG))
def test_a_check_fires_on_what_it_is_for_and_no_other_does(check: str) -> None:
    failed = [name for name, flag in flags(WRONG[check]).items() if flag.passed is False]
    assert failed == [check]


def test_a_flag_says_what_was_found_and_what_was_asked_for() -> None:
    flag = flags(WRONG["missing-slices"])["missing-slices"]
    assert (flag.value, flag.rule) == ("6.000 mm", "gaps <= 3.300 mm")


def test_images_at_one_place_are_right_where_they_differ_in_time() -> None:
    dynamic = replace(MR, images_at_a_position=5, temporal_positions=5)
    assert flags(dynamic)["repeated-positions"].passed


def test_slopes_may_differ_between_the_slices_of_a_pet_but_not_of_a_ct() -> None:
    assert flags(PET)["rescale-slope"].passed
    assert not flags(WRONG["rescale-slope"])["rescale-slope"].passed


def test_a_pet_in_suv_needs_no_dose() -> None:
    assert "pet-dose" not in flags(replace(PET, units="GML", injected_dose_bq=None))


def test_what_is_not_there_neither_passes_nor_fails() -> None:
    assert flags(replace(CT, slice_thickness_mm=None))["thickness-as-distance"].passed is None


def test_the_users_rules_are_asked_of_the_series_they_concern(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        '[[range]]\ncolumn = "slice_thickness_mm"\nlargest = 2.5\nof = ["CT"]\n'
        '[[allowed]]\ncolumn = "kernel"\nvalues = ["b3*", "STANDARD"]\nof = ["ct"]\n'
        '[[allowed]]\ncolumn = "plane"\nvalues = ["coronal"]\n'
    )
    rules = read_check_rules(file)
    of_ct, of_mr = flags(CT, rules), flags(MR, rules)
    assert of_ct["slice-thickness-mm"] == Flag(
        "slice-thickness-mm", False, "3.0", "slice_thickness_mm <= 2.5"
    )
    assert of_ct["kernel"].passed
    assert not of_ct["plane"].passed
    assert "kernel" not in of_mr
    assert "slice-thickness-mm" not in of_mr


def test_a_check_can_be_left_out() -> None:
    rules = CheckRules(skip=("missing-slices",))
    assert "missing-slices" not in flags(WRONG["missing-slices"], rules)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[range]]\ncolumn = "thickness"\nlargest = 3', "no column 'thickness'"),
        ('[[range]]\ncolumn = "kernel"\nlargest = 3', "kernel is no number"),
        ('[[range]]\ncolumn = "slices"', "has no end"),
        ('[[range]]\ncolumn = "slices"\nsmallest = 9\nlargest = 3', "ends before it begins"),
        ("[limits]\ngap_shares = 0.1", "gap_shares"),
        ("[limits]\ngap_share = 3", "gap_share"),
        ("not toml", "cannot be read as rules"),
    ],
)
def test_wrong_rules_are_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        read_check_rules(file)


def test_the_same_series_under_another_uid_and_patient_is_a_duplicate() -> None:
    copy = replace(CT, series_uid="7.7", patient_id="p2", study_uid="7")
    found = checked_cohort([CT, copy, MR], ())
    assert [f.value for f in found["1.1.1"] if f.check == "duplicate-series"] == ["7.7"]
    assert not any(f.passed for f in found["7.7"] if f.check == "duplicate-series")
    assert all(flag.passed for flag in found["1.1.2"])


def test_a_study_of_two_patients_is_flagged() -> None:
    found = checked_cohort([CT, replace(MR, patient_id="p2")], ())
    assert [flag.check for flag in found["1.1.2"] if not flag.passed] == ["one-patient-a-study"]
    assert "one-patient-a-study" not in {
        flag.check for flag in checked_cohort([CT], ["one-patient-a-study"])["1.1.1"]
    }


def test_series_with_the_same_voxels_are_flagged() -> None:
    found = identical_pixels({"a": "1", "b": "1", "c": "2"})
    assert {uid: flag.passed for uid, flag in found.items()} == {"a": False, "b": False, "c": True}
