"""The DICOM images that a result refers to, as whole headers fit to be copied from."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import refused_reads
from oncotrace.io.dicom_header import DicomHeader
from oncotrace.io.dicom_series import stacked_series

PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "PatientSize", "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod",
    "DeidentificationMethodCodeSequence", "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
    "ReferringPhysicianName", "StudyDescription",
)  # fmt: skip
"""What all objects of a study have in common (PS3.3, C.7.1.1, C.7.2.1, C.7.2.2)."""

PLACE = ("PositionReferenceIndicator",)
"""What all objects in a frame of reference have in common (PS3.3, C.7.4.1)."""

_LONGEST = {"SH": 16, "CS": 16, "LO": 64, "DS": 16, "IS": 12}
"""Characters that a value of the representation may have (PS3.5, table 6.2-1)."""

_LONGEST_NAME_GROUP = 64
_SEXES = ("M", "F", "O")  # PS3.3, table C.7-1
_WELL_FORMED = {
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?"),
    "AS": re.compile(r"\d{3}[DWMY]"),
    "DS": re.compile(r"[ +-]?[\d.eE+-]{1,16} *"),
}


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """Images of one series, in the order of the z axis of its grid.

    Parameters
    ----------
    images
        Header of every file, without pixels: of every slice, or of fewer files of many frames. What
        is copied into results has been made to keep to its value representation.
    places
        For every slice of the grid its image, counted from 0, and its frame there, counted from 1.
    notes
        What the reader should know, without anything about the patient.
    """

    images: tuple[Dataset, ...]
    places: tuple[tuple[int, int], ...]
    geometry: Geometry
    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    notes: tuple[str, ...]

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """UIDs of the images."""
        return tuple(str(image.SOPInstanceUID) for image in self.images)

    def copy_into(self, target: Dataset, keywords: Iterable[str]) -> None:
        """Give an object the elements of the source, as far as that has them."""
        for keyword in keywords:
            if keyword in self.images[0]:
                target[keyword] = self.images[0][keyword]


def read_source(source: Path, *, series_uid: str | None = None) -> SourceSeries:
    """Headers of one series of a folder (recursively), zip archive or enhanced multi-frame file.

    Parameters
    ----------
    series_uid
        Which series, where the source holds several.

    Raises
    ------
    InputError
        There is nothing at ``source``.
    DicomError
        The source does not hold exactly one such series, the series is not one regular volume, or
        it names no frame of reference.
    """
    with stacked_series(source, series_uid) as series:
        headers = series.headers
        images = [_whole_header(header) for header in headers]
        number = {id(header): n for n, header in enumerate(headers)}
        places = [(number[id(frame.header)], frame.index + 1) for frame in series.frames]
        first = headers[0]
        repairs = sorted({note for image in images for note in _repair(image)})
        return SourceSeries(
            images=tuple(images),
            places=tuple(places),
            geometry=series.geometry,
            series_uid=series.uid,
            study_uid=first.required_text("StudyInstanceUID"),
            frame_of_reference_uid=first.required_text("FrameOfReferenceUID"),
            notes=(*series.notes, *repairs),
        )


def _whole_header(header: DicomHeader) -> Dataset:
    with header.file.open() as stream, refused_reads():
        try:
            image = dcmread(stream, force=True, stop_before_pixels=True)
            image.decode()  # now, so that a damaged element is found before anything is written
        except (InvalidDicomError, LookupError, TypeError, ValueError):
            raise DicomError(
                f"{header.label} cannot be read whole, so nothing can be made to refer to it.",
                hint="Fetch it again.",
                code="malformed-tag",
            ) from None
    return image


def _repair(image: Dataset) -> list[str]:
    """Shorten or empty values that break their representation; returns what was done."""
    notes = []
    for keyword in (*PATIENT_AND_STUDY, *PLACE):
        value, representation = image.get(keyword), dictionary_VR(keyword)
        if value in (None, "") or representation == "SQ":
            continue
        texts = list(map(str, value)) if isinstance(value, MultiValue) else [str(value)]
        kept = [_fitting(text, keyword, representation) for text in texts]
        if kept != texts:
            image[keyword].value = kept if len(kept) > 1 else kept[0]
            what = "shortened" if any(kept) else "left out"
            notes.append(f"{keyword} of the source breaks the rules of DICOM and was {what}.")
    return notes


def _fitting(text: str, keyword: str, representation: str) -> str:
    """Return as much of the text as DICOM allows there; nothing of what it cannot mean."""
    if keyword == "PatientSex":
        return text if text in _SEXES else ""
    if representation == "PN":
        groups = PersonName(text).components
        return "=".join(group[:_LONGEST_NAME_GROUP] for group in groups[:3])
    pattern = _WELL_FORMED.get(representation)
    if pattern is not None and not pattern.fullmatch(text):
        return ""
    if representation == "DA" and not _is_date(text):
        return ""
    longest = _LONGEST.get(representation)
    return text if longest is None else text[:longest].rstrip()


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
