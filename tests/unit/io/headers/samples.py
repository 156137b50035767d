"""DICOM objects of many kinds for tests of the header reader, as bytes; none is a patient's."""

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.unit.io.dicom_factory import GRID, enhanced, slice_dataset, values

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


def encoded(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Write a dataset as the bytes of a file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def ct_slice(z: int = 0) -> Dataset:
    """Build a slice with private elements and sequences of both kinds of length before pixels."""
    dataset = slice_dataset(z, values(), modality="CT")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Manufacturer = "Maker"
    dataset.KVP = "120"
    dataset.XRayTubeCurrent = "210"
    dataset.ConvolutionKernel = ["I31f", "2"]
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
    block = dataset.private_block(0x0019, "OURS", create=True)
    block.add_new(0x10, "LO", "private")
    for keyword, is_open in (
        ("ReferencedImageSequence", True),
        ("RequestAttributesSequence", False),
    ):
        inner = Dataset()
        inner.ReferencedSOPClassUID = "1.2.3"
        inner.SeriesInstanceUID = "9.9.9"  # must not be taken for the image's own
        outer = Dataset()
        outer.PurposeOfReferenceCodeSequence = Sequence([inner])
        outer["PurposeOfReferenceCodeSequence"].is_undefined_length = is_open
        outer.is_undefined_length_sequence_item = is_open
        setattr(dataset, keyword, Sequence([outer, outer]))
        dataset[keyword].is_undefined_length = is_open
    return dataset


def mr_slice() -> Dataset:
    """Build a T1-weighted slice."""
    dataset = slice_dataset(0, values(), modality="MR")
    dataset.SeriesDescription = "t1_tse_tra"
    dataset.ScanningSequence, dataset.SequenceVariant = "SE", ["SK", "SP"]
    dataset.RepetitionTime, dataset.EchoTime, dataset.FlipAngle = "550", "11", "90"
    dataset.MagneticFieldStrength = "1.5"
    return dataset


def pet_slice() -> Dataset:
    """Build a slice whose dose stands in a sequence."""
    dataset = slice_dataset(0, values(), modality="PT")
    meaning = Dataset()
    meaning.CodeMeaning = "Fluorodeoxyglucose F^18^"
    dose = Dataset()
    dose.RadionuclideTotalDose, dose.RadionuclideHalfLife = "388000000", "6586.2"
    dose.RadiopharmaceuticalStartTime = "103500"
    dose.RadiopharmaceuticalCodeSequence = Sequence([meaning])
    dataset.RadiopharmaceuticalInformationSequence = Sequence([dose])
    dataset.Units, dataset.DecayCorrection = "BQML", "START"
    return dataset


def structure_set() -> Dataset:
    """Build an RTSTRUCT with two regions and long contours behind them."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3.4"
    dataset.Modality, dataset.PatientID = "RTSTRUCT", "P1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.1", "1.2.2"
    image = Dataset()
    image.ReferencedSOPInstanceUID = "1.2.77"
    series = Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = "1.2.826.77", Sequence([image])
    study = Dataset()
    study.RTReferencedSeriesSequence = Sequence([series])
    frame = Dataset()
    frame.FrameOfReferenceUID = "1.2.88"
    frame.RTReferencedStudySequence = Sequence([study])
    dataset.ReferencedFrameOfReferenceSequence = Sequence([frame])
    regions = []
    for number, name in enumerate(("GTV", "Ödem"), start=1):
        region = Dataset()
        region.ROINumber, region.ROIName = number, name
        regions.append(region)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.StructureSetROISequence = Sequence(regions)
    contour = Dataset()
    contour.ContourData = [f"{x:.1f}" for x in np.arange(300)]
    lines = Dataset()
    lines.ContourSequence = Sequence([contour])
    dataset.ROIContourSequence = Sequence([lines])
    return dataset


def enhanced_mr() -> Dataset:
    """Build a multi-frame object with timing and diffusion in its functional groups."""
    dataset = enhanced(values(), GRID, modality="MR")
    timing, diffusion = Dataset(), Dataset()
    timing.RepetitionTime, timing.FlipAngle = 3000.0, 90.0
    diffusion.DiffusionBValue = 800.0
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.MRTimingAndRelatedParametersSequence = Sequence([timing])
    shared.MRDiffusionSequence = Sequence([diffusion])
    dataset.AcquisitionContrast = "DIFFUSION"
    return dataset


SAMPLES = {
    "ct": ct_slice,
    "mr": mr_slice,
    "pet": pet_slice,
    "rtstruct": structure_set,
    "enhanced": enhanced_mr,
}
