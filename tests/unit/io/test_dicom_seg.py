"""Segmentations written from masks, and masks read from ours and from foreign segmentations."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pydicom.valuerep import format_number_as_ds
from scipy.spatial.transform import Rotation
from tests.unit.io.dicom_factory import (
    FRAME_UID,
    GRID,
    STUDY_UID,
    Change,
    enhanced,
    series,
    slice_uid,
    values,
    write,
    write_series,
)

from oncotrace import __version__
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import (
    DicomError,
    EmptyMaskError,
    GeometryMismatchError,
    InputError,
    OutputError,
)
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_seg import TumourSegment, write_segmentation
from oncotrace.io.dicom_seg_read import Segment, list_segments, read_segment
from oncotrace.io.dicom_source import SourceSeries, read_source

TRACKING_UID = "2.25.301"
BY_CLICKS = TumourSegment("SEMIAUTOMATIC", "six-clicks", "lesion 1", TRACKING_UID)
SEG_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
LABELMAP_CLASS = "1.2.840.10008.5.1.4.1.1.66.7"


def turned(geometry: Geometry, *degrees_xyz: float, flipped: bool = False) -> Geometry:
    axes = Rotation.from_euler("xyz", degrees_xyz, degrees=True).as_matrix()
    axes[:, 2] *= -1 if flipped else 1
    return replace(geometry, direction=tuple(float(cosine) for cosine in axes.ravel()))


OBLIQUE = turned(GRID, 17.3, -31.9, 8.1)
GRIDS = {
    "axial": GRID,
    "oblique": OBLIQUE,
    "sagittal": turned(GRID, -90, 0, -90),
    "prone": turned(GRID, 0, 0, 180),
    "slices counted downwards": turned(GRID, 0, 0, 0, flipped=True),
    "oblique, slices counted downwards": turned(GRID, 41.0, 12.9, -77.7, flipped=True),
    "slices of fewer than eight pixels": Geometry((2, 3, 5), (0.7, 0.9, 2.5)),
    "slices of 35 pixels": Geometry((7, 5, 3), (1 / 3, 1.9, 4.4), (-1 / 3, 1 / 7, 99.123456789)),
}


def source_on(geometry: Geometry, folder: Path, change: Change | None = None) -> SourceSeries:
    write_series(folder, series(values(geometry), geometry, change=change, modality="MR"))
    return read_source(folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceSeries:
    return source_on(GRID, tmp_path_factory.mktemp("source"))


def some_mask(geometry: Geometry) -> Mask:
    """Voxels at random, and none on the first slice."""
    voxels = np.random.default_rng(5).random(geometry.shape_zyx) < 0.4
    voxels[0] = False
    voxels[-1, 0, 0] = True
    return Mask(voxels, geometry)


# ---- ours, there and back ------------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_mask_comes_back_voxel_by_voxel(grid: Geometry, tmp_path: Path) -> None:
    source = source_on(grid, tmp_path / "images")
    mask = some_mask(source.geometry)
    write_segmentation(mask, tmp_path / "seg.dcm", source, segment=BY_CLICKS)

    found = read_segment(
        tmp_path / "seg.dcm",
        source.geometry,
        frame_of_reference_uid=source.frame_of_reference_uid,
        sop_instance_uids=source.sop_instance_uids,
    )
    np.testing.assert_array_equal(found.mask.voxels, mask.voxels)
    assert found.mask.geometry == source.geometry
    assert (found.label, found.notes) == ("Tumour", ())


def one_voxel(voxels: NDArray[np.bool_]) -> None:
    voxels[2, 3, 4] = True


def the_last_voxel(voxels: NDArray[np.bool_]) -> None:
    voxels[-1, -1, -1] = True


def all_voxels(voxels: NDArray[np.bool_]) -> None:
    voxels[:] = True


def with_hole(voxels: NDArray[np.bool_]) -> None:
    voxels[:, 1:4, 1:4] = True
    voxels[1:3, 2, 2] = False


def with_empty_slice_between(voxels: NDArray[np.bool_]) -> None:
    voxels[0, 2] = voxels[3, 1] = True


@pytest.mark.parametrize(
    "draw", [one_voxel, the_last_voxel, all_voxels, with_hole, with_empty_slice_between]
)
def test_special_mask_comes_back(
    draw: Callable[[NDArray[np.bool_]], None], source: SourceSeries, tmp_path: Path
) -> None:
    voxels = np.zeros(GRID.shape_zyx, dtype=np.bool_)
    draw(voxels)
    write_segmentation(
        Mask(voxels, source.geometry), tmp_path / "seg.dcm", source, segment=BY_CLICKS
    )
    found = read_segment(tmp_path / "seg.dcm", source.geometry)
    np.testing.assert_array_equal(found.mask.voxels, voxels)


def test_slices_without_a_voxel_are_left_out(source: SourceSeries, tmp_path: Path) -> None:
    voxels = np.zeros(GRID.shape_zyx, dtype=np.bool_)
    with_empty_slice_between(voxels)
    written = write_segmentation(
        Mask(voxels, source.geometry), tmp_path / "seg.dcm", source, segment=BY_CLICKS
    )
    assert written.NumberOfFrames == 2


@settings(max_examples=12, deadline=None)
@given(voxels=npst.arrays(np.bool_, GRID.shape_zyx).filter(np.any))
def test_any_mask_comes_back(
    voxels: NDArray[np.bool_], tmp_path_factory: pytest.TempPathFactory, source: SourceSeries
) -> None:
    path = tmp_path_factory.mktemp("any") / "seg.dcm"
    write_segmentation(Mask(voxels, source.geometry), path, source, segment=BY_CLICKS)
    np.testing.assert_array_equal(read_segment(path, source.geometry).mask.voxels, voxels)


def test_uneven_slices_of_a_pet_come_back(tmp_path: Path) -> None:
    def move(z: int, dataset: Dataset) -> None:
        dataset.ImagePositionPatient[2] = 30 + 2.5 * z + (0.08 if z == 1 else 0.0)

    source = source_on(GRID, tmp_path / "images", move)
    mask = some_mask(source.geometry)
    write_segmentation(mask, tmp_path / "seg.dcm", source, segment=BY_CLICKS)
    found = read_segment(tmp_path / "seg.dcm", source.geometry)
    np.testing.assert_array_equal(found.mask.voxels, mask.voxels)


# ---- what ours says ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(source: SourceSeries, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a segmentation of ours, as it stands on disk."""
    path = tmp_path_factory.mktemp("written") / "seg.dcm"
    returned = write_segmentation(some_mask(source.geometry), path, source, segment=BY_CLICKS)
    stored = dcmread(path)
    assert stored.SOPInstanceUID == returned.SOPInstanceUID
    return stored


def test_object_says_what_it_is_and_who_made_it(written: Dataset) -> None:
    assert written.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (written.SOPClassUID, written.Modality) == (SEG_CLASS, "SEG")
    assert (written.SegmentationType, written.BitsAllocated) == ("BINARY", 1)
    assert written.Manufacturer == written.ManufacturerModelName == "oncotrace"
    assert written.SoftwareVersions == __version__
    assert "software" in written.DeviceSerialNumber


def test_object_says_that_it_is_for_research(written: Dataset) -> None:
    assert written.ContentQualification == "RESEARCH"
    assert "research use only" in written.SeriesDescription
    assert "research use only" in written.ContentDescription


def test_segment_is_a_coded_neoplasm_with_its_algorithm(written: Dataset) -> None:
    (segment,) = written.SegmentSequence
    (category,) = segment.SegmentedPropertyCategoryCodeSequence
    (kind,) = segment.SegmentedPropertyTypeCodeSequence
    assert (category.CodeValue, category.CodingSchemeDesignator) == ("49755003", "SCT")
    assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("108369006", "SCT")
    assert (segment.TrackingID, segment.TrackingUID) == ("lesion 1", TRACKING_UID)
    assert (segment.SegmentAlgorithmType, segment.SegmentAlgorithmName) == (
        "SEMIAUTOMATIC",
        "six-clicks",
    )
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("six-clicks", __version__)
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Artificial Intelligence"


def test_manual_segment_names_no_algorithm(source: SourceSeries, tmp_path: Path) -> None:
    manual = replace(BY_CLICKS, algorithm_type="MANUAL", label="Mass of the thigh")
    path = tmp_path / "seg.dcm"
    written = write_segmentation(some_mask(source.geometry), path, source, segment=manual)
    assert "SegmentationAlgorithmIdentificationSequence" not in written.SegmentSequence[0]
    assert list_segments(path) == [
        Segment(1, "Mass of the thigh", "Neoplasm (SCT 108369006)", "MANUAL", "")
    ]


def test_graph_cut_is_not_called_intelligence(source: SourceSeries, tmp_path: Path) -> None:
    written = write_segmentation(
        some_mask(source.geometry),
        tmp_path / "seg.dcm",
        source,
        segment=replace(BY_CLICKS, algorithm_family="graph-cut"),
    )
    (algorithm,) = written.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Graph Cut"


def test_object_belongs_to_patient_study_and_frame_of_its_source(
    written: Dataset, source: SourceSeries
) -> None:
    image = source.images[0]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate"):
        assert written[keyword].value == image[keyword].value
    assert (written.StudyInstanceUID, written.FrameOfReferenceUID) == (STUDY_UID, FRAME_UID)
    assert written.SeriesInstanceUID != source.series_uid
    assert written.PatientSex == written.StudyID == ""  # which the source does not state


def test_uids_are_fresh(source: SourceSeries, tmp_path: Path, written: Dataset) -> None:
    other = write_segmentation(
        some_mask(source.geometry), tmp_path / "seg.dcm", source, segment=BY_CLICKS
    )
    assert other.SOPInstanceUID != written.SOPInstanceUID
    assert other.SeriesInstanceUID != written.SeriesInstanceUID


def references(items: Sequence[Dataset]) -> list[tuple[str, str]]:
    return [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in items]


def test_every_frame_refers_to_its_image(written: Dataset, source: SourceSeries) -> None:
    images = [(image.SOPClassUID, image.SOPInstanceUID) for image in source.images]
    (referenced,) = written.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == source.series_uid
    assert references(referenced.ReferencedInstanceSequence) == images
    for groups in written.PerFrameFunctionalGroupsSequence:
        (position,) = groups.PlanePositionSequence
        z = round(float(source.geometry.to_index(position.ImagePositionPatient)[2]))
        (item,) = groups.DerivationImageSequence[0].SourceImageSequence
        assert references([item]) == [images[z]]
        assert position.ImagePositionPatient == source.images[z].ImagePositionPatient
        assert "ReferencedFrameNumber" not in item


def test_frames_of_a_multi_frame_source_are_referred_to_by_number(tmp_path: Path) -> None:
    order = (2, 0, 3, 1)
    write(enhanced(values(), order=order), tmp_path / "images" / "multi.dcm")
    source = read_source(tmp_path / "images")
    mask = some_mask(source.geometry)
    written = write_segmentation(mask, tmp_path / "seg.dcm", source, segment=BY_CLICKS)

    np.testing.assert_array_equal(
        read_segment(tmp_path / "seg.dcm", source.geometry).mask.voxels, mask.voxels
    )
    image = (source.images[0].SOPClassUID, slice_uid(0))
    assert references(written.SourceImageSequence) == [image]
    assert references(written.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == [image]
    frames = referenced_frames(written, source)
    assert frames == {z: (slice_uid(0), order.index(z) + 1) for z in (1, 2, 3)}


def referenced_frames(written: Dataset, source: SourceSeries) -> dict[int, tuple[str, int]]:
    """Instance and frame that each slice of a segmentation refers to."""
    found = {}
    for groups in written.PerFrameFunctionalGroupsSequence:
        position_mm = groups.PlanePositionSequence[0].ImagePositionPatient
        (item,) = groups.DerivationImageSequence[0].SourceImageSequence
        z = round(float(source.geometry.to_index(position_mm)[2]))
        found[z] = (item.ReferencedSOPInstanceUID, item.ReferencedFrameNumber)
    return found


def test_source_in_two_multi_frame_files_with_groups_of_every_frame(tmp_path: Path) -> None:
    for number, order in enumerate(((2, 0), (3, 1))):
        dataset = enhanced(values(), OBLIQUE, order=order)
        dataset.SOPInstanceUID = slice_uid(number)
        shared = dataset.SharedFunctionalGroupsSequence[0]
        for groups in dataset.PerFrameFunctionalGroupsSequence:
            groups.update(shared)
        dataset.SharedFunctionalGroupsSequence = [Dataset()]
        write(dataset, tmp_path / "images" / f"{number}.dcm")
    source = read_source(tmp_path / "images")
    mask = some_mask(source.geometry)
    written = write_segmentation(mask, tmp_path / "seg.dcm", source, segment=BY_CLICKS)

    np.testing.assert_array_equal(
        read_segment(tmp_path / "seg.dcm", source.geometry).mask.voxels, mask.voxels
    )
    assert referenced_frames(written, source) == {
        1: (slice_uid(1), 2),
        2: (slice_uid(0), 1),
        3: (slice_uid(1), 1),
    }


def test_patient_is_written_as_the_source_has_it_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def rename(_z: int, dataset: Dataset) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName = "Jürgensen"  # of one component: highdicom would warn and repeat it
        dataset.PatientSex = "W"
        with quiet_pydicom():
            dataset.StudyDate = "20011332"

    source = source_on(GRID, tmp_path / "images", rename)
    with caplog.at_level(logging.DEBUG):
        write_segmentation(
            some_mask(source.geometry), tmp_path / "seg.dcm", source, segment=BY_CLICKS
        )
    assert str(dcmread(tmp_path / "seg.dcm").PatientName) == "Jürgensen"
    assert "rgensen" not in caplog.text


def test_orientations_that_differ_in_the_last_digit_are_one(tmp_path: Path) -> None:
    def round_differently(z: int, dataset: Dataset) -> None:
        cosines = [float(cosine) for cosine in dataset.ImageOrientationPatient]
        dataset.ImageOrientationPatient = [f"{cosine:.{6 + z}f}" for cosine in cosines]

    source = source_on(OBLIQUE, tmp_path / "images", round_differently)
    mask = some_mask(source.geometry)
    write_segmentation(mask, tmp_path / "seg.dcm", source, segment=BY_CLICKS)
    found = read_segment(tmp_path / "seg.dcm", source.geometry)
    np.testing.assert_array_equal(found.mask.voxels, mask.voxels)


def test_loss_of_the_source_is_passed_on(tmp_path: Path) -> None:
    def lossy(_z: int, dataset: Dataset) -> None:
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionRatio = "8.5"
        dataset.LossyImageCompressionMethod = "ISO_15444_1"

    source = source_on(GRID, tmp_path / "images", lossy)
    written = write_segmentation(
        some_mask(source.geometry), tmp_path / "seg.dcm", source, segment=BY_CLICKS
    )
    assert written.LossyImageCompression == "01"
    assert written.LossyImageCompressionMethod == "ISO_15444_1"


# ---- what is not written -------------------------------------------------------------------------


def test_empty_mask_is_refused(source: SourceSeries, tmp_path: Path) -> None:
    empty = Mask(np.zeros(GRID.shape_zyx, dtype=np.bool_), source.geometry)
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        write_segmentation(empty, tmp_path / "seg.dcm", source, segment=BY_CLICKS)
    assert not list(tmp_path.iterdir())


def test_mask_on_another_grid_is_refused(source: SourceSeries, tmp_path: Path) -> None:
    with pytest.raises(GeometryMismatchError, match="the mask and the source series"):
        write_segmentation(some_mask(OBLIQUE), tmp_path / "seg.dcm", source, segment=BY_CLICKS)


def test_no_file_is_written_over(source: SourceSeries, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    path.write_text("kept")
    with pytest.raises(OutputError, match="exists already"):
        write_segmentation(some_mask(source.geometry), path, source, segment=BY_CLICKS)
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"label": "x" * 65}, "the label cannot be written in DICOM"),
        ({"label": " "}, "the label cannot be written"),
        ({"tracking_id": "a\\b"}, "the tracking id cannot be written"),
        ({"algorithm_name": "two\nlines"}, "the algorithm name cannot be written"),
        ({"tracking_uid": "lesion"}, "'lesion' is not a DICOM UID"),
    ],
)
def test_text_that_dicom_cannot_hold_is_refused(change: dict[str, str], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        replace(BY_CLICKS, **change)  # type: ignore[arg-type]
    assert caught.value.code == "dicom-text"


# ---- foreign segmentations -----------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """How the frames of a segmentation are turned against the slices of the grid."""

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    def places(self, grid: Geometry) -> list[list[tuple[int, int]]]:
        """Voxel (x, y) of every pixel, by row and column."""
        columns, rows, _ = grid.size_xyz
        xs = list(range(columns))[:: -1 if self.flipped_x else 1]
        ys = list(range(rows))[:: -1 if self.flipped_y else 1]
        if self.transposed:
            return [[(x, y) for y in ys] for x in xs]
        return [[(x, y) for x in xs] for y in ys]


@dataclass(frozen=True)
class Foreign:
    """A segmentation as another program might write it; frames are (slice, segment, view)."""

    voxels: dict[int, NDArray[np.int64]]
    frames: Sequence[tuple[int, int, View]]
    grid: Geometry = GRID
    kind: str = "BINARY"
    bits: int = 1
    maximum: int = 255

    def dataset(self) -> Dataset:
        dataset = Dataset()
        dataset.SOPClassUID = LABELMAP_CLASS if self.kind == "LABELMAP" else SEG_CLASS
        dataset.SOPInstanceUID = "1.2.826.0.1.3680043.10.9"
        dataset.Modality = "SEG"
        dataset.PatientName = "Planted^Name"
        dataset.FrameOfReferenceUID = FRAME_UID
        dataset.SegmentationType = self.kind
        if self.kind == "FRACTIONAL":
            dataset.SegmentationFractionalType = "PROBABILITY"
            dataset.MaximumFractionalValue = self.maximum
        dataset.SegmentSequence = [described(number) for number in self.voxels]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = self.bits
        dataset.HighBit, dataset.PixelRepresentation = self.bits - 1, 0
        dataset.NumberOfFrames = len(self.frames)
        places = self.frames[0][2].places(self.grid)
        dataset.Rows, dataset.Columns = len(places), len(places[0])
        dataset.SharedFunctionalGroupsSequence = [Dataset()]
        dataset.PerFrameFunctionalGroupsSequence = [self.groups(*frame) for frame in self.frames]
        stored = [
            int(self.voxels[segment][z, y, x])
            for z, segment, view in self.frames
            for row in view.places(self.grid)
            for x, y in row
        ]
        dataset.PixelData = packed(stored, self.bits)
        dataset["PixelData"].VR = "OB" if self.bits <= 8 else "OW"
        return dataset

    def groups(self, z: int, segment: int, view: View) -> Dataset:
        """Everything frame by frame, nothing shared."""
        places = view.places(self.grid)
        corner, right, below = (
            self.grid.to_point_mm((*places[row][column], z))
            for row, column in ((0, 0), (0, 1), (1, 0))
        )
        steps_mm = [np.linalg.norm(point - corner) for point in (right, below)]
        groups = Dataset()
        groups.PlanePositionSequence = [Dataset()]
        groups.PlanePositionSequence[0].ImagePositionPatient = texts(corner)
        groups.PlaneOrientationSequence = [Dataset()]
        groups.PlaneOrientationSequence[0].ImageOrientationPatient = texts(
            np.concatenate([(right - corner) / steps_mm[0], (below - corner) / steps_mm[1]])
        )
        groups.PixelMeasuresSequence = [Dataset()]
        groups.PixelMeasuresSequence[0].PixelSpacing = texts(steps_mm[::-1])
        if self.kind != "LABELMAP":
            groups.SegmentIdentificationSequence = [Dataset()]
            groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = segment
        return groups


def texts(numbers: Sequence[float] | NDArray[np.float64]) -> list[str]:
    return [format_number_as_ds(float(number)) for number in numbers]


def described(number: int) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "4147007", "SCT", "Mass"
    item = Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = f"Segment {number}"
    item.SegmentAlgorithmType = "AUTOMATIC"
    item.SegmentAlgorithmName = "elsewhere"
    item.SegmentedPropertyTypeCodeSequence = [code]
    return item


def packed(stored: Sequence[int], bits: int) -> bytes:
    """Pixels as PS3.5, 8.1.1 says: the first one in the lowest bit."""
    data = bytearray((len(stored) * bits + 7) // 8)
    for number, value in enumerate(stored):
        for byte in range(0, bits, 8):
            data[(number * bits + byte) // 8] |= (value >> byte & 255) << (number * bits) % 8
    return bytes(data) + b"\0" * (len(data) % 2)


def at_random(seed: int, largest: int = 1, grid: Geometry = GRID) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, largest, grid.shape_zyx, endpoint=True)


AS_IS = View()
EVERY_SLICE = [(z, 1, AS_IS) for z in range(4)]
VIEWS = [View(*turns) for turns in product((False, True), repeat=3)]


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("grid", [GRID, GRIDS["oblique, slices counted downwards"]])
def test_frames_turned_along_the_axes_are_turned_back(
    view: View, grid: Geometry, tmp_path: Path
) -> None:
    foreign = Foreign({1: at_random(1)}, [(z, 1, view) for z in (3, 1, 0, 2)], grid)
    found = read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), grid)
    np.testing.assert_array_equal(found.mask.voxels, foreign.voxels[1] == 1)
    assert found.notes == ()


def test_frames_of_square_slices_may_be_turned_each_in_its_own_way(tmp_path: Path) -> None:
    grid = Geometry((5, 5, 8), (0.8, 0.8, 2.5), (-11.0, 7.0, 30.0))
    frames = [(z, 1, view) for z, view in enumerate(VIEWS)]
    foreign = Foreign({1: at_random(1, grid=grid)}, frames, grid)
    found = read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), grid)
    np.testing.assert_array_equal(found.mask.voxels, foreign.voxels[1] == 1)


OVERLAPPING = Foreign(
    {4: at_random(4), 2: at_random(2)},
    [(2, 2, AS_IS), (0, 4, AS_IS), (0, 2, AS_IS), (3, 4, AS_IS), (2, 4, AS_IS)],
)


@pytest.mark.parametrize(("number", "slices"), [(2, [0, 2]), (4, [0, 2, 3])])
def test_segments_that_overlap_are_told_apart(
    number: int, slices: list[int], tmp_path: Path
) -> None:
    path = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm")
    expected = np.zeros(GRID.shape_zyx, dtype=np.bool_)
    expected[slices] = OVERLAPPING.voxels[number][slices] == 1
    assert (OVERLAPPING.voxels[2] & OVERLAPPING.voxels[4])[[0, 2]].any()

    found = read_segment(path, GRID, number=number)
    np.testing.assert_array_equal(found.mask.voxels, expected)
    assert found.label == f"Segment {number}"


def test_segments_are_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm")
    assert list_segments(path) == [
        Segment(n, f"Segment {n}", "Mass (SCT 4147007)", "AUTOMATIC", "elsewhere") for n in (4, 2)
    ]


def test_segment_without_code_or_label_is_listed(tmp_path: Path) -> None:
    dataset = OVERLAPPING.dataset()
    bare = Dataset()
    bare.SegmentNumber = 9
    dataset.SegmentSequence = [bare]
    assert list_segments(write(dataset, tmp_path / "seg.dcm")) == [Segment(9, "", "", "", "")]


def test_shared_groups_hold_for_all_frames(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        for name in ("PlaneOrientation", "PixelMeasures", "SegmentIdentification"):
            shared[f"{name}Sequence"] = groups[f"{name}Sequence"]
            del groups[f"{name}Sequence"]
    found = read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    np.testing.assert_array_equal(found.mask.voxels, at_random(1) == 1)


@pytest.mark.parametrize(("maximum", "least"), [(255, 128), (100, 50), (1, 1)])
def test_at_least_half_of_a_fractional_segmentation_is_taken(
    maximum: int, least: int, tmp_path: Path
) -> None:
    foreign = Foreign(
        {1: at_random(3, maximum)}, EVERY_SLICE, kind="FRACTIONAL", bits=8, maximum=maximum
    )
    foreign.voxels[1][0, 0, :2] = least - 1, least
    found = read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), GRID)
    np.testing.assert_array_equal(found.mask.voxels, foreign.voxels[1] >= least)
    assert found.notes == (
        f"The segmentation is fractional, from 0 to {maximum}; voxels of at least half were taken.",
    )


@pytest.mark.parametrize(("bits", "numbers"), [(8, (1, 2, 200)), (16, (1, 2, 300))])
def test_segments_of_a_label_map_are_read(
    bits: int, numbers: tuple[int, ...], tmp_path: Path
) -> None:
    labels = np.array([0, *numbers])[at_random(6, 3)]
    frames = [(z, 1, AS_IS) for z in (3, 0, 2)]
    dataset = Foreign({1: labels}, frames, kind="LABELMAP", bits=bits).dataset()
    dataset.PixelPaddingValue = 0
    dataset.SegmentSequence = [described(number) for number in (0, *numbers)]
    path = write(dataset, tmp_path / "seg.dcm")
    labels[1] = 0

    assert [segment.number for segment in list_segments(path)] == list(numbers)
    for number in numbers:
        found = read_segment(path, GRID, number=number)
        np.testing.assert_array_equal(found.mask.voxels, labels == number)


def test_background_of_a_label_map_may_have_another_number(tmp_path: Path) -> None:
    labels = 1 + at_random(6)
    dataset = Foreign({1: labels}, EVERY_SLICE, kind="LABELMAP", bits=8).dataset()
    dataset.PixelPaddingValue = 1
    dataset.SegmentSequence = [described(1), described(2)]
    found = read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    np.testing.assert_array_equal(found.mask.voxels, labels == 2)


WIDE = Geometry((48, 40, 3), (0.7, 0.9, 2.5), (-11.0, 7.0, 30.0))
WIDE_SLICES = [(z, 1, AS_IS) for z in (2, 0, 1)]


@pytest.mark.parametrize(
    ("syntax", "kind", "bits"),
    [
        (RLELossless, "FRACTIONAL", 8),
        (RLELossless, "LABELMAP", 8),
        (JPEGLSLossless, "LABELMAP", 8),
        (JPEG2000Lossless, "LABELMAP", 16),
        (DeflatedExplicitVRLittleEndian, "BINARY", 1),
        (DeflatedExplicitVRLittleEndian, "FRACTIONAL", 8),
        (ImplicitVRLittleEndian, "BINARY", 1),
        (ImplicitVRLittleEndian, "LABELMAP", 16),
    ],
)
def test_every_usual_encoding_is_read(syntax: str, kind: str, bits: int, tmp_path: Path) -> None:
    voxels = at_random(8, grid=WIDE)
    stored = voxels * 255 if kind == "FRACTIONAL" else voxels
    dataset = Foreign({1: stored}, WIDE_SLICES, WIDE, kind, bits).dataset()
    found = read_segment(write(dataset, tmp_path / "seg.dcm", syntax), WIDE)
    np.testing.assert_array_equal(found.mask.voxels, voxels == 1)


def test_single_bits_compressed_by_jpeg_2000_are_read(tmp_path: Path) -> None:
    voxels = at_random(8, grid=WIDE)
    foreign = Foreign({1: voxels}, WIDE_SLICES, WIDE, "BINARY", 8).dataset()
    foreign.BitsStored = 1  # the factory encodes bytes
    path = write(foreign, tmp_path / "bytes.dcm", JPEG2000Lossless)
    dataset = dcmread(path)
    dataset.BitsAllocated = 1
    found = read_segment(write_as_is(dataset, tmp_path / "seg.dcm"), WIDE)
    np.testing.assert_array_equal(found.mask.voxels, voxels == 1)


def write_as_is(dataset: Dataset, path: Path) -> Path:
    """Write a dataset whose pixels fit its transfer syntax already."""
    dataset.save_as(path, enforce_file_format=True)
    return path


# ---- notes ---------------------------------------------------------------------------------------


def test_images_that_are_not_in_the_series_are_counted(
    written: Dataset, source: SourceSeries, tmp_path: Path
) -> None:
    path = write_as_is(written, tmp_path / "seg.dcm")
    known = source.sop_instance_uids[:3]
    assert read_segment(path, source.geometry, sop_instance_uids=known).notes == (
        "1 of 4 images that the segmentation refers to are not in this series; matched by "
        "position.",
    )
    assert read_segment(path, source.geometry).notes == ()


def test_frames_a_little_beside_the_slices_are_noted(tmp_path: Path) -> None:
    beside = replace(GRID, origin_mm=(-11.0, 7.0, 30.4))
    foreign = Foreign({1: at_random(1)}, EVERY_SLICE, beside)
    found = read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), GRID)
    np.testing.assert_array_equal(found.mask.voxels, foreign.voxels[1] == 1)
    assert found.notes == ("Frames lie up to 0.16 voxels beside the image's grid.",)


# ---- segmentations that do not fit ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "what"),
    [
        (replace(GRID, origin_mm=(-11.0, 7.0, 31.25)), r"fills no slice.*voxel \(0, 0, [0-9.]+\)"),
        (
            replace(GRID, origin_mm=(-11.0, 7.0, 32.5)),
            r"frame 4 of seg.dcm fills no slice",
        ),
        (replace(GRID, origin_mm=(-10.65, 7.0, 30.0)), r"first pixel lies at voxel \(0.5, 0, 0\)"),
        (replace(GRID, spacing_mm=(0.75, 0.9, 2.5)), r"measure 0.75 x 0.9 mm.*0.7 x 0.9 mm"),
        (replace(GRID, size_xyz=(7, 5, 4)), "have 7 x 5 pixels, the image's slices 6 x 5"),
        (turned(GRID, 0, 0, 30), "turned by 30.0 degrees"),
        (turned(GRID, 12, 0, 0), "turned by 12.0 degrees"),
        (GRIDS["sagittal"], "turned by 90.0 degrees"),
    ],
)
def test_frames_off_the_grid_are_refused(grid: Geometry, what: str, tmp_path: Path) -> None:
    foreign = Foreign({1: at_random(1, grid=grid)}, EVERY_SLICE, grid)
    with pytest.raises(DicomError, match=what) as caught:
        read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), GRID)
    assert caught.value.code == "segment-off-grid"
    assert "resample the segmentation" in str(caught.value)


def test_frame_absurdly_far_away_is_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    (position,) = dataset.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    position.ImagePositionPatient = ["1e308", "-1e308", "30"]
    with pytest.raises(DicomError, match=r"frame 4 of seg\.dcm fills no slice") as caught:
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    assert caught.value.code == "segment-off-grid"


def test_other_frame_of_reference_is_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    path = write(dataset, tmp_path / "seg.dcm")
    with pytest.raises(DicomError, match="another frame of reference") as caught:
        read_segment(path, GRID, frame_of_reference_uid=FRAME_UID + ".7")
    assert caught.value.code == "wrong-frame-of-reference"
    assert read_segment(path, GRID, frame_of_reference_uid=FRAME_UID).notes == ()
    del dataset.FrameOfReferenceUID
    unknown = write(dataset, tmp_path / "unknown.dcm")
    assert read_segment(unknown, GRID, frame_of_reference_uid=FRAME_UID).notes == ()


def test_several_segments_need_a_number(tmp_path: Path) -> None:
    path = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm")
    with pytest.raises(
        DicomError, match=r"has 2 segments: 4 \('Segment 4'\), 2 \('Segment 2'\)"
    ) as caught:
        read_segment(path, GRID)
    assert caught.value.code == "segment-not-chosen"


def test_unknown_number_is_answered_with_those_there_are(tmp_path: Path) -> None:
    path = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm")
    with pytest.raises(DicomError, match=r"has no segment 3\. Its segments: 4 \(") as caught:
        read_segment(path, GRID, number=3)
    assert caught.value.code == "segment-not-found"


def test_file_without_segments_is_refused(tmp_path: Path) -> None:
    dataset = OVERLAPPING.dataset()
    del dataset.SegmentSequence
    with pytest.raises(DicomError, match=r"has no segment\. Its segments: none") as caught:
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    assert caught.value.code == "segment-not-found"


@pytest.mark.parametrize("described_only", [True, False])
def test_segment_without_a_voxel_is_refused(described_only: bool, tmp_path: Path) -> None:
    frames = [(0, 2, AS_IS)] if described_only else [(0, 1, AS_IS)]
    foreign = Foreign({1: np.zeros_like(at_random(1)), 2: at_random(1)}, frames)
    with pytest.raises(EmptyMaskError, match=r"segment 1 \('Segment 1'\) of seg.dcm has no voxel"):
        read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), GRID, number=1)


def test_two_frames_on_one_slice_are_refused(tmp_path: Path) -> None:
    foreign = Foreign({1: at_random(1)}, [*EVERY_SLICE, (2, 1, AS_IS)])
    with pytest.raises(DicomError, match="2 frames of one segment on slice 3") as caught:
        read_segment(write(foreign.dataset(), tmp_path / "seg.dcm"), GRID)
    assert caught.value.code == "duplicate-frames"


def test_number_given_to_two_segments_is_refused(tmp_path: Path) -> None:
    dataset = OVERLAPPING.dataset()
    dataset.SegmentSequence = [described(2), described(4), described(2)]
    with pytest.raises(DicomError, match="gives the number 2 to 2 segments") as caught:
        list_segments(write(dataset, tmp_path / "seg.dcm"))
    assert caught.value.code == "duplicate-segment-number"


def test_part_of_a_segmentation_is_refused(tmp_path: Path) -> None:
    dataset = OVERLAPPING.dataset()
    dataset.ConcatenationUID = "1.2.3"
    dataset.InConcatenationNumber, dataset.InConcatenationTotalNumber = 1, 3
    with pytest.raises(DicomError, match="one of several files") as caught:
        list_segments(write(dataset, tmp_path / "seg.dcm"))
    assert caught.value.code == "segmentation-in-parts"


# ---- files that cannot be read -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "BINARY", "CONTOUR"])
def test_unknown_type_of_segmentation_is_refused(kind: str, tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE, bits=8).dataset()
    dataset.SegmentationType = kind
    with pytest.raises(DicomError, match="no known segmentation type") as caught:
        list_segments(write(dataset, tmp_path / "seg.dcm"))
    assert caught.value.code == "unknown-segmentation-type"


@pytest.mark.parametrize("maximum", [None, 0, 300])
def test_fractional_segmentation_must_say_what_is_whole(
    maximum: int | None, tmp_path: Path
) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE, kind="FRACTIONAL", bits=8).dataset()
    dataset.MaximumFractionalValue = maximum
    with pytest.raises(DicomError, match="the value of MaximumFractionalValue is malformed"):
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)


@pytest.mark.parametrize(
    ("sequence", "keyword"),
    [
        ("PlanePositionSequence", "ImagePositionPatient"),
        ("PlaneOrientationSequence", "ImageOrientationPatient"),
        ("PixelMeasuresSequence", "PixelSpacing"),
        ("SegmentIdentificationSequence", "ReferencedSegmentNumber"),
    ],
)
def test_missing_group_is_named(sequence: str, keyword: str, tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    del dataset.PerFrameFunctionalGroupsSequence[1][sequence]
    with pytest.raises(DicomError, match=f"frame 2 of seg.dcm has no {keyword}") as caught:
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    assert caught.value.code == "missing-tag"


def test_frames_without_their_groups_are_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    dataset.NumberOfFrames = 2**31 - 1
    with pytest.raises(DicomError, match="holds 2147483647 frames and the positions of 4"):
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)


@pytest.mark.parametrize("numbers", [["1", "2"], ["1", "2", "1e999"]])
def test_malformed_position_is_refused(numbers: list[str], tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    (position,) = dataset.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    position.ImagePositionPatient = numbers
    with pytest.raises(DicomError, match=r"frame 4 of .*ImagePositionPatient is malformed") as e:
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    assert e.value.code == "malformed-tag"


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_pixels_cut_off_are_refused(kind: str, tmp_path: Path) -> None:
    bits = 1 if kind == "BINARY" else 8
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE, kind=kind, bits=bits).dataset()
    path = write(dataset, tmp_path / "seg.dcm")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DicomError, match="cut off") as caught:
        read_segment(path, GRID)
    assert caught.value.code == "truncated"


def test_pixels_that_are_too_many_are_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    dataset.PixelData += b"\0\0"
    with pytest.raises(DicomError, match=r"holds 18 bytes of pixels.* need 15"):
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)


def test_segmentation_without_pixels_is_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    del dataset.PixelData
    with pytest.raises(DicomError, match="ends before its pixels") as caught:
        read_segment(write(dataset, tmp_path / "seg.dcm"), GRID)
    assert caught.value.code == "truncated"


def test_unknown_compression_is_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    path = write(dataset, tmp_path / "seg.dcm", MPEG2MPML)
    with pytest.raises(DicomError, match="transfer syntax that is not supported") as caught:
        read_segment(path, GRID)
    assert caught.value.code == "unsupported-transfer-syntax"


def test_single_bits_of_a_big_endian_file_are_refused(tmp_path: Path) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    path = write(dataset, tmp_path / "seg.dcm", ExplicitVRBigEndian)
    assert [segment.number for segment in list_segments(path)] == [1]
    with pytest.raises(DicomError):
        read_segment(path, GRID)


def test_damaged_compressed_frame_is_refused(tmp_path: Path) -> None:
    voxels = at_random(8, grid=WIDE)
    dataset = Foreign({1: voxels}, WIDE_SLICES, WIDE, "LABELMAP", 8).dataset()
    path = write(dataset, tmp_path / "seg.dcm", JPEG2000Lossless)
    content = path.read_bytes()
    start = content.rindex(b"\xff\x4f\xff\x51")  # the last codestream
    path.write_bytes(content[:start] + bytes(100) + content[start + 100 :])
    with pytest.raises(DicomError, match="cannot be decoded") as caught:
        read_segment(path, WIDE)
    assert caught.value.code == "decode-failed"


def test_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    path = write(series()[0], tmp_path / "ct.dcm")
    with pytest.raises(
        DicomError, match=r"not a segmentation but CT Image Storage \(modality CT\)"
    ) as caught:
        list_segments(path)
    assert caught.value.code == "not-seg"


@pytest.mark.parametrize("content", [b"", b"x", b"patient,outcome\n1,2\n" * 40, bytes(4000)])
def test_file_that_is_not_dicom_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    path.write_bytes(content)
    with pytest.raises(DicomError, match=r"seg\.dcm is not a DICOM file") as caught:
        list_segments(path)
    assert caught.value.code == "not-dicom"


@pytest.mark.parametrize("name", ["missing.dcm", "."])
def test_missing_file_is_named_without_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(DicomError, match=r"^there is no file [^/]*\.$") as caught:
        list_segments(tmp_path / name)
    assert caught.value.code == "missing-file"


def test_file_too_large_for_a_segmentation_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.dcm"
    with path.open("wb") as stream:
        stream.truncate(5 << 30)
    with pytest.raises(DicomError, match="has 5120 MiB, far more than any segmentation") as caught:
        list_segments(path)
    assert caught.value.code == "too-large"


def test_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    content = write(OVERLAPPING.dataset(), tmp_path / "seg.dcm").read_bytes()
    cut = tmp_path / "cut.dcm"
    whole = len(content) - 1  # the last byte fills up to an even number
    for length in [*range(0, whole, 23), *range(whole - 20, whole)]:
        cut.write_bytes(content[:length])
        with pytest.raises(DicomError) as caught:
            read_segment(cut, GRID, number=2)
        assert caught.value.code in ("not-dicom", "not-seg", "truncated"), length


def test_damaged_bytes_raise_nothing_else_and_name_nobody(tmp_path: Path) -> None:
    content = bytearray(write(OVERLAPPING.dataset(), tmp_path / "seg.dcm").read_bytes())
    rng = np.random.default_rng(11)
    damaged = tmp_path / "damaged.dcm"
    for _ in range(120):
        copy = content.copy()
        for position in rng.integers(132, len(copy), size=3):
            copy[position] = rng.integers(256)
        damaged.write_bytes(copy)
        with suppress(EmptyMaskError):
            try:
                read_segment(damaged, GRID, number=2)
            except DicomError as error:
                assert "Planted" not in str(error)  # noqa: PT017  # most of them raise nothing
