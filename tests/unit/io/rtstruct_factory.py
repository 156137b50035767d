"""RTSTRUCT files for tests: contours in, a file on disk out."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from oncotrace.domain.geometry import Geometry

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
FRAME_UID = "1.2.826.0.1.3680043.8.498.1"
_CONTOUR_DATA = Tag("ContourData")


@dataclass(frozen=True)
class ContourSpec:
    """One contour; ``data`` replaces the text made of the points."""

    points_mm: ArrayLike = ()
    kind: str = "CLOSED_PLANAR"
    image_uid: str = ""
    stated_points: int | None = None
    data: str | None = None


@dataclass(frozen=True)
class RegionSpec:
    """One region; no contours at all where ``contours`` is none."""

    name: str
    contours: Sequence[ContourSpec] | None
    number: int = 1
    frame_uid: str = FRAME_UID


@dataclass(frozen=True)
class FileSpec:
    """How the file is written."""

    sop_class: str = RTSTRUCT_CLASS
    modality: str = "RTSTRUCT"
    transfer_syntax: str = ExplicitVRLittleEndian
    undefined_length: bool = False
    preamble: bool = True
    extra: Mapping[str, str] = field(default_factory=dict)


def contours_from_indices(
    geometry: Geometry, polygons: Iterable[tuple[float, ArrayLike]], kind: str = "CLOSED_PLANAR"
) -> list[ContourSpec]:
    """Contours of polygons given as (z, vertices (n, 2)) in fractional voxel indices."""
    contours = []
    for z, vertices in polygons:
        xy = np.asarray(vertices, dtype=np.float64)
        xyz = np.column_stack([xy, np.full(len(xy), z)])
        contours.append(ContourSpec(geometry.to_point_mm(xyz), kind=kind))
    return contours


def write_rtstruct(path: Path, regions: Sequence[RegionSpec], spec: FileSpec | None = None) -> Path:
    """Write the regions as an RTSTRUCT file and return its path."""
    spec = spec or FileSpec()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = spec.sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = spec.transfer_syntax
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = spec.sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = spec.modality
    for keyword, value in spec.extra.items():
        setattr(dataset, keyword, value)
    if regions:
        dataset.StructureSetROISequence = DicomSequence([_structure(region) for region in regions])
        dataset.ROIContourSequence = DicomSequence([_roi_contour(region) for region in regions])
        for keyword in ("StructureSetROISequence", "ROIContourSequence"):
            dataset[keyword].is_undefined_length = spec.undefined_length
    dataset.save_as(path, enforce_file_format=True)
    if not spec.preamble:
        _strip_file_meta(path)
    return path


def _strip_file_meta(path: Path) -> None:
    """Leave the bare dataset, as systems older than the file format wrote it."""
    content = path.read_bytes()
    (group_length,) = struct.unpack("<L", content[140:144])
    path.write_bytes(content[144 + group_length :])


def _structure(region: RegionSpec) -> Dataset:
    item = Dataset()
    item.ROINumber = region.number
    item.ReferencedFrameOfReferenceUID = region.frame_uid
    item.ROIName = region.name
    item.ROIGenerationAlgorithm = "MANUAL"
    return item


def _roi_contour(region: RegionSpec) -> Dataset:
    item = Dataset()
    if region.contours is not None:
        item.ContourSequence = DicomSequence([_contour(contour) for contour in region.contours])
    item.ReferencedROINumber = region.number
    return item


def _contour(contour: ContourSpec) -> Dataset:
    points: NDArray[np.float64] = np.asarray(contour.points_mm, dtype=np.float64).reshape(-1, 3)
    item = Dataset()
    if contour.image_uid:
        image = Dataset()
        image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        image.ReferencedSOPInstanceUID = contour.image_uid
        item.ContourImageSequence = DicomSequence([image])
    item.ContourGeometricType = contour.kind
    stated = len(points) if contour.stated_points is None else contour.stated_points
    item.NumberOfContourPoints = stated
    data = contour.data
    if data is None:
        data = "\\".join(format_number_as_ds(float(value)) for value in points.ravel())
    text = data.encode() + b" " * (len(data) % 2)
    # An explicit DS holds 64 KiB; what is longer is written as UN (PS3.5, 6.2.2).
    vr = "DS" if len(text) < 1 << 16 else "UN"
    # Raw, so that malformed text reaches the file as well.
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, vr, len(text), text, 0, False, True)
    return item
