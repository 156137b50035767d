"""Structured reports: what they say, what they refer to, and what is refused on the way back."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dicom_codes
from pydicom.uid import SegmentationStorage
from tests.unit.io.dicom_factory import (
    FRAME_UID,
    GRID,
    PLANTED_DATE,
    PLANTED_NAME,
    SERIES_UID,
    STUDY_UID,
    enhanced,
    series,
    slice_dataset,
    slice_uid,
    values,
    write,
    write_series,
)

from oncotrace import __version__
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter, TumourSize
from oncotrace.domain.segmentation import Quality
from oncotrace.errors import DicomError, GeometryMismatchError, InputError, OutputError
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.structured_report import TumourReport, write_report
from oncotrace.io.structured_report_read import StoredReport, read_report
from oncotrace.measure.tumour_size import tumour_size

SEG_UID = "1.2.826.0.1.3680043.10.4.1"
SEG_SERIES_UID = "1.2.826.0.1.3680043.10.4"
TUMOUR_UID = "1.2.826.0.1.3680043.10.5"

QUALITY = Quality(0.91, (0.853, 0.94), (2, 1), ("superior", "left"))


def size_on_grid() -> TumourSize:
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    voxels[1:3, 1:4, 1:5] = True
    voxels[2, 1:4, 5] = True
    return tumour_size(Mask(voxels, GRID))


REPORT = TumourReport(size_on_grid(), "six-click", "Tumour 1", TUMOUR_UID, QUALITY, "Sufficient")


def segmentation(**change: str) -> Dataset:
    """Header of a DICOM SEG of two segments, as far as a report looks at it."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SegmentationStorage, SEG_UID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY_UID, SEG_SERIES_UID
    dataset.FrameOfReferenceUID = FRAME_UID
    dataset.SegmentSequence = [Dataset(), Dataset()]
    for number, item in enumerate(dataset.SegmentSequence, start=1):
        item.SegmentNumber = number
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    return dataset


def in_single_precision(diameter: Diameter) -> Diameter:
    x, y, z = np.float32(diameter.start_mm).tolist()
    u, v, w = np.float32(diameter.end_mm).tolist()
    return Diameter(diameter.length_mm, (x, y, z), (u, v, w))


def as_held(report: TumourReport) -> TumourReport:
    """Return the report with end points of the precision that DICOM has for them."""
    lines = ("longest_axial", "perpendicular", "longest_3d")
    held = {line: in_single_precision(getattr(report.size, line)) for line in lines}
    return replace(report, size=replace(report.size, **held))


def items(parent: Dataset) -> Iterator[Dataset]:
    """Items of a content tree below ``parent``, from the top."""
    for item in parent.get("ContentSequence", []):
        yield item
        yield from items(item)


def named(parent: Dataset, meaning: str) -> list[Dataset]:
    return [i for i in items(parent) if i.ConceptNameCodeSequence[0].CodeMeaning == meaning]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceSeries:
    """Read a small axial series."""
    return read_source(write_series(tmp_path_factory.mktemp("source"), series()))


@pytest.fixture
def save(source: SourceSeries, tmp_path: Path) -> Callable[[TumourReport], Path]:
    def written(report: TumourReport = REPORT) -> Path:
        path = tmp_path / "sr.dcm"
        write_report(report, path, source, segmentation=segmentation(), segment_number=2)
        return path

    return written


@pytest.fixture(scope="module")
def whole(source: SourceSeries, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a good report; not to be changed."""
    path = tmp_path_factory.mktemp("whole") / "sr.dcm"
    write_report(REPORT, path, source, segmentation=segmentation(), segment_number=2)
    return path


# ---- there and back -----------------------------------------------------------------------------


def test_report_comes_back_with_what_it_refers_to(whole: Path) -> None:
    assert read_report(whole) == StoredReport(
        report=as_held(REPORT),
        segmentation_uid=SEG_UID,
        segment_number=2,
        source_series_uid=SERIES_UID,
        frame_of_reference_uid=FRAME_UID,
        version=__version__,
    )


@pytest.mark.parametrize(
    "report",
    [
        replace(REPORT, quality=None, grade=None),
        replace(REPORT, quality=Quality(0.5, (0.0, 1.0)), grade=None),
        replace(REPORT, quality=None, grade="Excellent"),
        replace(REPORT, grade="Insufficient"),
        replace(REPORT, grade="Incorrect"),
        replace(REPORT, maker="Müller, 放射科", tracking_id="Tumør " + "long " * 40 + "name"),
    ],
)
def test_parts_that_are_optional_come_back_as_they_were(
    report: TumourReport, save: Callable[..., Path]
) -> None:
    assert read_report(save(report)).report == as_held(report)


@pytest.mark.parametrize("number", [1 / 3, 1e-7, 12345678.901234567, 100 * np.pi, 0.1 + 0.2])
def test_numbers_come_back_to_the_last_bit_and_as_text_to_what_it_holds(
    number: float, save: Callable[..., Path]
) -> None:
    longest = replace(REPORT.size.longest_axial, length_mm=number)
    size = replace(REPORT.size, volume_ml=number, longest_axial=longest, axial_tilt_deg=number)
    path = save(replace(REPORT, size=size))
    assert read_report(path).report == as_held(replace(REPORT, size=size))

    document = dcmread(path)
    for item in items(document):
        if item.ValueType == "NUM":
            item.MeasuredValueSequence[0].pop("FloatingPointValue", None)
    document.save_as(path)
    # A decimal string has 16 characters: at worst an exponent, a sign and 10 digits.
    text = read_report(path).report.size
    found = (text.volume_ml, text.longest_axial.length_mm, text.axial_tilt_deg)
    assert found == pytest.approx((number,) * 3, rel=1e-9)


def test_axial_slice_may_lie_along_any_axis_of_the_grid(save: Callable[..., Path]) -> None:
    start, end = GRID.to_point_mm([[0.5, 3, 0.5], [4.5, 3, 2.5]]).tolist()
    line = Diameter(9.0, tuple(start), tuple(end))
    size = replace(REPORT.size, longest_axial=line, axial_slice=3, axial_axis=1)
    path = save(replace(REPORT, size=size))
    assert read_report(path).report.size == as_held(replace(REPORT, size=size)).size
    assert named(dcmread(path), "Source of Measurement") == []  # no image holds that slice


# ---- what it says -------------------------------------------------------------------------------


def test_values_stand_in_the_tree_with_their_codes_and_units(whole: Path) -> None:
    size = REPORT.size
    found = {}
    for item in items(dcmread(whole)):
        if item.ValueType == "NUM":
            name, (measured,) = item.ConceptNameCodeSequence[0], item.MeasuredValueSequence
            code = f"{name.CodeValue} {name.CodingSchemeDesignator}"
            unit = measured.MeasurementUnitsCodeSequence[0]
            assert unit.CodingSchemeDesignator == "UCUM"
            found.setdefault(code, []).append((float(measured.NumericValue), unit.CodeValue))
    assert found == {
        "YEKZ IBSI": [(pytest.approx(size.volume_ml), "ml")],
        "predicted-dice 99ONCOTRACE": [(0.91, "1")],
        "predicted-lower 99ONCOTRACE": [(0.853, "1")],
        "predicted-upper 99ONCOTRACE": [(0.94, "1")],
        "slice-to-check 99ONCOTRACE": [(2, "1"), (1, "1")],
        "103339001 SCT": [(pytest.approx(size.longest_axial.length_mm), "mm")],
        "103340004 SCT": [(pytest.approx(size.perpendicular.length_mm), "mm")],
        "L0JK IBSI": [(pytest.approx(size.longest_3d.length_mm), "mm")],
        "axial-slice 99ONCOTRACE": [(2, "1")],
        "axial-tilt 99ONCOTRACE": [(0, "deg")],
    }


def test_diameters_carry_their_end_points_and_the_image_they_lie_in(whole: Path) -> None:
    document, size = dcmread(whole), REPORT.size
    diameters = {
        "Long Axis": (size.longest_axial, [slice_uid(2)]),
        "Short Axis": (size.perpendicular, [slice_uid(2)]),
        "Maximum 3D Diameter of a Mesh": (size.longest_3d, []),
    }
    for name, (diameter, images) in diameters.items():
        (item,) = named(document, name)
        (line,) = (i for i in item.ContentSequence if i.ValueType == "SCOORD3D")
        assert (line.GraphicType, line.RelationshipType) == ("POLYLINE", "INFERRED FROM")
        assert line.ReferencedFrameOfReferenceUID == FRAME_UID
        ends = [*diameter.start_mm, *diameter.end_mm]
        assert list(line.GraphicData) == pytest.approx(ends, abs=1e-5)
        references = [i.ReferencedSOPSequence[0] for i in named(item, "Source of Measurement")]
        assert [reference.ReferencedSOPInstanceUID for reference in references] == images
        assert not any("ReferencedFrameNumber" in reference for reference in references)


def test_slice_of_a_multi_frame_image_is_named_by_its_frame(tmp_path: Path) -> None:
    source = read_source(write(enhanced(values(), order=(2, 0, 3, 1)), tmp_path / "multi.dcm"))
    write_report(REPORT, tmp_path / "sr.dcm", source, segmentation=segmentation())
    document = dcmread(tmp_path / "sr.dcm")
    references = [i.ReferencedSOPSequence[0] for i in named(document, "Source of Measurement")]
    assert [
        (reference.ReferencedSOPInstanceUID, reference.ReferencedFrameNumber)
        for reference in references
    ] == [(slice_uid(0), 1)] * 2


def test_report_says_that_it_is_for_research_and_that_nobody_has_verified_it(whole: Path) -> None:
    document = dcmread(whole)
    assert document.ContentQualification == "RESEARCH"
    assert "research use only" in document.SeriesDescription
    (use,) = named(document, "Intended use")
    assert use.ConceptCodeSequence[0].CodeMeaning == "Research use only"
    assert document.VerificationFlag == "UNVERIFIED"
    assert document.PreliminaryFlag == "PRELIMINARY"
    assert document.CompletionFlag == "COMPLETE"
    (scheme,) = document.CodingSchemeIdentificationSequence
    assert (scheme.CodingSchemeDesignator, scheme.CodingSchemeVersion) == ("99ONCOTRACE", "1")


def test_program_is_named_as_observer_and_algorithm_and_the_segmenter_as_maker(whole: Path) -> None:
    document = dcmread(whole)
    texts = {
        meaning: [item.TextValue for item in named(document, meaning)]
        for meaning in ("Device Observer Name", "Algorithm Name", "Algorithm Version")
    }
    assert texts == {
        "Device Observer Name": ["oncotrace"],
        "Algorithm Name": ["oncotrace"],
        "Algorithm Version": [__version__],
    }
    assert [item.TextValue for item in named(document, "Segmented by")] == ["six-click"]
    (language,) = named(document, "Language of Content Item and Descendants")
    assert language.ConceptCodeSequence[0].CodeValue == "en-US"


def test_all_images_and_the_segmentation_are_evidence(whole: Path) -> None:
    (study,) = dcmread(whole).CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == STUDY_UID
    assert {
        item.SeriesInstanceUID: [i.ReferencedSOPInstanceUID for i in item.ReferencedSOPSequence]
        for item in study.ReferencedSeriesSequence
    } == {SERIES_UID: [slice_uid(z) for z in range(4)], SEG_SERIES_UID: [SEG_UID]}


def test_patient_and_study_are_those_of_the_images(whole: Path) -> None:
    document = dcmread(whole)
    assert document.PatientName == document.PatientID == PLANTED_NAME
    assert document.PatientBirthDate == document.StudyDate == PLANTED_DATE
    assert document.StudyInstanceUID == STUDY_UID
    assert document.SeriesInstanceUID != SERIES_UID
    assert document.AccessionNumber == document.StudyID == document.PatientSex == ""


def test_every_report_is_an_object_and_a_series_of_its_own(
    source: SourceSeries, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    uids = [write_report(REPORT, path, source, segmentation=segmentation()) for path in paths]
    documents = [dcmread(path) for path in paths]
    assert [document.SOPInstanceUID for document in documents] == uids
    assert uids[0] != uids[1]
    assert documents[0].SeriesInstanceUID != documents[1].SeriesInstanceUID


def test_highdicom_finds_the_tumour_by_its_tracking_uid(whole: Path) -> None:
    content = hd.sr.srread(whole).content
    (roi,) = content.get_volumetric_roi_measurement_groups(tracking_uid=TUMOUR_UID)
    assert roi.finding_type == dicom_codes.SCT.Neoplasm
    assert roi.referenced_segment.referenced_sop_instance_uid == SEG_UID
    assert roi.referenced_segment.referenced_segment_numbers == [2]
    (volume,) = roi.get_measurements(name=dicom_codes.IBSI.VolumeFromVoxelSummation)
    assert volume.value == REPORT.size.volume_ml
    (lines,) = content.get_image_measurement_groups(tracking_uid=TUMOUR_UID)
    (long_axis,) = lines.get_measurements(name=dicom_codes.SCT.LongAxis)
    (line,) = long_axis.referenced_coordinates
    np.testing.assert_allclose(
        line.value, [REPORT.size.longest_axial.start_mm, REPORT.size.longest_axial.end_mm], 1e-6
    )


def test_source_that_says_odd_things_of_the_patient_is_reported_on_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    def spoil(_z: int, dataset: Dataset) -> None:
        dataset.PatientName = "Plantedname"  # one component, of which highdicom warns by name
        dataset.PatientSex = "unknown"
        dataset.PatientBirthDate = "19991399"
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.StudyDescription = "Müller"

    with quiet_pydicom():
        folder = write_series(tmp_path / "source", series(change=spoil))
    source = read_source(folder)
    recwarn.clear()
    with caplog.at_level(logging.DEBUG):
        write_report(REPORT, tmp_path / "sr.dcm", source, segmentation=segmentation())
    assert read_report(tmp_path / "sr.dcm").report == as_held(REPORT)
    assert "Planted" not in caplog.text
    assert not recwarn.list
    with quiet_pydicom():
        assert dcmread(tmp_path / "sr.dcm").StudyDescription == "Müller"


# ---- what is not written ------------------------------------------------------------------------


def test_nothing_is_written_over_another_file(
    source: SourceSeries, save: Callable[..., Path]
) -> None:
    path = save()
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already") as caught:
        write_report(REPORT, path, source, segmentation=segmentation())
    assert caught.value.code == "output-exists"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "finding", "code"),
    [
        ({"grade": "Good"}, "'Good' is not a grade.*Excellent, Sufficient, Insuff", "unknown-term"),
        (
            {"quality": Quality(0.9, (0.8, 1.0), (), ("top",))},
            "'top' is not an end",
            "unknown-term",
        ),
        ({"maker": " "}, "the maker cannot be written", "dicom-text"),
        ({"tracking_id": "Tumour\n1"}, "the tracking id cannot be written", "dicom-text"),
        ({"tracking_uid": "Tumour 1"}, "'Tumour 1' is not a DICOM UID", "dicom-text"),
    ],
)
def test_words_that_no_reader_would_know_are_refused(
    change: dict[str, object], finding: str, code: str, save: Callable[..., Path]
) -> None:
    with pytest.raises(InputError, match=finding) as caught:
        save(replace(REPORT, **change))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("other", "number", "code"),
    [
        (segmentation(SOPClassUID="1.2.840.10008.5.1.4.1.1.2"), 1, "not-seg"),
        (Dataset(), 1, "not-seg"),
        (segmentation(), 3, "segment-not-found"),
        (segmentation(FrameOfReferenceUID="1.2.3"), 1, "wrong-frame-of-reference"),
    ],
)
def test_segmentation_must_be_that_of_the_images(
    other: Dataset, number: int, code: str, source: SourceSeries, tmp_path: Path
) -> None:
    with pytest.raises(DicomError, match="DICOM SEG") as caught:
        write_report(REPORT, tmp_path / "sr.dcm", source, segmentation=other, segment_number=number)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("slice_", [1, 3, -1, 40])
def test_size_measured_on_another_grid_is_refused(slice_: int, save: Callable[..., Path]) -> None:
    size = replace(REPORT.size, axial_slice=slice_)
    with pytest.raises(GeometryMismatchError, match=f"not lie in slice {slice_} of the images"):
        save(replace(REPORT, size=size))


# ---- what is not read ---------------------------------------------------------------------------


def test_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match=r"^there is no file sr\.dcm\.$") as caught:
        read_report(tmp_path / "sr.dcm")
    assert caught.value.code == "missing-file"


def test_file_too_large_for_a_report_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.dcm").open("wb") as stream:
        stream.truncate(80 << 20)
    with pytest.raises(DicomError, match="has 80 MiB, far more than any report") as caught:
        read_report(tmp_path / "huge.dcm")
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("content", [b"", b"patient,outcome\n1,2\n" * 40, bytes(4000)])
def test_file_that_is_not_dicom_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    path.write_bytes(content)
    with pytest.raises(DicomError, match=r"sr\.dcm is not a DICOM file") as caught:
        read_report(path)
    assert caught.value.code == "not-dicom"


def test_image_is_refused_by_its_kind(tmp_path: Path) -> None:
    path = write(slice_dataset(0, values()), tmp_path / "ct.dcm")
    with pytest.raises(
        DicomError, match="no report that oncotrace wrote; its kind is CT Image"
    ) as caught:
        read_report(path)
    assert caught.value.code == "not-our-report"


def test_report_of_another_program_is_refused(save: Callable[..., Path]) -> None:
    path = save()
    document = dcmread(path)
    document.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator = "99OTHER"
    document.save_as(path)
    with pytest.raises(
        DicomError, match="oncotrace wrote; its kind is Comprehensive 3D SR"
    ) as caught:
        read_report(path)
    assert caught.value.code == "not-our-report"


def test_report_of_a_newer_format_is_refused(save: Callable[..., Path]) -> None:
    path = save()
    document = dcmread(path)
    document.CodingSchemeIdentificationSequence[0].CodingSchemeVersion = "2"
    document.save_as(path)
    with pytest.raises(DicomError, match="has format 2; this version reads up to 1") as caught:
        read_report(path)
    assert caught.value.code == "newer-format"


def test_report_cut_off_anywhere_is_refused(whole: Path, tmp_path: Path) -> None:
    content, cut = whole.read_bytes(), tmp_path / "cut.dcm"
    for length in [*range(0, len(content), 61), *range(len(content) - 20, len(content))]:
        cut.write_bytes(content[:length])
        with pytest.raises(DicomError) as caught:
            read_report(cut)
        assert caught.value.code in ("truncated", "not-dicom"), length
        assert length < 400 or caught.value.code == "truncated", length


def test_damaged_bytes_never_raise_anything_else(whole: Path, tmp_path: Path) -> None:
    content, damaged = bytearray(whole.read_bytes()), tmp_path / "damaged.dcm"
    rng = np.random.default_rng(5)
    for _ in range(60):
        copy = content.copy()
        for position in rng.integers(132, len(copy), size=3):
            copy[position] = rng.integers(256)
        damaged.write_bytes(copy)
        with suppress(DicomError):
            read_report(damaged)


def remove(meaning: str) -> Callable[[Dataset], None]:
    def change(document: Dataset) -> None:
        for parent in [document, *items(document)]:
            kept = [i for i in parent.get("ContentSequence", []) if i not in named(parent, meaning)]
            if "ContentSequence" in parent:
                parent.ContentSequence = kept

    return change


def in_cubic_millimetres(document: Dataset) -> None:
    (volume,) = named(document, "Volume from Voxel Summation")
    volume.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "mm3"


def without_number(document: Dataset) -> None:
    (volume,) = named(document, "Volume from Voxel Summation")
    volume.MeasuredValueSequence[0].FloatingPointValue = float("nan")


def unknown_grade(document: Dataset) -> None:
    (grade,) = named(document, "Grade that the segmentation got in review")
    grade.ConceptCodeSequence[0].CodeValue = "superb"


def three_points(document: Dataset) -> None:
    (long_axis,) = named(document, "Long Axis")
    long_axis.ContentSequence[-1].GraphicData = [0.0] * 9


@pytest.mark.parametrize(
    "change",
    [
        remove("Volume from Voxel Summation"),
        remove("Referenced Segment"),
        remove("Short Axis"),
        remove("Segmented by"),
        remove("Predicted Dice, upper end of the 80 % interval"),
        in_cubic_millimetres,
        without_number,
        unknown_grade,
        three_points,
    ],
)
def test_report_that_somebody_changed_is_refused_rather_than_misread(
    change: Callable[[Dataset], None], save: Callable[..., Path]
) -> None:
    path = save()
    document = dcmread(path)
    change(document)
    document.save_as(path)
    with pytest.raises(DicomError, match=r"sr\.dcm is damaged or cut off") as caught:
        read_report(path)
    assert caught.value.code == "truncated"
