"""What a de-identified cohort says: no UID, no day, no time, no name of a structure that tells."""

import pytest

from oncotrace.curate.deid_options import chosen_confidentiality
from oncotrace.errors import InputError
from oncotrace.pipeline.deidentify import KeyChoice
from oncotrace.pipeline.preparation.privacy import (
    Privacy,
    Telling,
    told_names,
    told_text,
    told_values,
)


def privacy(tmp_path, *options: str) -> Privacy:
    return Privacy(tmp_path, chosen_confidentiality("basic", options), KeyChoice())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("another series is preferred: 1.2.826.0.1.5", "another series is preferred: (left out)"),
        ("20240105 to 2024-01-07", "(left out) to (left out)"),
        ("made at 10:15:30", "made at (left out)"),
        ("acquired 101530.25", "acquired (left out)"),
        ("4.000 mm, 0.523 x 0.523 x 5.2 mm", "4.000 mm, 0.523 x 0.523 x 5.2 mm"),
        ("-16 to -16 days", "-16 to -16 days"),
        ("60 slices of 512 x 512", "60 slices of 512 x 512"),
    ],
)
def test_texts_keep_their_numbers_and_lose_what_tells(text: str, told: str) -> None:
    assert told_text(text) == told


def test_structures_keep_words_of_imaging_and_are_told_apart(tmp_path) -> None:
    names = ["GTV_Mass", "GTV Smith", "GTV Jones", "Smith", "GTV_Mass"]
    assert told_names(names, privacy(tmp_path)) == {
        "GTV_Mass": "GTV_Mass",
        "GTV Smith": "GTV",
        "GTV Jones": "structure 3",
        "Smith": "structure 4",
    }
    assert told_names(names, None) == {name: name for name in names}


def test_errors_call_structures_as_the_cohort_does() -> None:
    told = Telling({"Smith": "structure 1", "GTV Smith": "GTV"}, is_private=True)
    with pytest.raises(InputError) as caught, told.errors():
        raise InputError("region 'GTV Smith' of 20240105", hint="Not 'Smith'.", code="x")
    assert str(caught.value) == "region 'GTV' of (left out) Not 'structure 1'."
    assert told.name("Jones") == "structure"


def test_the_weight_is_told_only_if_the_profile_keeps_it(tmp_path) -> None:
    values = {"patient_weight_kg": 71, "contrast_agent": "Gd of Smith", "kernel": "B30f"}
    assert told_values(values, privacy(tmp_path)) == {"kernel": "B30f"}
    kept = privacy(tmp_path, "retain-patient-characteristics")
    assert told_values(values, kept) == {"patient_weight_kg": 71, "kernel": "B30f"}
    assert told_values(values, None) == values
