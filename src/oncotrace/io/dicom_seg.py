"""Masks as DICOM segmentations (PS3.3, A.51): one tumour, one bit per voxel.

A segmentation refers to every image that it was drawn on and lies in their frame of reference. It
says that it is for research: as Content Qualification, in the series' description and in its own.
"""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation
from highdicom.seg import SegmentDescription as CodedSegment
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from oncotrace import __version__
from oncotrace.atomic import write_atomically
from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_source import PATIENT_AND_STUDY, PLACE, SourceSeries

AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]
AlgorithmFamily = Literal["artificial-intelligence", "graph-cut"]

_FAMILIES: dict[AlgorithmFamily, Code] = {
    "artificial-intelligence": codes.DCM.ArtificialIntelligence,
    "graph-cut": Code("graph-cut", "99ONCOTRACE", "Graph Cut"),  # CID 7162 has none
}
_SERIES_DESCRIPTION = "Tumour segmentation, for research use only (oncotrace)"
_CONTENT_DESCRIPTION = "For research use only, not for diagnosis or treatment"
_CONTENT_LABEL = "TUMOUR"
_SERIES_NUMBER = 1000  # behind those of the scanner
_LONGEST_LO = 64

_REQUIRED_BY_HIGHDICOM = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID",
)  # fmt: skip
_LOSSY_COMPRESSION = (
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip


@dataclass(frozen=True)
class TumourSegment:
    """What is said about a segmented tumour (PS3.3, C.8.20.4).

    Parameters
    ----------
    algorithm_type
        ``SEMIAUTOMATIC`` where a person gave clicks or corrections.
    algorithm_name
        Name of the segmenter; not written for ``MANUAL``.
    tracking_id
        What the tumour is called in all objects that are about it.
    tracking_uid
        The same as a UID.
    label
        Name of the segment, for people.

    Raises
    ------
    InputError
        A text cannot be written in DICOM: it is empty, longer than 64 characters or holds a
        backslash or control character, or the UID is none.
    """

    algorithm_type: AlgorithmType
    algorithm_name: str
    tracking_id: str
    tracking_uid: str
    label: str = "Tumour"
    algorithm_version: str = __version__
    algorithm_family: AlgorithmFamily = "artificial-intelligence"

    def __post_init__(self) -> None:
        for name in ("algorithm_name", "tracking_id", "label", "algorithm_version"):
            _require_long_string(getattr(self, name), name.replace("_", " "))
        if not UID(self.tracking_uid, config.IGNORE).is_valid:
            raise InputError(
                f"the tracking UID '{self.tracking_uid}' is not a DICOM UID.", code="dicom-text"
            )


def write_segmentation(
    mask: Mask, path: Path, source: SourceSeries, *, segment: TumourSegment
) -> Dataset:
    """Write a mask as a segmentation of its source; atomic, never over another file.

    The file is uncompressed Explicit VR Little Endian and a series of its own, with fresh UIDs.
    Slices without a voxel are left out. It is read again before it takes its name, so that it
    holds the mask or does not exist.

    Returns
    -------
    Dataset
        The segmentation, for a report to refer to: its segment has number 1.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    GeometryMismatchError
        The mask does not lie on the grid of the source.
    DicomError
        The source's slices lie so far beside an even grid that the mask cannot be read back.
    OutputError
        The file exists, or it cannot be written.
    """
    mask.require_not_empty()
    mask.geometry.require_match(source.geometry, this="mask", that="source series")
    with quiet_pydicom():
        segmentation = _segmentation(mask, source, segment)
        write_atomically(path, partial(_save_checked, segmentation, mask, source))
    return segmentation


def _require_long_string(text: str, what: str) -> None:
    """Refuse what is not one value of representation LO (PS3.5, table 6.2-1)."""
    if not text.strip() or len(text) > _LONGEST_LO or "\\" in text or not text.isprintable():
        raise InputError(
            f"the {what} cannot be written in DICOM: it must have 1 to {_LONGEST_LO} characters, "
            "without backslash or line break.",
            code="dicom-text",
        )


def _save_checked(segmentation: Dataset, mask: Mask, source: SourceSeries, temporary: Path) -> None:
    segmentation.save_as(temporary, enforce_file_format=True)
    written = read_segment(
        temporary, source.geometry, frame_of_reference_uid=source.frame_of_reference_uid
    )
    if not np.array_equal(written.mask.voxels, mask.voxels):
        raise OSError(None, "the file came out incomplete (is the disk full?)")


def _segmentation(mask: Mask, source: SourceSeries, segment: TumourSegment) -> Dataset:
    made = Segmentation(
        source_images=_planes(source),
        pixel_array=mask.voxels.astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[_coded(segment)],
        series_instance_uid=generate_uid(prefix=None),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer="oncotrace",
        manufacturer_model_name="oncotrace",
        software_versions=__version__,
        device_serial_number="none (software)",
        content_label=_CONTENT_LABEL,
        content_description=_CONTENT_DESCRIPTION,
        content_qualification="RESEARCH",
        series_description=_SERIES_DESCRIPTION,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",
    )
    segmentation = Dataset(made)  # a plain one: highdicom's remembers references to `_planes`
    segmentation.file_meta = made.file_meta
    segmentation.ContentCreatorName = ""
    source.copy_into(segmentation, (*PATIENT_AND_STUDY, *PLACE))
    slices = _slices(segmentation, source)
    _refer_to(source, segmentation, slices)
    segmentation.PixelData = _packed(mask, slices)
    return segmentation


def _coded(segment: TumourSegment) -> CodedSegment:
    """Return the segment's description; whether a tumour is a primary one is not ours to say."""
    identification = None
    if segment.algorithm_type != "MANUAL":
        identification = AlgorithmIdentificationSequence(
            name=segment.algorithm_name,
            family=_FAMILIES[segment.algorithm_family],
            version=segment.algorithm_version,
        )
    return CodedSegment(
        segment_number=1,
        segment_label=segment.label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=segment.algorithm_type,
        algorithm_identification=identification,
        tracking_id=segment.tracking_id,
        tracking_uid=segment.tracking_uid,
    )


def _planes(source: SourceSeries) -> list[Dataset]:
    """One header for every slice, as of single-frame images, with just what highdicom looks at.

    The source's own headers it would refuse for what it does not need: orientations that differ
    in the last digit, functional groups that are not shared, a malformed date of birth.
    """
    return [_plane(source, *place) for place in source.places]


def _plane(source: SourceSeries, number: int, frame: int) -> Dataset:
    image, first = source.images[number], source.images[0]
    first_frame = source.places[0][1]
    x_mm, y_mm, z_mm = source.geometry.spacing_mm
    plane = Dataset()
    plane.SOPClassUID = CTImageStorage
    plane.SOPInstanceUID = generate_uid(prefix=None)
    plane.StudyInstanceUID, plane.SeriesInstanceUID = source.study_uid, source.series_uid
    plane.FrameOfReferenceUID = source.frame_of_reference_uid
    plane.Columns, plane.Rows, _ = source.geometry.size_xyz
    plane.ImagePositionPatient = _values(image, frame, "PlanePosition", "ImagePositionPatient")
    plane.ImageOrientationPatient = _values(
        first, first_frame, "PlaneOrientation", "ImageOrientationPatient"
    )
    plane.PixelSpacing = _decimal_strings(y_mm, x_mm)
    plane.SliceThickness = plane.SpacingBetweenSlices = format_number_as_ds(z_mm)
    for keyword in _REQUIRED_BY_HIGHDICOM:
        setattr(plane, keyword, "")
    for keyword in _LOSSY_COMPRESSION:
        if keyword in first:
            plane[keyword] = first[keyword]
    return plane


def _values(image: Dataset, frame: int, macro: str, keyword: str) -> list[str]:
    """Numbers that place a frame: from its functional groups, the shared ones or the header."""
    own = image.get("PerFrameFunctionalGroupsSequence")
    groups = [own[frame - 1], *image.get("SharedFunctionalGroupsSequence", [])] if own else []
    items = chain.from_iterable(group.get(f"{macro}Sequence", []) for group in groups)
    return _decimal_strings(*next(items, image)[keyword].value)


def _decimal_strings(*numbers: float) -> list[str]:
    return [format_number_as_ds(float(number)) for number in numbers]


def _slices(segmentation: Dataset, source: SourceSeries) -> list[int]:
    """Slice of the grid that each frame of the segmentation holds."""
    positions_mm = [
        list(map(float, groups.PlanePositionSequence[0].ImagePositionPatient))
        for groups in segmentation.PerFrameFunctionalGroupsSequence
    ]
    return [int(z) for z in np.rint(source.geometry.to_index(positions_mm)[:, 2])]


def _refer_to(source: SourceSeries, segmentation: Dataset, slices: list[int]) -> None:
    """Replace the references to `_planes` by references to the files and frames of the source."""
    references = [_reference(image) for image in source.images]
    segmentation.SourceImageSequence = references
    segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence = references
    for groups, z in zip(segmentation.PerFrameFunctionalGroupsSequence, slices, strict=True):
        number, frame = source.places[z]
        (reference,) = groups.DerivationImageSequence[0].SourceImageSequence
        reference.update(references[number])
        if "PerFrameFunctionalGroupsSequence" in source.images[number]:
            reference.ReferencedFrameNumber = frame


def _reference(image: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return reference


def _packed(mask: Mask, slices: list[int]) -> bytes:
    """Pack frames eight voxels to a byte, without gap between frames (PS3.5, 8.1.1).

    highdicom leaves gaps between frames of fewer than eight voxels and ends on a character 0.
    """
    data = np.packbits(mask.voxels[slices].ravel(), bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)
