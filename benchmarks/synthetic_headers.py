"""Synthetic DICOM headers by the ten thousand, for the benchmark and the test of the inventory.

CT, MR and PET of 8 x 8 pixels, 100 images to a series, five series to a patient, in explicit and
implicit syntax, with private elements and sequences as scanners write them. A series is encoded
once; its images differ in what each puts into that form.
"""

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

IMAGES_IN_A_SERIES = 100
SERIES_IN_A_PATIENT = 5
CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
MR_KINDS = (
    ("t1_tse_tra", 550.0, 11.0, ""),
    ("t1_tse_fs_tra_km", 600.0, 12.0, "FS"),
    ("t2_tse_fs_cor", 4200.0, 88.0, "FS"),
    ("pd_tse_sag", 2800.0, 25.0, ""),
    ("ep2d_diff_b50_800_TRACEW", 6300.0, 71.0, "FS"),
)


def make_files(root: Path, count: int) -> None:
    """Write distinct files, series by series."""
    for number, series in enumerate(range(0, count, IMAGES_IN_A_SERIES)):
        images = min(IMAGES_IN_A_SERIES, count - series)
        write_series(root, number, range(images))


def add_files(root: Path, count: int, extra: int) -> None:
    """Add files: nine in ten as new series, the others one by one to series that are there."""
    series, late = -(-count // IMAGES_IN_A_SERIES), extra // 10
    for image in range(late):
        write_series(root, 7 * image % series, [IMAGES_IN_A_SERIES + image])
    for number, start in enumerate(range(0, extra - late, IMAGES_IN_A_SERIES)):
        images = min(IMAGES_IN_A_SERIES, extra - late - start)
        write_series(root, series + number, range(images))


def write_series(root: Path, number: int, images: range | list[int]) -> None:
    """Write some images of one series."""
    rng = random.Random(number)  # noqa: S311  # kinds of series, not secrets
    folder = root / f"patient{number // SERIES_IN_A_PATIENT:05d}" / f"series{number:06d}"
    folder.mkdir(parents=True, exist_ok=True)
    syntax = rng.choice((ExplicitVRLittleEndian, ImplicitVRLittleEndian))
    dataset = series_dataset(number, rng)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    for image, content in image_files(dataset, images):
        (folder / f"{image:04d}.dcm").write_bytes(content)


def image_files(dataset: Dataset, images: range | list[int]) -> Iterator[tuple[int, bytes]]:
    """Encode the images of a series: one form, in which every image puts its own values."""
    dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SeriesInstanceUID}.77777"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.InstanceNumber = "88888"
    dataset.ImagePositionPatient = ["-120.5", "-98.25", "66666.66"]
    dataset.SliceLocation, dataset.AcquisitionTime = "66666.66", "235959.500000"
    if dataset.Modality == "CT":
        dataset.XRayTubeCurrent = "55555"
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    form = stream.getvalue()
    for image in images:
        content = form
        for placeholder, value in (
            ("77777", f"{10000 + image}"),
            ("88888", f"{image + 1:05d}"),
            ("66666.66", f"{3.5 * image:08.2f}"),
            ("235959", f"10{image // 60 % 60:02d}{image % 60:02d}"),
            ("55555", f"{150 + image % 40:05d}"),
        ):
            content = content.replace(placeholder.encode(), value.encode())
        yield image, content


def series_dataset(number: int, rng: random.Random) -> Dataset:
    """Build what the images of one synthetic series share: about 90 elements, a few private."""
    patient = number // SERIES_IN_A_PATIENT
    modality = rng.choice(("CT", "MR", "MR", "PT"))
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CLASSES[modality]
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(dataset, keyword, f"2020{patient % 12 + 1:02d}{patient % 28 + 1:02d}")
    for keyword in ("StudyTime", "SeriesTime", "ContentTime"):
        setattr(dataset, keyword, f"10{number % 60:02d}00.000000")
    dataset.AccessionNumber, dataset.Modality = f"A{patient:06d}", modality
    dataset.Manufacturer = rng.choice(("SIEMENS", "GE MEDICAL SYSTEMS", "Philips"))
    dataset.InstitutionName = f"Hospital {patient % 5}"
    dataset.StationName, dataset.ManufacturerModelName = f"ST{patient % 9}", "Model"
    dataset.StudyDescription, dataset.PatientName = "Extremity", "Synthetic^Nobody"
    dataset.PatientID, dataset.PatientBirthDate = f"P{patient:06d}", "19000101"
    dataset.PatientSex, dataset.PatientAge, dataset.PatientWeight = "O", "050Y", "70"
    dataset.BodyPartExamined, dataset.SliceThickness = "THIGH", "3.5"
    dataset.SpacingBetweenSlices, dataset.SoftwareVersions = "3.5", ["syngo", "VB17"]
    dataset.DeviceSerialNumber, dataset.ProtocolName = "12345", "protocol"
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = f"1.2.826.0.1.3680043.10.999.{patient + 1}"
    dataset.SeriesInstanceUID = f"{dataset.StudyInstanceUID}.{number + 1}"
    dataset.FrameOfReferenceUID = f"{dataset.StudyInstanceUID}.0.1"
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber = "1", number % 90 + 1, 1
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.PositionReferenceIndicator = ""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = 8
    dataset.PixelSpacing = ["0.78125", "0.78125"]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    {"CT": add_ct, "MR": add_mr, "PT": add_pet}[modality](dataset, rng)
    block = dataset.private_block(0x0029, "SYNTHETIC HEADER", create=True)
    block.add_new(0x10, "OB", rng.randbytes(2000))
    for place in range(0x11, 0x1A):
        block.add_new(place, "LO", f"private value {place}")
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = dataset.SOPClassUID
    referenced.ReferencedSOPInstanceUID = f"{dataset.SeriesInstanceUID}.0.7"
    dataset.ReferencedImageSequence = Sequence([referenced, referenced, referenced])
    dataset.PixelData = rng.randbytes(128)
    return dataset


def add_ct(dataset: Dataset, rng: random.Random) -> None:
    """Add the elements of CT."""
    dataset.SeriesDescription = "Thorax 3.5 B30f"
    dataset.KVP, dataset.XRayTubeCurrent, dataset.Exposure = "120", 200, 150
    dataset.ExposureTime, dataset.ConvolutionKernel = 500, rng.choice(("B30f", "B70f", "STANDARD"))
    dataset.DataCollectionDiameter = dataset.ReconstructionDiameter = "500"
    dataset.GantryDetectorTilt, dataset.TableHeight, dataset.RotationDirection = "0", "150", "CW"
    dataset.FilterType, dataset.FocalSpots = "0", "1.2"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"


def add_mr(dataset: Dataset, rng: random.Random) -> None:
    """Add the elements of one of several MR sequences."""
    name, repetition, echo, options = rng.choice(MR_KINDS)
    dataset.SeriesDescription, dataset.ScanOptions = name, options
    dataset.ScanningSequence, dataset.SequenceVariant = "SE", ["SK", "SP"]
    dataset.MRAcquisitionType, dataset.SequenceName = "2D", "*tse2d1_7"
    dataset.RepetitionTime, dataset.EchoTime = str(repetition), str(echo)
    dataset.NumberOfAverages, dataset.ImagingFrequency = "1", "63.6"
    dataset.EchoNumbers, dataset.MagneticFieldStrength = 1, rng.choice(("1.5", "3"))
    dataset.NumberOfPhaseEncodingSteps, dataset.EchoTrainLength = 256, 7
    dataset.PercentSampling, dataset.PixelBandwidth, dataset.FlipAngle = "80", "150", "150"


def add_pet(dataset: Dataset, rng: random.Random) -> None:
    """Add the elements of PET."""
    dataset.SeriesDescription, dataset.Units = "PET AC", "BQML"
    dataset.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    dataset.SeriesType, dataset.DecayCorrection = ["WHOLE BODY", "IMAGE"], "START"
    dataset.RescaleIntercept, dataset.RescaleSlope = "0", f"{rng.random():.6f}"
    dataset.AttenuationCorrectionMethod = "CT"
    dose = Dataset()
    dose.Radiopharmaceutical = "FDG"
    dose.RadiopharmaceuticalStartTime = "090000"
    dose.RadionuclideTotalDose, dose.RadionuclideHalfLife = "370000000", "6586.2"
    dataset.RadiopharmaceuticalInformationSequence = Sequence([dose])
