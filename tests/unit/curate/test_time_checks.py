"""What came before what: told where it can be told, and no more."""

from dataclasses import replace

import pytest

from oncotrace.curate.check_rules import Limits
from oncotrace.curate.flag import Flag
from oncotrace.curate.header_times import acquired_at, clock_of, day_of
from oncotrace.curate.series import Series
from oncotrace.curate.time_checks import (
    injected_before_scan,
    made_after_image,
    native_before_contrast,
    study_order,
)

F18_S, ZR89_S = 6586.2, 282096.0
PET = Series(
    modality="PT",
    acquisition_date="20200302",
    acquisition_time="110000.00",
    injection_time="100000",
    half_life_s=F18_S,
)
T1 = Series(
    patient_id="p1",
    study_uid="1",
    series_uid="1.1",
    rows=9,
    modality="MR",
    sequence="mr-t1",
    sequence_confidence=0.9,
    image_type="ORIGINAL\\PRIMARY",
    study_date="20200302",
    acquisition_date="20200302",
    acquisition_time="100000",
)
T1_GD = replace(
    T1,
    series_uid="1.2",
    sequence="mr-t1gd",
    contrast_agent="gadobutrol",
    acquisition_time="101000",
)
OUTLINES = Series(
    patient_id="p1",
    study_uid="1",
    series_uid="1.9",
    modality="RTSTRUCT",
    refers_to_series=("1.1",),
    link="series",
    series_date="20200302",
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("101530.25", 36930),
        ("10:15:30", 36930),
        ("1015", 36900),
        ("10", 36000),
        ("235960", 86399),
        ("", None),
        ("25", None),
        ("noon", None),
    ],
)
def test_times_of_day_are_read_or_not_known(text: str, seconds: int | None) -> None:
    clock = clock_of(text)
    found = None if clock is None else clock.hour * 3600 + clock.minute * 60 + clock.second
    assert found == seconds


@pytest.mark.parametrize("text", ["", "2020", "20201301", "unknown"])
def test_what_is_no_date_is_not_known(text: str) -> None:
    assert day_of(text) is None


def test_a_series_without_a_date_of_acquisition_has_its_own() -> None:
    series = Series(series_date="20200302", acquisition_time="1015")
    assert str(acquired_at(series)) == "2020-03-02 10:15:00"


def injection(**values: object) -> Flag | None:
    return injected_before_scan(replace(PET, **values), Limits())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "passed"),
    [
        ({}, True),
        ({"injection_time": "110000"}, True),
        ({"injection_time": "111500.00"}, False),
        ({"injection_time": "20200302100000.00"}, True),
        ({"injection_time": "20200302113000.00"}, False),
        ({"injection_time": "20200303100000"}, False),
        ({"injection_time": "20200302113000.00+0000"}, None),  # the file's own offset is not known
        ({"injection_time": "20200302100000.00+0000"}, True),
        ({"injection_time": "235000", "acquisition_time": "004500"}, True),  # the evening before
        ({"injection_time": "140000", "half_life_s": ZR89_S}, None),  # on any day before
        ({"injection_time": "140000", "half_life_s": None}, None),
        ({"injection_time": ""}, None),
        ({"acquisition_time": ""}, None),
        ({"acquisition_date": "", "series_date": ""}, None),
    ],
)
def test_an_injection_after_the_scan_is_told(values: dict[str, str], passed: bool | None) -> None:
    flag = injection(**values)
    assert flag is not None
    assert flag.passed is passed


@pytest.mark.parametrize(
    "values",
    [{"temporal_positions": 20}, {"pet_series_type": "DYNAMIC\\IMAGE"}, {"modality": "CT"}],
)
def test_dynamic_scans_may_begin_before_the_injection(values: dict[str, object]) -> None:
    assert injection(injection_time="111500", **values) is None


def test_a_long_injection_says_by_how_much_it_is_late() -> None:
    flag = injection(injection_time="20200302113000")
    assert flag is not None
    assert flag.value == "-30 minutes before the scan"


@pytest.mark.parametrize(
    ("values", "passed"),
    [
        ({}, True),
        ({"series_date": "20200301"}, False),
        ({"series_date": "20200301", "acquisition_date": "20200401"}, True),  # one was copied
        ({"series_date": ""}, None),
        ({"series_date": "20200301", "link": "study"}, None),
        ({"series_date": "20200301", "link": "frame-of-reference"}, None),
    ],
)
def test_outlines_older_than_their_image_are_told(
    values: dict[str, str], passed: bool | None
) -> None:
    flags = made_after_image([T1, replace(OUTLINES, **values)])  # type: ignore[arg-type]
    assert {uid: flag.passed for uid, flag in flags.items()} == {"1.9": passed}


def study(number: int, dated: str, acquired: str) -> Series:
    return replace(
        T1,
        study_uid=str(number),
        series_uid=f"{number}.1",
        study_date=dated,
        acquisition_date=acquired,
    )


def test_studies_dated_in_another_order_than_acquired_are_told() -> None:
    first, second = study(1, "20200101", "20200501"), study(2, "20200501", "20200101")
    third = study(3, "20200601", "20200601")
    flags = study_order([first, second, third])
    assert {uid: flag.passed for uid, flag in flags.items()} == {
        "1.1": False,
        "2.1": False,
        "3.1": True,
    }


def test_an_older_series_within_a_study_does_not_contradict_it() -> None:
    first, second = study(1, "20200101", "20200101"), study(2, "20200501", "20200501")
    imported = replace(second, series_uid="2.2", acquisition_date="20191231")
    assert all(flag.passed for flag in study_order([first, second, imported]).values())


def test_studies_of_other_patients_or_without_dates_have_no_order() -> None:
    first, second = study(1, "20200101", "20200501"), study(2, "20200501", "20200101")
    assert study_order([first, replace(second, patient_id="p2")]) == {}
    assert study_order([first, replace(second, acquisition_date="")]) == {}
    assert study_order([first]) == {}


@pytest.mark.parametrize(
    ("native", "enhanced", "passed"),
    [
        ({}, {}, True),
        ({"acquisition_time": "103000"}, {}, False),
        ({"acquisition_time": ""}, {}, None),
        ({}, {"acquisition_time": ""}, None),
        ({"acquisition_time": "103000"}, {"sequence": "mr-dce"}, False),
    ],
)
def test_a_native_t1_after_contrast_agent_is_told(
    native: dict[str, str], enhanced: dict[str, str], passed: bool | None
) -> None:
    flags = native_before_contrast([replace(T1, **native), replace(T1_GD, **enhanced)])  # type: ignore[arg-type]
    assert {uid: flag.passed for uid, flag in flags.items()} == {"1.1": passed}


@pytest.mark.parametrize(
    "values",
    [
        {"study_uid": "2"},
        {"sequence_confidence": 0.4},
        {"sequence_confidence": None},
        {"image_type": "DERIVED\\PRIMARY\\SUB"},
        {"sequence": "mr-dce", "contrast_agent": ""},
        {"sequence": "mr-t2"},
    ],
)
def test_what_may_be_no_image_with_agent_says_nothing_of_the_native_one(
    values: dict[str, object],
) -> None:
    late = replace(T1, acquisition_time="103000")
    assert native_before_contrast([late, replace(T1_GD, **values)]) == {}  # type: ignore[arg-type]
