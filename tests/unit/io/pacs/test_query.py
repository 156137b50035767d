"""Questions to a PACS are checked, and its answers are read with suspicion."""

from datetime import date

import pytest

from oncotrace.errors import InputError, SettingsError
from oncotrace.io.pacs.query import (
    Filters,
    FoundStudy,
    instance_of,
    patients_of,
    series_of,
    study_of,
)
from oncotrace.io.pacs.status import explain, is_stored


def study(uid: str = "1.2", patient: str = "P1", **values: tuple[str, ...]) -> FoundStudy:
    return study_of({"StudyInstanceUID": (uid,), "PatientID": (patient,), **values})


def test_study_is_what_the_answer_tells() -> None:
    found = study(
        StudyDate=("20200131",),
        ModalitiesInStudy=("MR", "CT"),
        StudyDescription=("Thigh",),
        NumberOfStudyRelatedSeries=("7",),
        PatientName=("Planted^Name",),
    )
    assert found == FoundStudy("1.2", "P1", date(2020, 1, 31), "Thigh", ("CT", "MR"), 7, None)
    assert "Planted" not in repr(found)


def test_malformed_values_are_as_good_as_none() -> None:
    found = study(StudyDate=("2020-13",), NumberOfStudyRelatedSeries=("many",))
    assert (found.study_date, found.series) == (None, None)


def test_text_cannot_steer_a_terminal() -> None:
    assert study(StudyDescription=("\x1b[31mred\r\n",)).description == "[31mred"


@pytest.mark.parametrize("uid", ["", "../..", "1.2 3", "1.2\n", "1" * 65])
def test_answer_without_a_uid_is_refused(uid: str) -> None:
    with pytest.raises(InputError, match="StudyInstanceUID is absent or not a UID"):
        study(uid)
    with pytest.raises(InputError, match="SOPInstanceUID"):
        instance_of({"SOPInstanceUID": (uid,)})


def test_uid_padded_as_in_dicom_is_taken() -> None:
    assert study("1.2\0").study_uid == "1.2"


@pytest.mark.parametrize(
    "values",
    [
        {"study_uid": "x"},
        {"series_uid": "1.2*"},
        {"modality": "ct"},
        {"modality": "CT\\MR"},
        {"patient_id": "P*"},
        {"patient_id": "A\\B"},
        {"patient_id": ""},
        {"description": "x" * 65},
        {"since": date(2020, 1, 2), "until": date(2020, 1, 1)},
    ],
)
def test_question_that_means_something_else_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="cannot be asked so") as refused:
        Filters(**values)  # type: ignore[arg-type]
    assert refused.value.code == "pacs-query"


def test_range_of_days_is_open_where_no_day_is_given() -> None:
    day = date(2020, 1, 31)
    assert Filters(since=day).date_range == "20200131-"
    assert Filters(until=day).date_range == "-20200131"
    assert Filters(since=day, until=day).date_range == "20200131-20200131"
    assert Filters().date_range == ""


def test_study_that_was_not_asked_for_is_not_admitted() -> None:
    dated = study(StudyDate=("20200131",), ModalitiesInStudy=("MR",))
    assert Filters(patient_id="P1", since=date(2020, 1, 31), modality="MR").admits_study(dated)
    for filters in (
        Filters(patient_id="P"),
        Filters(study_uid="1.2.3"),
        Filters(since=date(2020, 2, 1)),
        Filters(until=date(2020, 1, 30)),
        Filters(modality="CT"),
    ):
        assert not filters.admits_study(dated)
    assert not Filters(since=date(1900, 1, 1)).admits_study(study())


def test_series_that_was_not_asked_for_is_not_admitted() -> None:
    answer = {
        "SeriesInstanceUID": ("1.2.3",),
        "Modality": ("MR",),
        "SeriesDescription": ("T1 [a]",),
    }
    found = series_of(answer, study())
    assert Filters(series_uid="1.2.3", modality="MR", description="t1 [A]*").admits_series(found)
    assert not Filters(series_uid="1.2.4").admits_series(found)
    assert not Filters(modality="CT").admits_series(found)
    assert not Filters(description="T2*").admits_series(found)


def test_patients_are_gathered_from_their_studies() -> None:
    one, two = patients_of(
        [
            study("1.1", "A", StudyDate=("20200102",), ModalitiesInStudy=("CT",)),
            study("1.2", "B"),
            study("1.3", "A", StudyDate=("20200101",), ModalitiesInStudy=("MR",)),
        ]
    )
    assert (one.patient_id, one.studies, one.modalities) == ("A", 2, ("CT", "MR"))
    assert (one.first_study, one.last_study) == (date(2020, 1, 1), date(2020, 1, 2))
    assert (two.studies, two.first_study) == (1, None)


def test_every_status_has_words() -> None:
    assert explain(0xA801) == "the PACS does not know our AE title as a place to send to (0xA801)"
    assert explain(0xA777) == "the PACS is out of resources (0xA777)"
    assert explain(0xC001) == "the PACS cannot process it (0xC001)"
    assert explain(0x0999) == "the PACS has refused it (0x0999)"


def test_warning_means_stored_and_failure_does_not() -> None:
    assert [is_stored(status) for status in (0x0000, 0xB007, 0xA700, 0xC000, 0x0110)] == [
        True,
        True,
        False,
        False,
        False,
    ]
