"""A small hospital on disk: studies of made patients, CT and T1 with a structure set each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import series, write_series

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct_write import write_structure

GRID = Geometry((20, 18, 8), (2.0, 2.0, 3.0), (-20.0, 13.0, 500.0))
INSTITUTION = "Clinic of Planted Names"
STRUCTURE = "GTV"


def body() -> np.ndarray:
    """Stored values of a body in air."""
    z, y, x = np.indices(GRID.shape_zyx)
    inside = ((x - 10) / 7) ** 2 + ((y - 9) / 6) ** 2 <= 1
    return np.where(inside, 1064 + (x + 3 * y + 7 * z) % 40, 24).astype(np.int64)


def tumour(number: int) -> Mask:
    """Mask of a patient's tumour, of another size for every patient."""
    z, y, x = np.indices(GRID.shape_zyx)
    radius = 3 + 0.3 * (number % 5)
    inside = ((x - 10) / radius) ** 2 + ((y - 9) / radius) ** 2 + ((z - 4) / 2.5) ** 2 <= 1
    return Mask(inside, GRID)


def write_study(
    folder: Path,
    patient: str,
    number: int,
    *,
    day: str = "20240105",
    kinds: Sequence[str] = ("ct", "mr"),
    structure: str = STRUCTURE,
) -> None:
    """Write one study into ``folder``, a folder for each series."""
    root = f"1.2.826.0.1.3680043.10.7.{number}.{day}"
    for place, kind in enumerate(kinds, start=1):
        uid = f"{root}.{place}"

        def change(
            z: int, dataset: Dataset, kind: str = kind, uid: str = uid, place: int = place
        ) -> None:
            dataset.PatientID = dataset.PatientName = patient
            dataset.InstitutionName = INSTITUTION
            dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = root, f"{root}.99"
            dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uid, f"{uid}.{z + 1}"
            for name in ("StudyDate", "SeriesDate", "AcquisitionDate"):
                setattr(dataset, name, day)
            dataset.StudyTime, dataset.AcquisitionTime = "100000", f"10{place:02d}00"
            dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
            dataset.SliceThickness = "3"
            (_as_ct if kind == "ct" else _as_t1)(dataset)

        modality = "CT" if kind == "ct" else "MR"
        images = write_series(folder / kind, series(body(), GRID, change=change, modality=modality))
        (folder / f"{kind}_structures").mkdir()
        write_structure(
            tumour(number),
            folder / f"{kind}_structures" / "structures.dcm",
            read_source(images),
            name=structure,
            algorithm="MANUAL",
        )


def write_hospital(folder: Path, patients: Sequence[str]) -> Path:
    """Write a study of every patient."""
    for number, patient in enumerate(patients):
        write_study(folder / f"study-{number}", patient, number)
    return folder


def _as_ct(dataset: Dataset) -> None:
    dataset.SeriesDescription, dataset.ConvolutionKernel, dataset.KVP = "Abdomen", "B30f", "120"


def _as_t1(dataset: Dataset) -> None:
    dataset.RescaleIntercept = "0"
    dataset.SeriesDescription = "t1 tse tra"
    dataset.ScanningSequence, dataset.SequenceVariant = "SE", "SK"
    dataset.RepetitionTime, dataset.EchoTime, dataset.MagneticFieldStrength = "500", "11", "1.5"
