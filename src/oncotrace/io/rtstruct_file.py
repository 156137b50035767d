"""What an RTSTRUCT file holds (DICOM PS3.3, C.8.8.5 and C.8.8.6), before anything is drawn."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from oncotrace.errors import DicomError
from oncotrace.io.dicom_header import quiet_pydicom

CLOSED_KINDS = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")

_RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
_TAGS = ["SOPClassUID", "Modality", "StructureSetROISequence", "ROIContourSequence"]
_LARGEST_FILE_BYTES = 1 << 29  # the largest real ones have a tenth of this


@dataclass(frozen=True)
class StoredContour:
    """A contour as it stands in the file.

    Parameters
    ----------
    kind
        Contour Geometric Type, such as ``CLOSED_PLANAR``.
    data
        Contour Data as text: pydicom would make an object of each of thousands of numbers.
    stated_points
        Number of Contour Points as text.
    image_uids
        The instances that the contour says it was drawn on.
    """

    kind: str
    data: bytes
    stated_points: bytes
    image_uids: tuple[str, ...]

    @property
    def is_closed(self) -> bool:
        """Whether the contour encloses an area."""
        return self.kind in CLOSED_KINDS

    def points_mm(self) -> NDArray[np.float64]:
        """Points of shape (n, 3) in LPS mm.

        Raises
        ------
        ValueError
            The text is not a finite number three times for every point; it says how.
        """
        if not self.data:
            return np.empty((0, 3))
        try:
            numbers = np.array(self.data.split(b"\\")).astype(np.float64)
        except ValueError as error:
            raise ValueError("a coordinate that is not a number") from error
        if len(numbers) % 3:
            raise ValueError(f"{len(numbers)} coordinates, not three for every point")
        if not np.isfinite(numbers).all():
            raise ValueError("a coordinate that is not finite")
        return numbers.reshape(-1, 3)


@dataclass(frozen=True)
class Structure:
    """One region with its contours; ``frame_uid`` is empty when the file names none."""

    number: int
    name: str
    frame_uid: str
    contours: tuple[StoredContour, ...]

    @property
    def closed(self) -> list[StoredContour]:
        """Contours that enclose an area."""
        return [contour for contour in self.contours if contour.is_closed]


def read_structures(path: Path) -> list[Structure]:
    """Regions of an RTSTRUCT file, in its order.

    Raises
    ------
    DicomError
        The file is missing, damaged, truncated or not an RTSTRUCT.
    """
    file = path.name
    if not path.is_file():
        raise DicomError(f"there is no file {file}.", code="missing-file")
    if path.stat().st_size > _LARGEST_FILE_BYTES:
        raise DicomError(
            f"{file} has {path.stat().st_size >> 20} MiB, far more than any structure set.",
            hint="Give the RTSTRUCT file.",
            code="too-large",
        )
    try:
        with quiet_pydicom():
            # Forced, because older systems write no preamble.
            return _structures(pydicom.dcmread(path, force=True, specific_tags=_TAGS), file)
    except DicomError:
        raise
    except Exception as error:  # what pydicom raises on damaged files is no closed set
        raise (_cut_off(file) if _has_preamble(path) else _not_dicom(file)) from error


def _has_preamble(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _not_dicom(file: str) -> DicomError:
    return DicomError(
        f"{file} is not a DICOM file.", hint="Give the RTSTRUCT file.", code="not-dicom"
    )


def _cut_off(file: str) -> DicomError:
    return DicomError(
        f"{file} is damaged or cut off: its regions cannot be read to the end.",
        hint="Export or copy it again.",
        code="truncated",
    )


def _structures(dataset: Dataset, file: str) -> list[Structure]:
    _require_rtstruct(dataset, file)
    for keyword in ("StructureSetROISequence", "ROIContourSequence"):
        _require_whole(dataset, keyword, file)
    contours: defaultdict[int, list[StoredContour]] = defaultdict(list)
    for item in dataset.ROIContourSequence:
        for contour in item.get("ContourSequence") or []:
            contours[int(item.ReferencedROINumber)].append(_contour(contour))
    structures = [
        Structure(
            int(item.ROINumber),
            str(item.get("ROIName") or "").strip(),
            str(item.get("ReferencedFrameOfReferenceUID") or ""),
            tuple(contours[int(item.ROINumber)]),
        )
        for item in dataset.StructureSetROISequence
    ]
    _require_unique_numbers(structures, file)
    return structures


def _require_rtstruct(dataset: Dataset, file: str) -> None:
    kind = UID(str(dataset.get("SOPClassUID") or ""))
    if not kind and "TransferSyntaxUID" not in dataset.file_meta:
        raise _not_dicom(file)
    if kind != _RTSTRUCT_CLASS:
        # In a damaged file a value may run on into the patient's name: only known ones are told.
        name = "of no known kind" if kind.name == kind else kind.name
        raise DicomError(
            f"{file} is not an RTSTRUCT but {name}.",
            hint="Give the file of modality RTSTRUCT.",
            code="not-rtstruct",
        )


def _require_whole(dataset: Dataset, keyword: str, file: str) -> None:
    """Refuse a value cut short by the end of the file, which pydicom takes as if it were whole."""
    element = dataset.get_item(keyword)
    is_short = isinstance(element, RawDataElement) and len(element.value or b"") < element.length
    if element is None or is_short:
        raise _cut_off(file)


def _require_unique_numbers(structures: list[Structure], file: str) -> None:
    uses = Counter(structure.number for structure in structures)
    for number, times in uses.items():
        if times > 1:
            raise DicomError(
                f"{file} gives the number {number} to {times} regions; whose contours they are "
                "cannot be told.",
                hint="Export it again.",
                code="duplicate-region-number",
            )


def _contour(item: Dataset) -> StoredContour:
    return StoredContour(
        kind=str(item.get("ContourGeometricType") or "").strip().upper(),
        data=_text(item, "ContourData"),
        stated_points=_text(item, "NumberOfContourPoints"),
        image_uids=tuple(
            str(image.get("ReferencedSOPInstanceUID") or "")
            for image in item.get("ContourImageSequence") or []
        ),
    )


def _text(item: Dataset, keyword: str) -> bytes:
    element = item.get_item(keyword)
    return bytes(element.value or b"").strip(b" \0") if element is not None else b""
