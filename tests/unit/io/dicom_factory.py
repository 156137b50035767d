"""Synthetic DICOM series, written slice by slice; nothing in them comes from a patient."""

from collections.abc import Callable, Sequence
from pathlib import Path

import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_buffer
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from oncotrace.domain.geometry import Geometry

PLANTED_NAME = "Planted^Name"
PLANTED_DATE = "19010203"
SERIES_UID = "1.2.826.0.1.3680043.10.1.1"
STUDY_UID = "1.2.826.0.1.3680043.10.1"
FRAME_UID = "1.2.826.0.1.3680043.10.2"

CLASSIC = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
ENHANCED = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}

GRID = Geometry((6, 5, 4), (0.7, 0.9, 2.5), (-11.0, 7.0, 30.0))

_LITTLE_ENDIAN = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
)

Change = Callable[[int, Dataset], None]


def values(geometry: Geometry = GRID, *, bits: int = 12, signed: bool = False) -> NDArray[np.int64]:
    """Stored values [z, y, x], all over the range, different at every voxel of a small grid."""
    numbers = np.arange(np.prod(geometry.shape_zyx)).reshape(geometry.shape_zyx) * 37 % (1 << bits)
    return numbers - (1 << (bits - 1)) if signed else numbers


def slice_uid(z: int) -> str:
    return f"1.2.826.0.1.3680043.10.3.{z + 1}"


def slice_dataset(
    z: int,
    stored: NDArray[np.int64],
    geometry: Geometry = GRID,
    *,
    modality: str = "CT",
    bits: int = 12,
    signed: bool = False,
) -> Dataset:
    """Classic single-frame object of slice ``z``."""
    dataset = _common(geometry, bits, signed)
    dataset.SOPClassUID = CLASSIC[modality]
    dataset.SOPInstanceUID = slice_uid(z)
    dataset.Modality = modality
    dataset.InstanceNumber = 1  # says nothing about the order
    dataset.ImagePositionPatient = _ds(geometry.to_point_mm((0, 0, z)))
    dataset.ImageOrientationPatient = _ds(geometry.axes[:, :2].T.ravel())
    dataset.PixelSpacing = _ds((geometry.spacing_mm[1], geometry.spacing_mm[0]))
    dataset.SliceThickness = "1"
    dataset.PixelData = _pixel_bytes(stored[z], bits, signed)
    dataset["PixelData"].VR = "OW"
    return dataset


def series(
    stored: NDArray[np.int64] | None = None,
    geometry: Geometry = GRID,
    *,
    change: Change | None = None,
    modality: str = "CT",
    bits: int = 12,
    signed: bool = False,
) -> list[Dataset]:
    """One dataset for each slice of the grid, after ``change`` has been at each."""
    array = values(geometry, bits=bits, signed=signed) if stored is None else stored
    datasets = [
        slice_dataset(z, array, geometry, modality=modality, bits=bits, signed=signed)
        for z in range(geometry.size_xyz[2])
    ]
    for z, dataset in enumerate(datasets):
        if change is not None:
            change(z, dataset)
    return datasets


def enhanced(
    stored: NDArray[np.int64],
    geometry: Geometry = GRID,
    *,
    order: Sequence[int] | None = None,
    modality: str = "MR",
    slopes: Sequence[float] | None = None,
) -> Dataset:
    """Enhanced multi-frame object; ``order`` says which slice each frame holds."""
    order = range(geometry.size_xyz[2]) if order is None else order
    dataset = _common(geometry, bits=12, signed=False)
    dataset.SOPClassUID = ENHANCED[modality]
    dataset.SOPInstanceUID = slice_uid(0)
    dataset.Modality = modality
    dataset.NumberOfFrames = len(order)
    dataset.SharedFunctionalGroupsSequence = [_shared_groups(geometry)]
    dataset.PerFrameFunctionalGroupsSequence = [
        _frame_groups(geometry, z, None if slopes is None else slopes[z]) for z in order
    ]
    dataset.PixelData = _pixel_bytes(stored[list(order)], bits=12, signed=False)
    dataset["PixelData"].VR = "OW"
    return dataset


def _common(geometry: Geometry, bits: int, signed: bool) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = PLANTED_NAME
    dataset.PatientID = PLANTED_NAME
    dataset.PatientBirthDate = PLANTED_DATE
    dataset.StudyDate = PLANTED_DATE
    dataset.SeriesDescription = f"T1 of {PLANTED_NAME}"
    dataset.StudyInstanceUID = STUDY_UID
    dataset.SeriesInstanceUID = SERIES_UID
    dataset.FrameOfReferenceUID = FRAME_UID
    dataset.Rows, dataset.Columns = geometry.size_xyz[1], geometry.size_xyz[0]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 8 if bits <= 8 else 16
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    return dataset


def _shared_groups(geometry: Geometry) -> Dataset:
    measures = Dataset()
    measures.PixelSpacing = _ds((geometry.spacing_mm[1], geometry.spacing_mm[0]))
    orientation = Dataset()
    orientation.ImageOrientationPatient = _ds(geometry.axes[:, :2].T.ravel())
    groups = Dataset()
    groups.PixelMeasuresSequence = [measures]
    groups.PlaneOrientationSequence = [orientation]
    return groups


def _frame_groups(geometry: Geometry, z: int, slope: float | None) -> Dataset:
    position = Dataset()
    position.ImagePositionPatient = _ds(geometry.to_point_mm((0, 0, z)))
    groups = Dataset()
    groups.PlanePositionSequence = [position]
    if slope is not None:
        transformation = Dataset()
        transformation.RescaleSlope = f"{slope:.10g}"
        transformation.RescaleIntercept = "-7"
        transformation.RescaleType = "US"
        groups.PixelValueTransformationSequence = [transformation]
    return groups


def _ds(numbers: Sequence[float] | NDArray[np.float64]) -> list[str]:
    """Decimal strings of at most 16 characters, as precise as those allow."""
    return [f"{number:.10f}"[:16] for number in numbers]


def _pixel_bytes(stored: NDArray[np.int64], bits: int, signed: bool) -> bytes:
    data = stored.astype(f"<{'i' if signed else 'u'}{1 if bits <= 8 else 2}").tobytes()
    return data + b"\0" * (len(data) % 2)


def write(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write one dataset as a DICOM file, encoded as ``syntax`` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    if syntax == ExplicitVRBigEndian:
        pixels = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset.PixelData = pixels if dataset.BitsAllocated == 16 else dataset.PixelData
    elif syntax not in _LITTLE_ENDIAN:
        _compress(dataset, syntax)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _compress(dataset: Dataset, syntax: str) -> None:
    if syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.set_original_encoding(False, True)
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        return
    size = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    count = int(dataset.get("NumberOfFrames", 1))
    frames = [dataset.PixelData[i * size : (i + 1) * size] for i in range(count)]
    dataset.PixelData = encapsulate([_encoded(frame, dataset, syntax) for frame in frames])
    dataset["PixelData"].VR = "OB"


def _encoded(frame: bytes, dataset: Dataset, syntax: str) -> bytes:
    if syntax == JPEG2000Lossless:
        return encode_buffer(
            frame,
            dataset.Columns,
            dataset.Rows,
            1,
            dataset.BitsStored,
            bool(dataset.PixelRepresentation),
        )
    if syntax == JPEGLSLossless:
        return bytes(
            jpeg_ls.encode_buffer(frame, dataset.Rows, dataset.Columns, 1, dataset.BitsStored)
        )
    return frame


def write_series(
    folder: Path, datasets: Sequence[Dataset], syntax: str = ExplicitVRLittleEndian
) -> Path:
    """Write datasets into a folder, under names that sort against their order."""
    for number, dataset in enumerate(datasets):
        write(dataset, folder / f"{len(datasets) - number:04d}.dcm", syntax)
    return folder
