"""The reference patients as a hospital would hand them over: DICOM series with structure sets.

Headers are made up, voxels and outlines are the patients' own. Every patient has one study with T1,
CT and FDG-PET (in Bq/ml, with what SUV needs), and a structure set for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from oncotrace.domain.scan import Modality, Scan
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct_write import write_structure
from oncotrace.io.volume_file import read_mask, read_scan

IMAGES: dict[Modality, str] = {"mr-t1": "mr_t1", "ct": "ct", "pet": "pet"}
CENTRES = ("Northern Hospital", "Lakeside Clinic", "University Hospital")
STRUCTURE = "GTV_Mass"
_WEIGHT_KG, _DOSE_BQ, _HALF_LIFE_S, _WAIT_S = 75.0, 3.7e8, 6586.2, 3600
_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}


@dataclass(frozen=True)
class _Series:
    """What all images of a series have in common."""

    patient: str
    number: int
    scan: Scan
    study_uid: str
    frame_uid: str

    @property
    def modality(self) -> str:
        """Return DICOM's word for the modality."""
        return {"ct": "CT", "pet": "PT"}.get(str(self.scan.modality), "MR")


def write_pile(folder: Path, data: Path, patients: Sequence[str]) -> None:
    """Write the patients' studies into ``folder/PATIENT/``, a folder for each series.

    Parameters
    ----------
    data
        Folder with ``PATIENT/{ct,mr_t1,pet}.nii.gz`` and their masks.
    """
    for number, patient in enumerate(patients):
        study, frame = generate_uid(), generate_uid()
        for modality, name in IMAGES.items():
            scan = read_scan(data / patient / f"{name}.nii.gz", modality)
            series = _Series(patient, number, scan, study, frame)
            images = folder / patient / name
            images.mkdir(parents=True)
            uid = generate_uid()
            for z in range(scan.geometry.size_xyz[2]):
                _write(_slice(series, z, uid), images / f"{z:04d}.dcm")
            mask = read_mask(data / patient / f"{name}_mask.nii.gz")
            target = folder / patient / f"{name}_structures" / "structures.dcm"
            target.parent.mkdir()
            write_structure(mask, target, read_source(images), name=STRUCTURE, algorithm="MANUAL")


def _slice(series: _Series, z: int, uid: str) -> Dataset:
    """One classic image with the elements that a scanner writes."""
    geometry, modality = series.scan.geometry, series.modality
    dataset = Dataset()
    dataset.SOPClassUID = _CLASSES[modality]
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[uid, str(z)])
    dataset.PatientName = dataset.PatientID = series.patient
    dataset.PatientBirthDate, dataset.PatientSex = "", "O"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = series.study_uid, uid
    dataset.FrameOfReferenceUID = series.frame_uid
    dataset.StudyID = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    day = f"2024{1 + series.number % 12:02d}{1 + series.number % 28:02d}"
    for name in ("StudyDate", "SeriesDate", "AcquisitionDate"):
        setattr(dataset, name, day)
    dataset.StudyTime, dataset.SeriesTime, dataset.AcquisitionTime = "100000", "101000", "101000"
    dataset.Modality, dataset.InstanceNumber = modality, z + 1
    dataset.SeriesNumber = 1 + list(IMAGES).index(series.scan.modality or "ct")
    dataset.InstitutionName = CENTRES[series.number % len(CENTRES)]
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PositionReferenceIndicator = ""
    dataset.Rows, dataset.Columns = geometry.size_xyz[1], geometry.size_xyz[0]
    dataset.ImagePositionPatient = _decimals(geometry.to_point_mm((0, 0, z)))
    dataset.ImageOrientationPatient = _decimals(geometry.axes[:, :2].T.ravel())
    dataset.PixelSpacing = _decimals((geometry.spacing_mm[1], geometry.spacing_mm[0]))
    dataset.SliceThickness = _decimals((geometry.spacing_mm[2],))[0]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    {"CT": _as_ct, "MR": _as_mr, "PT": _as_pet}[modality](dataset, series.number)
    _put_pixels(dataset, series.scan.voxels[z], modality)
    return dataset


def _as_ct(dataset: Dataset, number: int) -> None:
    dataset.Manufacturer, dataset.ManufacturerModelName = "GE MEDICAL SYSTEMS", "Discovery ST"
    dataset.ConvolutionKernel, dataset.KVP = ("STANDARD", "SOFT")[number % 2], "120"
    dataset.XRayTubeCurrent, dataset.Exposure = str(150 + 10 * (number % 9)), "12"


def _as_mr(dataset: Dataset, number: int) -> None:
    dataset.Manufacturer = ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips")[number % 3]
    dataset.ManufacturerModelName = ("Avanto", "Signa HDxt", "Achieva")[number % 3]
    dataset.MagneticFieldStrength = ("1.5", "1.5", "3")[number % 3]
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "SK", ""
    dataset.RepetitionTime, dataset.EchoTime = str(480 + 20 * (number % 10)), "11"
    dataset.SeriesDescription = "T1 TSE AX"


def _as_pet(dataset: Dataset, number: int) -> None:
    del number
    dataset.Manufacturer, dataset.ManufacturerModelName = "GE MEDICAL SYSTEMS", "Discovery ST"
    dataset.Units, dataset.DecayCorrection, dataset.PatientWeight = "BQML", "START", _WEIGHT_KG
    dataset.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    dataset.SeriesType = ["WHOLE BODY", "IMAGE"]
    tracer = Dataset()
    tracer.Radiopharmaceutical = "FDG -- fluorodeoxyglucose"
    tracer.RadiopharmaceuticalStartTime = "091000"
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = str(_DOSE_BQ), str(_HALF_LIFE_S)
    dataset.RadiopharmaceuticalInformationSequence = [tracer]
    dataset.ActualFrameDuration, dataset.FrameReferenceTime = "180000", "0"


def _put_pixels(dataset: Dataset, values: np.ndarray, modality: str) -> None:
    """Store the values of a slice; of PET as activity, on as many steps as 16 bits have."""
    slope = 1.0
    if modality == "PT":
        decayed_bq = _DOSE_BQ * 2 ** (-_WAIT_S / _HALF_LIFE_S)
        values = values * decayed_bq / (_WEIGHT_KG * 1000)
        slope = float(f"{max(float(values.max()), 1.0) / 32767:.8g}")
    dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope:.8g}", "0"
    dataset.PixelData = np.round(values / slope).clip(-32768, 32767).astype("<i2").tobytes()
    dataset["PixelData"].VR = "OW"


def _decimals(numbers: Sequence[float] | np.ndarray) -> list[str]:
    return [f"{number:.10f}"[:16] for number in numbers]


def _write(dataset: Dataset, path: Path) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
