"""A patient on whom nothing is to be found: CT, T1 without and with agent, PET, outlines, later CT.

Two unequal limbs in air, made in the test; nothing in it comes from a patient.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import STUDY_UID, series, write_series

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_seg import TumourSegment, write_segmentation
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct_write import write_structure

Part = Literal["ct", "t1", "t1gd", "pet", "later", "outlines", "segments"]

GRID = Geometry((40, 40, 10), (5.0, 5.0, 5.0), (-100.0, -100.0, 0.0))
TIMES = {"ct": "090000", "t1": "100000", "t1gd": "101500", "pet": "120000", "later": "090000"}
DATES = {"later": "20200401"}
MODALITIES = {"ct": "CT", "t1": "MR", "t1gd": "MR", "pet": "PT", "later": "CT"}
DOSE_BQ, WEIGHT_KG = 3.7e8, 70.0


def write_clean_study(folder: Path) -> Path:
    """Write every part into a folder of its own."""
    for number, image in enumerate(MODALITIES):
        write_series(folder / image, _images(image, number))
    write_structure(
        tumour(),
        folder / "outlines" / "outlines.dcm",
        read_source(folder / "ct"),
        name="GTV",
        algorithm="MANUAL",
    )
    segment = TumourSegment("SEMIAUTOMATIC", "made", "lesion", "2.25.9", "Tumour")
    write_segmentation(
        tumour(), folder / "segments" / "segments.dcm", read_source(folder / "t1"), segment=segment
    )
    drawn: tuple[Part, ...] = ("outlines", "segments")
    for part in drawn:
        change_files(folder, part, lambda dataset: setattr(dataset, "SeriesDate", "20200501"))
    return folder


def series_uid(folder: Path, part: Part) -> str:
    """UID of the series of a part."""
    return str(dcmread(next((folder / part).iterdir()), stop_before_pixels=True).SeriesInstanceUID)


def change_files(folder: Path, part: Part, change: Callable[[Dataset], None]) -> None:
    """Change every file of a part."""
    for path in sorted((folder / part).iterdir()):
        dataset = dcmread(path)
        change(dataset)
        dataset.save_as(path)


def change_pixels(
    folder: Path, part: Part, change: Callable[[NDArray[np.uint16]], NDArray[np.uint16]]
) -> None:
    """Change the stored pixels [row, column] of every slice of a part."""

    def changed(dataset: Dataset) -> None:
        pixels = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
        dataset.PixelData = change(pixels.copy()).astype("<u2").tobytes()

    change_files(folder, part, changed)


def limbs(share: float = 1.0) -> NDArray[np.bool_]:
    """Two cylinders, the thicker one at low x; ``share`` of their radius."""
    _, y, x = np.indices(GRID.shape_zyx)
    thick = (x - 12) ** 2 + (y - 20) ** 2 < (8 * share) ** 2
    return np.asarray(thick | ((x - 30) ** 2 + (y - 20) ** 2 < (4 * share) ** 2))


def tumour() -> Mask:
    """A ball in the thicker limb."""
    z, y, x = np.indices(GRID.shape_zyx)
    return Mask((x - 12) ** 2 + (y - 20) ** 2 + (z - 5) ** 2 < 12, GRID)


def _images(part: str, number: int) -> list[Dataset]:
    """Slices of one series; the noise differs between series, and air has none below 0."""
    noise = np.random.default_rng(number).integers(0, 20, GRID.shape_zyx)
    air, tissue = (15, 1055) if MODALITIES[part] == "CT" else (0, 500 + 100 * number)
    stored = np.where(limbs(), tissue, air) + 300 * limbs(0.5) + noise
    elements = _of_ct() if MODALITIES[part] == "CT" else {}

    def fill(z: int, dataset: Dataset) -> None:
        day = DATES.get(part, "20200302")
        dataset.PatientID = "made"
        dataset.StudyInstanceUID = f"{STUDY_UID}.{day}"
        dataset.SeriesInstanceUID = f"{STUDY_UID}.{number}"
        dataset.SOPInstanceUID = f"{STUDY_UID}.{number}.{z + 1}"
        dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = day
        dataset.StudyTime = "083000"
        dataset.SeriesTime = dataset.AcquisitionTime = TIMES[part]
        dataset.SliceThickness = dataset.SpacingBetweenSlices = "5"
        dataset.BurnedInAnnotation = "NO"
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.Manufacturer = "made"
        dataset.SeriesDescription = {"t1": "t1 tse", "t1gd": "t1 tse gd"}.get(part, part)
        for name, value in elements.items():
            setattr(dataset, name, value)
        if part == "t1gd":
            dataset.ContrastBolusAgent = "gadobutrol"
        if part == "pet":
            _add_tracer(dataset)

    return series(stored, GRID, change=fill, modality=MODALITIES[part])


def _of_ct() -> Mapping[str, str]:
    return {"RescaleSlope": "1", "RescaleIntercept": "-1024"}


def _add_tracer(dataset: Dataset) -> None:
    tracer = Dataset()
    tracer.RadiopharmaceuticalStartTime = "110000"
    tracer.RadionuclideTotalDose = str(DOSE_BQ)
    tracer.RadionuclideHalfLife = "6588"
    dataset.RadiopharmaceuticalInformationSequence = [tracer]
    dataset.Units, dataset.DecayCorrection = "BQML", "START"
    dataset.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    dataset.PatientWeight = str(WEIGHT_KG)
    dataset.RescaleSlope, dataset.RescaleIntercept = "10", "0"
