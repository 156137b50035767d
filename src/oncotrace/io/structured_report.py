"""The size of a tumour as a DICOM structured report (PS3.16, TID 1500, Measurement Report).

A Comprehensive 3D SR with two groups for the one tumour, joined by their tracking UID:

* volumetric ROI (TID 1411): the segment that was measured, its volume, the predicted Dice, the
  grade that it got in review;
* measurement group (TID 1501): the diameters, each with its end points in the patient. They have a
  group of their own because TID 1411 has no place for the end points of a measurement.

Numbers stand there as decimal text and in double precision, end points in single precision, which
is all that the standard has for them: 0.03 micrometres at half a metre.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from highdicom import ContentQualificationValues
from highdicom import sr as hd
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, SegmentationStorage, generate_uid

from oncotrace import __version__
from oncotrace.atomic import write_atomically
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.measurement import Diameter, TumourSize
from oncotrace.domain.segmentation import Quality
from oncotrace.errors import DicomError, GeometryMismatchError, InputError
from oncotrace.io import structured_report_codes as codes
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import PATIENT_AND_STUDY, SourceSeries

_SERIES_NUMBER = 1001  # behind those of the scanner and of the segmentation
_SERIES_DESCRIPTION = "Tumour measurements, for research use only (oncotrace)"
_UTF8 = "ISO_IR 192"

_REQUIRED_BY_HIGHDICOM = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID",
)  # fmt: skip


@dataclass(frozen=True)
class TumourReport:
    """What is reported on one tumour.

    Parameters
    ----------
    maker
        Name of the segmenter or reader that made the mask.
    tracking_id
        What people call the tumour, such as ``Tumour 1``; the same on every date.
    tracking_uid
        UID of the tumour, likewise.
    grade
        ``Excellent``, ``Sufficient``, ``Insufficient`` or ``Incorrect``; none before review.
    """

    size: TumourSize
    maker: str
    tracking_id: str
    tracking_uid: str
    quality: Quality | None = None
    grade: str | None = None


def write_report(
    report: TumourReport,
    path: Path,
    source: SourceSeries,
    *,
    segmentation: Dataset,
    segment_number: int = 1,
) -> str:
    """Write a structured report; atomic, never over another file. Returns its SOP instance UID.

    Parameters
    ----------
    source
        Images on whose grid the tumour was measured; patient and study are theirs.
    segmentation
        DICOM SEG that holds the measured mask; its pixels are not needed.
    segment_number
        Which of its segments the mask is.

    Raises
    ------
    InputError
        A name cannot be written in DICOM, or the grade or an end to be checked is not known.
    DicomError
        The segmentation is not a DICOM SEG, lacks the segment, or lies in another frame of
        reference.
    GeometryMismatchError
        The size was measured on another grid than that of ``source``.
    OutputError
        The file exists, or it cannot be written.
    """
    _require_names(report)
    _require_segment(segmentation, segment_number, source)
    _require_same_slice(report.size, source.geometry)
    with quiet_pydicom():
        document = _document(report, source, segmentation, segment_number)
        write_atomically(path, lambda file: document.save_as(file, enforce_file_format=True))
    return str(document.SOPInstanceUID)


def _require_names(report: TumourReport) -> None:
    for what, name in (("maker", report.maker), ("tracking id", report.tracking_id)):
        if not name.strip() or not name.isprintable():
            raise InputError(
                f"the {what} cannot be written in DICOM: it is empty or holds a line break.",
                code="dicom-text",
            )
    if not UID(report.tracking_uid, config.IGNORE).is_valid:
        raise InputError(
            f"the tracking UID '{report.tracking_uid}' is not a DICOM UID.", code="dicom-text"
        )
    if report.grade is not None:
        _require_known(report.grade, codes.GRADES, "a grade of review")
    for end in report.quality.ends_to_check if report.quality else ():
        _require_known(end, codes.ENDS, "an end of a tumour")


def _require_known(word: str, known: Collection[str], what: str) -> None:
    if word not in known:
        raise InputError(f"'{word}' is not {what}; known: {', '.join(known)}.", code="unknown-term")


def _require_segment(segmentation: Dataset, number: int, source: SourceSeries) -> None:
    if segmentation.get("SOPClassUID") != SegmentationStorage:
        raise DicomError(
            "a report refers to the DICOM SEG that holds the mask; this object is none.",
            hint="Write the mask as DICOM SEG first.",
            code="not-seg",
        )
    numbers = [int(item.SegmentNumber) for item in segmentation.get("SegmentSequence") or []]
    if number not in numbers:
        raise DicomError(
            f"the DICOM SEG has no segment {number}; it has {numbers or 'none'}.",
            hint="Name the segment that was measured.",
            code="segment-not-found",
        )
    if segmentation.get("FrameOfReferenceUID") != source.frame_of_reference_uid:
        raise DicomError(
            "the DICOM SEG lies in another frame of reference than the images: positions in the "
            "two cannot be compared.",
            hint="Give the series that was segmented.",
            code="wrong-frame-of-reference",
        )


def _require_same_slice(size: TumourSize, geometry: Geometry) -> None:
    """Refuse a size whose axial diameter does not lie in its slice of the source's grid."""
    ends = (size.longest_axial.start_mm, size.longest_axial.end_mm)
    index = geometry.to_index(np.mean(ends, axis=0))[size.axial_axis]
    is_on_grid = 0 <= size.axial_slice < geometry.size_xyz[size.axial_axis]
    if not is_on_grid or abs(index - size.axial_slice) > 0.5:
        raise GeometryMismatchError(
            f"the longest axial diameter does not lie in slice {size.axial_slice} of the images "
            f"({geometry.describe()}): the size was measured on another grid.",
            hint="Measure the mask on the grid of the images that the report refers to.",
        )


def _document(
    report: TumourReport, source: SourceSeries, segmentation: Dataset, segment_number: int
) -> hd.Comprehensive3DSR:
    content = hd.MeasurementReport(
        observation_context=hd.ObservationContext(observer_device_context=_observer()),
        procedure_reported=codes.IMAGING_PROCEDURE,
        title=codes.TITLE,
        imaging_measurements=[
            _segment_group(report, source, segmentation, segment_number),
            _diameter_group(report, source),
        ],
    )
    document = hd.Comprehensive3DSR(
        evidence=_evidence(source, segmentation),
        content=content,
        series_instance_uid=generate_uid(prefix=None),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer=codes.MANUFACTURER,
        manufacturer_model_name=codes.MODEL,
        software_versions=__version__,
        series_description=_SERIES_DESCRIPTION,
        is_complete=True,
        content_qualification=ContentQualificationValues.RESEARCH,
        specific_character_set=_UTF8,
        coding_schemes=[
            CodingSchemeIdentificationItem(
                codes.SCHEME,
                name=codes.SCHEME_NAME,
                version=str(codes.SCHEME_VERSION),
                responsible_organization=codes.MANUFACTURER,
            )
        ],
    )
    source.copy_into(document, PATIENT_AND_STUDY)
    return document


def _evidence(source: SourceSeries, segmentation: Dataset) -> list[Dataset]:
    """Return the objects that the report goes back to, with just what highdicom looks at.

    The source's own headers it would refuse for what they lack or say wrongly of the patient, whom
    it would also name in a warning.
    """
    evidence = [_reference(image, source.study_uid, source.series_uid) for image in source.images]
    for keyword in _REQUIRED_BY_HIGHDICOM:
        setattr(evidence[0], keyword, "")
    study_uid, series_uid = segmentation.StudyInstanceUID, segmentation.SeriesInstanceUID
    return [*evidence, _reference(segmentation, study_uid, series_uid)]


def _reference(instance: Dataset, study_uid: str, series_uid: str) -> Dataset:
    reference = Dataset()
    reference.SOPClassUID = instance.SOPClassUID
    reference.SOPInstanceUID = instance.SOPInstanceUID
    reference.StudyInstanceUID, reference.SeriesInstanceUID = study_uid, series_uid
    return reference


def _observer() -> hd.ObserverContext:
    return hd.ObserverContext(
        observer_type=hd.CodedConcept.from_code(codes.DEVICE),
        observer_identifying_attributes=hd.DeviceObserverIdentifyingAttributes(
            uid=codes.DEVICE_UID,
            name=codes.MODEL,
            manufacturer_name=codes.MANUFACTURER,
            model_name=codes.MODEL,
        ),
    )


def _segment_group(
    report: TumourReport, source: SourceSeries, segmentation: Dataset, segment_number: int
) -> hd.VolumetricROIMeasurementsAndQualitativeEvaluations:
    volume = hd.Measurement(
        codes.VOLUME, float(report.size.volume_ml), codes.MILLILITRE, method=codes.SUM_OF_VOXELS
    )
    group = hd.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(report),
        finding_type=codes.NEOPLASM,
        algorithm_id=hd.AlgorithmIdentification(codes.MODEL, __version__),
        referenced_segment=hd.ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            segment_number,
            source_series=hd.SourceSeriesForSegmentation(source.series_uid),
        ),
        measurements=[volume, *_predicted_dice(report.quality)],
        qualitative_evaluations=_evaluations(report),
    )
    maker = hd.TextContentItem(codes.MAKER, report.maker, hd.RelationshipTypeValues.CONTAINS)
    group[0].ContentSequence.append(maker)
    return group


def _tracking(report: TumourReport) -> hd.TrackingIdentifier:
    return hd.TrackingIdentifier(uid=report.tracking_uid, identifier=report.tracking_id)


def _predicted_dice(quality: Quality | None) -> list[hd.Measurement]:
    if quality is None:
        return []
    lower, upper = quality.predicted_dice_interval
    values = [
        (codes.PREDICTED_DICE, float(quality.predicted_dice)),
        (codes.PREDICTED_DICE_LOWER, float(lower)),
        (codes.PREDICTED_DICE_UPPER, float(upper)),
        *((codes.SLICE_TO_CHECK, int(slice_)) for slice_ in quality.slices_to_check),
    ]
    return [hd.Measurement(name, value, codes.NO_UNIT) for name, value in values]


def _evaluations(report: TumourReport) -> list[hd.QualitativeEvaluation]:
    ends = report.quality.ends_to_check if report.quality else ()
    evaluations = [(codes.END_TO_CHECK, codes.ENDS[end]) for end in ends]
    if report.grade is not None:
        evaluations.append((codes.REVIEW_GRADE, codes.GRADES[report.grade]))
    evaluations.append((codes.INTENDED_USE, codes.RESEARCH_ONLY))
    return [hd.QualitativeEvaluation(name, value) for name, value in evaluations]


def _diameter_group(
    report: TumourReport, source: SourceSeries
) -> hd.MeasurementsAndQualitativeEvaluations:
    size = report.size
    frame = source.frame_of_reference_uid
    images = _axial_images(size, source)
    return hd.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(report),
        finding_type=codes.NEOPLASM,
        measurements=[
            _diameter(codes.LONG_AXIS, size.longest_axial, frame, codes.VOXEL_EDGES, images),
            _diameter(codes.SHORT_AXIS, size.perpendicular, frame, codes.VOXEL_EDGES, images),
            _diameter(codes.LONGEST_3D, size.longest_3d, frame),
            hd.Measurement(codes.AXIAL_SLICE, int(size.axial_slice), codes.NO_UNIT),
            hd.Measurement(codes.AXIAL_TILT, float(size.axial_tilt_deg), codes.DEGREE),
        ],
        qualitative_evaluations=[
            hd.QualitativeEvaluation(codes.AXIAL_AXIS, codes.GRID_AXES[size.axial_axis])
        ],
    )


def _diameter(
    name: Code,
    diameter: Diameter,
    frame_of_reference_uid: str,
    method: Code | None = None,
    images: Sequence[hd.SourceImageForMeasurement] = (),
) -> hd.Measurement:
    ends = hd.CoordinatesForMeasurement3D(
        graphic_type=hd.GraphicTypeValues3D.POLYLINE,
        graphic_data=np.array([diameter.start_mm, diameter.end_mm], dtype=np.float64),
        frame_of_reference_uid=frame_of_reference_uid,
    )
    return hd.Measurement(
        name,
        float(diameter.length_mm),
        codes.MILLIMETRE,
        method=method,
        referenced_coordinates=[ends],
        referenced_images=images,
    )


def _axial_images(size: TumourSize, source: SourceSeries) -> list[hd.SourceImageForMeasurement]:
    """Return the image of the axial diameters, none where their slice runs across the images."""
    if size.axial_axis != 2:
        return []
    number, frame = source.places[size.axial_slice]
    image = source.images[number]
    frames = [frame] if "NumberOfFrames" in image else None
    return [hd.SourceImageForMeasurement(image.SOPClassUID, image.SOPInstanceUID, frames)]
