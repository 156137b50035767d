"""What a PACS is asked for and what it says it has: patients, studies, series, instances.

Nothing here holds a patient's name; the patient id is the most that is shown.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from oncotrace.errors import InputError, SettingsError

Level = Literal["patient", "study", "series"]
Answer = Mapping[str, tuple[str, ...]]
"""One match: values as text, by keyword."""

STUDY_KEYWORDS = (
    "StudyInstanceUID", "PatientID", "StudyDate", "StudyDescription", "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
)  # fmt: skip
SERIES_KEYWORDS = (
    "SeriesInstanceUID", "Modality", "SeriesDescription", "SeriesNumber",
    "NumberOfSeriesRelatedInstances",
)  # fmt: skip
INSTANCE_KEYWORDS = ("SOPInstanceUID", "SOPClassUID")

_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
_LONGEST_TEXT = 64


@dataclass(frozen=True)
class Filters:
    """What must hold of the studies and series that are asked for; none of it means all.

    Parameters
    ----------
    patient_id
        The whole id; no wildcards.
    since, until
        First and last day of the study, both included.
    modality
        DICOM's word for it: CT, MR, PT, SEG, RTSTRUCT, SR.
    description
        Of the study or the series, whichever is asked for; ``*`` and ``?`` are wildcards.
    """

    patient_id: str | None = None
    since: date | None = None
    until: date | None = None
    modality: str | None = None
    description: str | None = None
    study_uid: str | None = None
    series_uid: str | None = None

    def __post_init__(self) -> None:
        for uid in (self.study_uid, self.series_uid):
            if uid is not None and not is_uid(uid):
                raise _wrong_filter("a UID has digits and dots, at most 64")
        if self.modality is not None and not _CODE.fullmatch(self.modality):
            raise _wrong_filter("a modality is a word of capitals, such as CT or MR")
        for text in (self.patient_id, self.description):
            if text is not None and not _is_searchable(text):
                raise _wrong_filter("a text to look for has 1 to 64 characters and no backslash")
        if self.patient_id is not None and set("*?") & set(self.patient_id):
            raise _wrong_filter("a patient id is given whole, without wildcards")
        if self.since and self.until and self.since > self.until:
            raise _wrong_filter("the first day lies behind the last")

    @property
    def names_studies(self) -> bool:
        """Whether they choose among studies, not only among the series of one."""
        return any((self.patient_id, self.since, self.until, self.study_uid))

    @property
    def date_range(self) -> str:
        """Days of the study as DICOM matches them (PS3.4, C.2.2.2.5.1), empty for any."""
        if not (self.since or self.until):
            return ""
        first, last = (f"{day:%Y%m%d}" if day else "" for day in (self.since, self.until))
        return f"{first}-{last}"

    def admits_study(self, study: "FoundStudy") -> bool:
        """Whether a study is what was asked for; a PACS may ignore what it was asked."""
        day = study.study_date
        return (
            self.patient_id in (None, study.patient_id)
            and self.study_uid in (None, study.study_uid)
            and (self.since is None or (day is not None and day >= self.since))
            and (self.until is None or (day is not None and day <= self.until))
            and (self.modality is None or not study.modalities or self.modality in study.modalities)
        )

    def admits_series(self, series: "FoundSeries") -> bool:
        """Whether a series of such a study is what was asked for."""
        return (
            self.series_uid in (None, series.series_uid)
            and self.modality in (None, series.modality)
            and self.admits_description(series.description)
        )

    def admits_description(self, description: str) -> bool:
        """Whether a description matches, whatever its case."""
        if self.description is None:
            return True
        pattern = self.description.casefold().replace("[", "[[]")
        return fnmatch.fnmatchcase(description.casefold(), pattern)


def _wrong_filter(what: str) -> SettingsError:
    return SettingsError(f"a PACS cannot be asked so: {what}.", code="pacs-query")


def _is_searchable(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_TEXT and text.isprintable() and "\\" not in text


@dataclass(frozen=True)
class FoundStudy:
    """A study of the PACS; numbers that it does not tell are none."""

    study_uid: str
    patient_id: str
    study_date: date | None
    description: str
    modalities: tuple[str, ...]
    series: int | None
    instances: int | None


@dataclass(frozen=True)
class FoundSeries:
    """A series of the PACS, with what its study says of it."""

    study_uid: str
    series_uid: str
    patient_id: str
    study_date: date | None
    modality: str
    description: str
    number: int | None
    instances: int | None


@dataclass(frozen=True)
class FoundPatient:
    """A patient of the PACS, by id: DICOMweb and the study root know studies only."""

    patient_id: str
    studies: int
    modalities: tuple[str, ...]
    first_study: date | None
    last_study: date | None


@dataclass(frozen=True)
class FoundInstance:
    """An instance of a series; its SOP class is empty where the PACS does not tell."""

    sop_instance_uid: str
    sop_class_uid: str


def is_uid(text: str) -> bool:
    """Whether a text is a UID, and thereby fit to be a name of a file or part of an address.

    Components with leading zeros, which PS3.5 (9.1) forbids and many PACS hold, are let through.
    """
    return _UID.fullmatch(text) is not None


def study_of(answer: Answer) -> FoundStudy:
    """Study that an answer tells of.

    Raises
    ------
    InputError
        ``pacs-answer``: it has no study instance UID, or what it has is none.
    """
    return FoundStudy(
        study_uid=_uid(answer, "StudyInstanceUID"),
        patient_id=_text(answer, "PatientID"),
        study_date=_date(answer, "StudyDate"),
        description=_text(answer, "StudyDescription"),
        modalities=tuple(sorted(set(map(_shown, answer.get("ModalitiesInStudy", ()))) - {""})),
        series=_number(answer, "NumberOfStudyRelatedSeries"),
        instances=_number(answer, "NumberOfStudyRelatedInstances"),
    )


def series_of(answer: Answer, study: FoundStudy) -> FoundSeries:
    """Series of a study that an answer tells of; raises as `study_of` does."""
    return FoundSeries(
        study_uid=study.study_uid,
        series_uid=_uid(answer, "SeriesInstanceUID"),
        patient_id=study.patient_id,
        study_date=study.study_date,
        modality=_text(answer, "Modality"),
        description=_text(answer, "SeriesDescription"),
        number=_number(answer, "SeriesNumber"),
        instances=_number(answer, "NumberOfSeriesRelatedInstances"),
    )


def instance_of(answer: Answer) -> FoundInstance:
    """Instance that an answer tells of; raises as `study_of` does."""
    sop_class = _text(answer, "SOPClassUID")
    return FoundInstance(_uid(answer, "SOPInstanceUID"), sop_class if is_uid(sop_class) else "")


def patients_of(studies: Iterable[FoundStudy]) -> list[FoundPatient]:
    """Patients of the studies, in the order of their first study."""
    grouped: dict[str, list[FoundStudy]] = {}
    for study in studies:
        grouped.setdefault(study.patient_id, []).append(study)
    return [_patient(patient_id, group) for patient_id, group in grouped.items()]


def _patient(patient_id: str, studies: list[FoundStudy]) -> FoundPatient:
    days = [study.study_date for study in studies if study.study_date is not None]
    return FoundPatient(
        patient_id=patient_id,
        studies=len(studies),
        modalities=tuple(sorted({name for study in studies for name in study.modalities})),
        first_study=min(days, default=None),
        last_study=max(days, default=None),
    )


def _uid(answer: Answer, keyword: str) -> str:
    uid = "".join(answer.get(keyword, ())).strip(" \0")
    if not is_uid(uid):
        raise InputError(
            f"the PACS answers with a match whose {keyword} is absent or not a UID.",
            hint="Tell the administrator of the PACS.",
            code="pacs-answer",
        )
    return uid


def _text(answer: Answer, keyword: str) -> str:
    return _shown("\\".join(answer.get(keyword, ())))


def _shown(text: str) -> str:
    """Text without what would steer a terminal."""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _number(answer: Answer, keyword: str) -> int | None:
    text = _text(answer, keyword)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _date(answer: Answer, keyword: str) -> date | None:
    text = _text(answer, keyword).replace(".", "")
    try:
        return date.fromisoformat(text) if len(text) == 8 else None
    except ValueError:
        return None
