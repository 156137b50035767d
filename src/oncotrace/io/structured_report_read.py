"""Structured reports that oncotrace wrote, read back (see `oncotrace.io.structured_report`).

The tree is walked by the codes of its items; reports of other programs are refused.
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, Comprehensive3DSRStorage

from oncotrace.domain.measurement import Diameter, TumourSize
from oncotrace.domain.segmentation import Quality
from oncotrace.errors import DicomError
from oncotrace.io import structured_report_codes as codes
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.structured_report import TumourReport

_LARGEST_FILE_BYTES = 1 << 26  # on a series of a thousand images, a report has 0.2 MiB


@dataclass(frozen=True)
class StoredReport:
    """A report, and what it refers to.

    Parameters
    ----------
    segmentation_uid
        SOP instance of the DICOM SEG whose segment ``segment_number`` was measured.
    source_series_uid
        Series of the images that it was measured on.
    version
        Version of oncotrace that measured.
    """

    report: TumourReport
    segmentation_uid: str
    segment_number: int
    source_series_uid: str
    frame_of_reference_uid: str
    version: str


def read_report(path: Path) -> StoredReport:
    """Read a structured report that oncotrace wrote.

    Raises
    ------
    DicomError
        The file is missing, damaged, truncated, not a report of ours, or of a newer format.
    """
    file = path.name
    if not path.is_file():
        raise DicomError(f"there is no file {file}.", code="missing-file")
    if path.stat().st_size > _LARGEST_FILE_BYTES:
        raise DicomError(
            f"{file} has {path.stat().st_size >> 20} MiB, far more than any report of ours.",
            hint="Give the structured report.",
            code="too-large",
        )
    try:
        with quiet_pydicom():
            dataset = dcmread(path, force=True)
            _require_ours(dataset, file)
            return _stored_report(dataset)
    except DicomError:
        raise
    except Exception:  # what pydicom raises on damaged files is no closed set
        # `from None`: its message repeats bytes that may name the patient.
        raise (_cut_off(file) if _has_preamble(path) else _not_dicom(file)) from None


def _has_preamble(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _not_dicom(file: str) -> DicomError:
    return DicomError(
        f"{file} is not a DICOM file.", hint="Give the structured report.", code="not-dicom"
    )


def _cut_off(file: str) -> DicomError:
    return DicomError(
        f"{file} is damaged or cut off: it lacks what every report of oncotrace says.",
        hint="Copy it or write it again.",
        code="truncated",
    )


def _require_ours(dataset: Dataset, file: str) -> None:
    if "SOPInstanceUID" not in dataset:
        raise ValueError("not a DICOM object, or not one to its end")
    kind = UID(dataset.SOPClassUID)
    if kind == Comprehensive3DSRStorage and not _is_whole(dataset, "ContentSequence"):
        raise ValueError("the content is cut off")
    schemes = {
        str(scheme.get("CodingSchemeDesignator")): scheme
        for scheme in dataset.get("CodingSchemeIdentificationSequence") or []
    }
    if kind != Comprehensive3DSRStorage or codes.SCHEME not in schemes:
        raise DicomError(
            f"{file} is no report that oncotrace wrote; its kind is "
            f"{kind.name if kind.type else 'not known'}.",
            hint="Give the structured report of oncotrace.",
            code="not-our-report",
        )
    version = int(schemes[codes.SCHEME].CodingSchemeVersion)
    if version > codes.SCHEME_VERSION:
        raise DicomError(
            f"{file} has format {version}; this version reads up to {codes.SCHEME_VERSION}.",
            hint="Update oncotrace.",
            code="newer-format",
        )


def _is_whole(dataset: Dataset, keyword: str) -> bool:
    """Whether the value is there and not cut short by the end of the file, as pydicom allows."""
    element = dataset.get_item(keyword)
    is_short = isinstance(element, RawDataElement) and len(element.value or b"") < element.length
    return element is not None and not is_short


def _stored_report(document: Dataset) -> StoredReport:
    groups = _all(_only(document, codes.IMAGING_MEASUREMENTS), codes.MEASUREMENT_GROUP)
    (roi,) = (group for group in groups if _all(group, codes.REFERENCED_SEGMENT))
    (lines,) = (group for group in groups if group is not roi)
    segment = _only(roi, codes.REFERENCED_SEGMENT).ReferencedSOPSequence[0]
    return StoredReport(
        report=TumourReport(
            size=_size(roi, lines),
            maker=str(_only(roi, codes.MAKER).TextValue),
            tracking_id=str(_only(roi, codes.TRACKING_IDENTIFIER).TextValue),
            tracking_uid=str(_only(roi, codes.TRACKING_UID).UID),
            quality=_quality(roi) if _all(roi, codes.PREDICTED_DICE) else None,
            grade=_grade(roi) if _all(roi, codes.REVIEW_GRADE) else None,
        ),
        segmentation_uid=str(segment.ReferencedSOPInstanceUID),
        segment_number=int(segment.ReferencedSegmentNumber),
        source_series_uid=str(_only(roi, codes.SOURCE_SERIES).UID),
        frame_of_reference_uid=str(_line(lines, codes.LONG_AXIS).ReferencedFrameOfReferenceUID),
        version=str(_only(roi, codes.ALGORITHM_VERSION).TextValue),
    )


def _size(roi: Dataset, lines: Dataset) -> TumourSize:
    axes = [axis.value for axis in codes.GRID_AXES]
    return TumourSize(
        volume_ml=_number(_only(roi, codes.VOLUME), codes.MILLILITRE),
        longest_axial=_diameter(lines, codes.LONG_AXIS),
        perpendicular=_diameter(lines, codes.SHORT_AXIS),
        longest_3d=_diameter(lines, codes.LONGEST_3D),
        axial_slice=int(_number(_only(lines, codes.AXIAL_SLICE), codes.NO_UNIT)),
        axial_axis=axes.index(_code(_only(lines, codes.AXIAL_AXIS))),
        axial_tilt_deg=_number(_only(lines, codes.AXIAL_TILT), codes.DEGREE),
    )


def _diameter(lines: Dataset, name: Code) -> Diameter:
    x0, y0, z0, x1, y1, z1 = (_finite(number) for number in _line(lines, name).GraphicData)
    length_mm = _number(_only(lines, name), codes.MILLIMETRE)
    return Diameter(length_mm, (x0, y0, z0), (x1, y1, z1))


def _line(lines: Dataset, name: Code) -> Dataset:
    """Return the coordinates of a measurement's end points."""
    line: Dataset
    (line,) = (item for item in _only(lines, name).ContentSequence if item.ValueType == "SCOORD3D")
    return line


def _quality(roi: Dataset) -> Quality:
    ends = {code.value: end for end, code in codes.ENDS.items()}
    dice, lower, upper = (
        _number(_only(roi, name), codes.NO_UNIT)
        for name in (codes.PREDICTED_DICE, codes.PREDICTED_DICE_LOWER, codes.PREDICTED_DICE_UPPER)
    )
    slices = (_number(item, codes.NO_UNIT) for item in _all(roi, codes.SLICE_TO_CHECK))
    return Quality(
        predicted_dice=dice,
        predicted_dice_interval=(lower, upper),
        slices_to_check=tuple(int(number) for number in slices),
        ends_to_check=tuple(ends[_code(item)] for item in _all(roi, codes.END_TO_CHECK)),
    )


def _grade(roi: Dataset) -> str:
    grades = {code.value: grade for grade, code in codes.GRADES.items()}
    return grades[_code(_only(roi, codes.REVIEW_GRADE))]


# ---- items of a content tree (PS3.3, C.17.3) ----------------------------------------------------


def _all(parent: Dataset, name: Code) -> list[Dataset]:
    """Return the children of that concept name, in their order."""
    return [item for item in parent.ContentSequence if _is(item.ConceptNameCodeSequence[0], name)]


def _only(parent: Dataset, name: Code) -> Dataset:
    item: Dataset
    (item,) = _all(parent, name)
    return item


def _is(found: Dataset, code: Code) -> bool:
    return (found.CodeValue, found.CodingSchemeDesignator) == (code.value, code.scheme_designator)


def _number(item: Dataset, unit: Code) -> float:
    """Return the value of a NUM item, in double precision where it has that (PS3.3, C.18.1)."""
    (measured,) = item.MeasuredValueSequence
    if not _is(measured.MeasurementUnitsCodeSequence[0], unit):
        raise ValueError(f"not in {unit.value}")
    return _finite(measured.get("FloatingPointValue", measured.NumericValue))


def _finite(number: float) -> float:
    if not isfinite(number):
        raise ValueError("a number that is not finite")
    return float(number)


def _code(item: Dataset) -> str:
    """Return the value of a CODE item whose value is of our own scheme."""
    concept = item.ConceptCodeSequence[0]
    if concept.CodingSchemeDesignator != codes.SCHEME:
        raise ValueError("a code of another scheme")
    return str(concept.CodeValue)
