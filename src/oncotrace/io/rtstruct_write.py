"""A mask as an RT Structure Set (DICOM PS3.3, A.19), for planning systems and viewers.

Outlines run along the edges of voxels, so that a reader that asks where the centres of voxels lie
gets back exactly the same voxels: a vertex may be off by nearly half a voxel before one changes,
and it is written to the nanometre.

A hole is joined to the outline around it by a channel without width: the keyhole of PS3.3,
C.8.8.6.3, as a contour of type CLOSED_PLANAR. Our reader gets every voxel back from the two other
ways as well, but not all readers do. The standard's CLOSEDPLANAR_XOR is younger: many test for
CLOSED_PLANAR, pass over anything else and thereby lose the region without a word. Holes as
CLOSED_PLANAR contours of their own have no meaning in the standard, and readers that unite contours
fill them. A keyhole is one polygon of the type that every reader knows, and leaves out the hole by
every rule of filling.

Files are implicit little endian. In explicit encodings an element of decimal strings ends at
64 KiB, which a contour of 2000 points exceeds (PS3.3, C.8.8.6; PS3.5, 7.1.2).
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from oncotrace import __version__
from oncotrace.atomic import write_atomically
from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError
from oncotrace.imaging.pixel_edges import keyhole_outlines
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import PATIENT_AND_STUDY, PLACE, SourceSeries
from oncotrace.io.rtstruct import read_region

GenerationAlgorithm = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]
InterpretedType = Literal["GTV", ""]

_NEVER_ABSENT = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID", "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip

_SERIES_NUMBER = 1002  # behind those of the scanner, the segmentation and the measurements
_SERIES_DESCRIPTION = "Tumour outlines, for research use only (oncotrace)"
_DESCRIPTION = "For research use only, not for diagnosis or treatment."
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # retired, yet what structure sets call a study
_REGION_NUMBER = 1
_RED = [255, 0, 0]
_LONGEST_NAME = 64


def write_structure(
    mask: Mask,
    path: Path,
    source: SourceSeries,
    *,
    name: str,
    algorithm: GenerationAlgorithm,
    interpreted_type: InterpretedType = "GTV",
) -> str:
    """Write a mask as the only region of a structure set; returns its SOP instance UID.

    The file is a series of its own, with fresh UIDs; atomic, never over another file. It is read
    again before it takes its name, so that it holds the mask or does not exist. Contours name the
    image of their slice, and the frame where an image has several.

    Parameters
    ----------
    name
        Name of the region (ROI Name), such as ``GTV``; up to 64 characters.
    algorithm
        How far a program drew the region (ROI Generation Algorithm).
    interpreted_type
        What the region is to the planning of a treatment (RT ROI Interpreted Type); may be empty.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    GeometryMismatchError
        The mask does not lie on the grid of the source.
    InputError
        DICOM cannot hold the name.
    OutputError
        The file exists, or it cannot be written.
    """
    mask.require_not_empty()
    mask.geometry.require_match(source.geometry, this="mask", that="source series")
    region = _region_name(name)
    with quiet_pydicom():
        dataset = _common_modules(source)
        _add_structure_set(dataset, source, region, algorithm)
        _add_region(dataset, list(_contours(mask, source)), interpreted_type)
        write_atomically(path, partial(_save_checked, dataset, mask))
    return str(dataset.SOPInstanceUID)


def _region_name(name: str) -> str:
    """Name without the blanks around it, if it is a value of representation LO (PS3.5, 6.2)."""
    region = name.strip()
    if not region or len(region) > _LONGEST_NAME or "\\" in region or not region.isprintable():
        raise InputError(
            f"the name of the region cannot be written in DICOM: it must have 1 to {_LONGEST_NAME} "
            "characters, without backslash or line break.",
            code="dicom-text",
        )
    return region


def _save_checked(dataset: Dataset, mask: Mask, temporary: Path) -> None:
    dcmwrite(temporary, dataset, enforce_file_format=True)
    incomplete = "the file came out incomplete (is the disk full?)"
    try:
        written = read_region(temporary, mask.geometry)
    except InputError as error:
        raise OSError(None, incomplete) from error
    if not np.array_equal(written.mask.voxels, mask.voxels):
        raise OSError(None, incomplete)


def _item(**elements: object) -> Dataset:
    """Build a dataset of elements, given by their keywords."""
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _common_modules(source: SourceSeries) -> Dataset:
    """Patient, study, RT series, equipment and SOP common (PS3.3, C.7, C.8.8.1, C.12.1)."""
    dataset = _item(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=RTStructureSetStorage,
        SOPInstanceUID=generate_uid(prefix=None),
        StudyInstanceUID=source.study_uid,
        SeriesInstanceUID=generate_uid(prefix=None),
        FrameOfReferenceUID=source.frame_of_reference_uid,
        Modality="RTSTRUCT",
        SeriesNumber=_SERIES_NUMBER,
        SeriesDescription=_SERIES_DESCRIPTION,
        InstanceNumber=1,
        OperatorsName="",
        Manufacturer="oncotrace",
        ManufacturerModelName="oncotrace",
        SoftwareVersions=__version__,
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    for keyword in _NEVER_ABSENT:
        setattr(dataset, keyword, "")
    source.copy_into(dataset, (*PATIENT_AND_STUDY, *PLACE))
    return dataset


def _add_structure_set(
    dataset: Dataset, source: SourceSeries, region: str, algorithm: GenerationAlgorithm
) -> None:
    """Add structure set and approval (PS3.3, C.8.8.5, C.8.8.16)."""
    now = datetime.now()  # local time without zone, as the dates of the study are
    dataset.StructureSetLabel = "oncotrace"
    dataset.StructureSetName = region
    dataset.StructureSetDescription = _DESCRIPTION
    dataset.StructureSetDate = now.strftime("%Y%m%d")
    dataset.StructureSetTime = now.strftime("%H%M%S")
    dataset.ApprovalStatus = "UNAPPROVED"
    series = _item(
        SeriesInstanceUID=source.series_uid,
        ContourImageSequence=[_image_reference(image) for image in source.images],
    )
    study = _item(
        ReferencedSOPClassUID=_STUDY_CLASS,
        ReferencedSOPInstanceUID=source.study_uid,
        RTReferencedSeriesSequence=[series],
    )
    dataset.ReferencedFrameOfReferenceSequence = [
        _item(
            FrameOfReferenceUID=source.frame_of_reference_uid,
            RTReferencedStudySequence=[study],
        )
    ]
    dataset.StructureSetROISequence = [
        _item(
            ROINumber=_REGION_NUMBER,
            ReferencedFrameOfReferenceUID=source.frame_of_reference_uid,
            ROIName=region,
            ROIGenerationAlgorithm=algorithm,
        )
    ]


def _add_region(
    dataset: Dataset, contours: list[Dataset], interpreted_type: InterpretedType
) -> None:
    """Add ROI contour and RT ROI observations (PS3.3, C.8.8.6, C.8.8.8)."""
    dataset.ROIContourSequence = [
        _item(
            ReferencedROINumber=_REGION_NUMBER,
            ROIDisplayColor=_RED,
            ContourSequence=contours,
        )
    ]
    dataset.RTROIObservationsSequence = [
        _item(
            ObservationNumber=1,
            ReferencedROINumber=_REGION_NUMBER,
            RTROIInterpretedType=interpreted_type,
            ROIInterpreter="",
        )
    ]


def _contours(mask: Mask, source: SourceSeries) -> Iterator[Dataset]:
    """Items of the contour sequence, from the first slice to the last."""
    number = 0
    for z in np.flatnonzero(mask.voxels.any(axis=(1, 2))).tolist():
        for outline in keyhole_outlines(mask.voxels[z]):
            number += 1
            index_xyz = np.column_stack([outline[:, ::-1], np.full(len(outline), z)])
            yield _item(
                ContourNumber=number,
                ContourImageSequence=[_slice_reference(source, z)],
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(outline),
                ContourData=_decimal_strings(source.geometry.to_point_mm(index_xyz)),
            )


def _image_reference(image: Dataset) -> Dataset:
    return _item(
        ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID
    )


def _slice_reference(source: SourceSeries, z: int) -> Dataset:
    image, frame = source.places[z]
    reference = _image_reference(source.images[image])
    if int(source.images[image].get("NumberOfFrames") or 1) > 1:
        reference.ReferencedFrameNumber = frame
    return reference


def _decimal_strings(points_mm: NDArray[np.float64]) -> list[str]:
    """Coordinates to the nanometre, in the 16 characters of a DS up to 10 km from the origin.

    Exponents are avoided, as not every system reads them.
    """
    coordinates_mm = np.round(points_mm.ravel(), 6) + 0.0  # no minus before a zero
    return [f"{value:.6f}" for value in coordinates_mm]
