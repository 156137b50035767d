"""Masks written as structure sets: what they refer to, and that every voxel comes back."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from tests.property.strategies import masks
from tests.unit.io.dicom_factory import (
    CLASSIC,
    ENHANCED,
    FRAME_UID,
    PLANTED_DATE,
    PLANTED_NAME,
    SERIES_UID,
    STUDY_UID,
    enhanced,
    series,
    slice_uid,
    values,
    write,
    write_series,
)

import oncotrace
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError, GeometryMismatchError, InputError, OutputError
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct import RegionMask, list_regions, read_region
from oncotrace.io.rtstruct_write import write_structure

GRID = Geometry((14, 12, 5), (0.7, 0.9, 2.5), (-111.3, 47.1, -730.25))

Write = Callable[..., Dataset]


def turned(axes: object) -> Geometry:
    """Return the grid with other axes; not all are exactly orthonormal as they stand here."""
    left, _, right = np.linalg.svd(np.asarray(axes, dtype=np.float64))
    return replace(GRID, direction=tuple(float(cosine) for cosine in (left @ right).ravel()))


GRIDS = {
    "axial": GRID,
    "prone": turned(np.diag([-1, -1, 1])),
    "feet first": turned(np.diag([-1, 1, -1])),
    "sagittal": turned([[0, 0, -1], [1, 0, 0], [0, -1, 0]]),
    "coronal": turned([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "oblique": turned([[0.8, -0.5, 0.3], [0.5, 0.86, 0.1], [-0.3, 0.07, 0.95]]),
    "oblique and flipped": turned([[-0.8, 0.5, 0.3], [0.5, 0.86, 0.1], [-0.3, 0.07, -0.95]]),
    "fine pixels far away": replace(GRID, spacing_mm=(0.05, 0.07, 0.4), origin_mm=(-1987.6,) * 3),
}


def drawn(*rows: str) -> NDArray[np.bool_]:
    """Slice of the grid with these rows in its upper left corner."""
    area = np.zeros(GRID.shape_zyx[1:], dtype=np.bool_)
    for y, row in enumerate(rows):
        area[y, : len(row)] = [cell == "#" for cell in row]
    return area


def on_slices(**areas: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels with areas on slices called ``z0``, ``z1``, ..."""
    voxels = np.zeros(GRID.shape_zyx, dtype=np.bool_)
    for slice_name, area in areas.items():
        voxels[int(slice_name[1:])] = area
    return voxels


HOLE = drawn("", " #####", " #...#", " #...#", " #####")
ISLAND = drawn("#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######")

SHAPES = {
    "one voxel": on_slices(z2=drawn("", " #")),
    "every voxel": np.ones(GRID.shape_zyx, dtype=np.bool_),
    "hole": on_slices(z1=HOLE, z2=HOLE),
    "islands in holes": on_slices(z2=ISLAND, z3=ISLAND),
    "along the border": on_slices(z0=~HOLE, z4=~drawn("..###")),
    "voxels that touch at corners": on_slices(z2=drawn("#.#", ".#.", "#.#"), z3=drawn("##", "#.#")),
    "scattered": np.random.default_rng(3).random(GRID.shape_zyx) < 0.6,
}


@pytest.fixture
def source(tmp_path: Path) -> SourceSeries:
    return read_source(write_series(tmp_path / "images", series(geometry=GRID)))


@pytest.fixture
def saved(tmp_path: Path, source: SourceSeries) -> Write:
    """Write voxels as a structure set and return its dataset."""

    def write_voxels(
        voxels: NDArray[np.bool_] = SHAPES["hole"], of: SourceSeries = source, **others: object
    ) -> Dataset:
        path = tmp_path / "out" / f"{len(list(tmp_path.glob('out/*')))}.dcm"
        given = {"name": "GTV", "algorithm": "AUTOMATIC", **others}
        uid = write_structure(Mask(voxels, of.geometry), path, of, **given)  # type: ignore[arg-type]
        dataset = pydicom.dcmread(path)
        assert uid == dataset.SOPInstanceUID
        return dataset

    return write_voxels


def contours(dataset: Dataset) -> list[Dataset]:
    return list(dataset.ROIContourSequence[0].ContourSequence)


# ---- the voxels ---------------------------------------------------------------------------------


def returned(mask: Mask, source: SourceSeries) -> RegionMask:
    """Read the region again that the mask was written as."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rs.dcm"
        write_structure(mask, path, source, name="GTV", algorithm="AUTOMATIC")
        return read_region(
            path,
            source.geometry,
            frame_of_reference_uid=source.frame_of_reference_uid,
            sop_instance_uids=source.sop_instance_uids,
        )


def source_on(grid: Geometry) -> SourceSeries:
    """Build a source without files, which may lie on a grid that no series has."""
    images = []
    for z in range(grid.size_xyz[2]):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = CLASSIC["MR"], slice_uid(z)
        images.append(image)
    places = tuple((z, 1) for z in range(len(images)))
    return SourceSeries(tuple(images), places, grid, SERIES_UID, STUDY_UID, FRAME_UID, ())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_voxel_comes_back(shape: NDArray[np.bool_], source: SourceSeries) -> None:
    found = returned(Mask(shape, GRID), source)
    np.testing.assert_array_equal(found.mask.voxels, shape)
    assert [note for note in found.notes if "have no contour" not in note] == []


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_every_voxel_comes_back_on_the_grid_of_any_series(grid: Geometry, tmp_path: Path) -> None:
    source = read_source(write_series(tmp_path / "images", series(geometry=grid)))
    found = returned(Mask(SHAPES["scattered"], source.geometry), source)
    np.testing.assert_array_equal(found.mask.voxels, SHAPES["scattered"])
    assert found.notes == ()


@settings(max_examples=40, deadline=None)
@given(masks().filter(lambda mask: not mask.is_empty))
def test_every_voxel_of_any_mask_on_any_grid_comes_back(mask: Mask) -> None:
    found = returned(mask, source_on(mask.geometry))
    np.testing.assert_array_equal(found.mask.voxels, mask.voxels)


def test_contour_longer_than_an_explicit_element_comes_back(tmp_path: Path) -> None:
    grid = Geometry((60, 61, 2), (0.7, 0.7, 3.0), (-111.3, 47.1, -730.25))
    lattice = np.zeros(grid.shape_zyx, dtype=np.bool_)
    lattice[1, ::2] = lattice[1, :, ::4] = True
    path = tmp_path / "rs.dcm"
    write_structure(Mask(lattice, grid), path, source_on(grid), name="GTV", algorithm="AUTOMATIC")
    (contour,) = contours(pydicom.dcmread(path))
    assert len(contour.get_item("ContourData").value) > 1 << 16
    np.testing.assert_array_equal(read_region(path, grid).mask.voxels, lattice)


def test_hole_is_part_of_one_closed_contour(saved: Write) -> None:
    first, second = contours(saved(SHAPES["hole"]))
    for contour in (first, second):
        assert contour.ContourGeometricType == "CLOSED_PLANAR"
        # Four corners each of outline and hole, the top of the channel, and both its ends again.
        assert contour.NumberOfContourPoints == 4 + 4 + 1 + 2
    assert (first.ContourNumber, second.ContourNumber) == (1, 2)


def test_coordinates_are_plain_decimals_in_16_characters(saved: Write) -> None:
    text = b"\\".join(c.get_item("ContourData").value for c in contours(saved(SHAPES["scattered"])))
    for number in text.split(b"\\"):
        assert re.fullmatch(rb"-?\d+\.\d{6} ?", number)
        assert len(number) <= 16
        assert number != b"-0.000000"


# ---- what the file refers to --------------------------------------------------------------------


def test_contours_name_the_image_of_their_slice(saved: Write) -> None:
    dataset = saved(SHAPES["along the border"])
    named = [contour.ContourImageSequence[0] for contour in contours(dataset)]
    assert {image.ReferencedSOPInstanceUID for image in named} == {slice_uid(0), slice_uid(4)}
    assert {image.ReferencedSOPClassUID for image in named} == {CLASSIC["CT"]}
    assert not any("ReferencedFrameNumber" in image for image in named)
    for contour, image in zip(contours(dataset), named, strict=True):
        z = 0 if image.ReferencedSOPInstanceUID == slice_uid(0) else 4
        expected_mm = GRID.to_point_mm((0, 0, z))[2]
        np.testing.assert_allclose(np.array(contour.ContourData[2::3], float), expected_mm)


def test_contours_name_the_frame_where_an_image_has_several(tmp_path: Path, saved: Write) -> None:
    multi = enhanced(values(GRID), GRID, order=(2, 0, 3, 1, 4))
    source = read_source(write(multi, tmp_path / "multi.dcm"))
    dataset = saved(SHAPES["hole"], of=source)
    named = [contour.ContourImageSequence[0] for contour in contours(dataset)]
    assert [image.ReferencedFrameNumber for image in named] == [4, 1]  # slices 1 and 2
    assert {image.ReferencedSOPInstanceUID for image in named} == {slice_uid(0)}
    (frame_of_reference,) = dataset.ReferencedFrameOfReferenceSequence
    (whole,) = (
        frame_of_reference.RTReferencedStudySequence[0]
        .RTReferencedSeriesSequence[0]
        .ContourImageSequence
    )
    assert whole.ReferencedSOPClassUID == ENHANCED["MR"]
    assert "ReferencedFrameNumber" not in whole


def test_structure_set_refers_to_frame_study_series_and_all_images(saved: Write) -> None:
    dataset = saved()
    (frame_of_reference,) = dataset.ReferencedFrameOfReferenceSequence
    (study,) = frame_of_reference.RTReferencedStudySequence
    (referenced,) = study.RTReferencedSeriesSequence
    assert frame_of_reference.FrameOfReferenceUID == FRAME_UID
    assert study.ReferencedSOPInstanceUID == STUDY_UID
    assert referenced.SeriesInstanceUID == SERIES_UID
    assert [image.ReferencedSOPInstanceUID for image in referenced.ContourImageSequence] == [
        slice_uid(z) for z in range(GRID.size_xyz[2])
    ]
    assert dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID == FRAME_UID


def test_file_belongs_to_the_study_and_is_a_new_series(saved: Write) -> None:
    one, other = saved(), saved()
    assert {one.StudyInstanceUID, other.StudyInstanceUID} == {STUDY_UID}
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        assert len({SERIES_UID, slice_uid(0), one[keyword].value, other[keyword].value}) == 4
    assert one.PatientName == PLANTED_NAME
    assert one.PatientID == PLANTED_NAME
    assert one.PatientBirthDate == one.StudyDate == PLANTED_DATE
    for keyword in ("PatientSex", "StudyTime", "StudyID", "ReferringPhysicianName"):
        assert one[keyword].value in ("", None)  # must be there, though the source has none
    assert "PatientWeight" not in one


def test_names_in_other_alphabets_are_kept(tmp_path: Path, saved: Write) -> None:
    def rename(_z: int, dataset: Dataset) -> None:
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        dataset.PatientName = "Yamada^Tarou=山田^太郎"
        dataset.StudyDescription = "腹部"

    with quiet_pydicom():
        folder = write_series(tmp_path / "renamed", series(geometry=GRID, change=rename))
    dataset = saved(of=read_source(folder))
    assert dataset.PatientName.ideographic == "山田^太郎"
    assert dataset.StudyDescription == "腹部"


# ---- what it says of itself ---------------------------------------------------------------------


def test_file_says_what_made_it_and_that_it_is_for_research_and_not_approved(saved: Write) -> None:
    dataset = saved()
    assert dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert dataset.Modality == "RTSTRUCT"
    assert dataset.Manufacturer == "oncotrace"
    assert dataset.SoftwareVersions == oncotrace.__version__
    assert dataset.ApprovalStatus == "UNAPPROVED"
    assert "research use only" in dataset.StructureSetDescription
    assert "research use only" in dataset.SeriesDescription
    assert re.fullmatch(r"20\d{6}", dataset.StructureSetDate)
    assert re.fullmatch(r"\d{6}", dataset.StructureSetTime)


@pytest.mark.parametrize("algorithm", ["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"])
@pytest.mark.parametrize("interpreted_type", ["GTV", ""])
def test_region_is_described_as_the_caller_says(
    algorithm: str, interpreted_type: str, saved: Write
) -> None:
    dataset = saved(name=" Läsion 1 ", algorithm=algorithm, interpreted_type=interpreted_type)
    (region,) = dataset.StructureSetROISequence
    (observation,) = dataset.RTROIObservationsSequence
    assert (region.ROINumber, region.ROIName) == (1, "Läsion 1")
    assert region.ROIGenerationAlgorithm == algorithm
    assert observation.ReferencedROINumber == 1
    assert observation.RTROIInterpretedType == interpreted_type


def test_our_reader_finds_the_one_region_by_its_name(tmp_path: Path, source: SourceSeries) -> None:
    path = tmp_path / "rs.dcm"
    mask = Mask(SHAPES["islands in holes"], GRID)
    write_structure(mask, path, source, name="GTV 2", algorithm="MANUAL")
    (region,) = list_regions(path)
    # Two pieces on each of two slices: the frame and the ring within it.
    assert (region.number, region.name, region.contours) == (1, "GTV 2", 4)


# ---- what is refused ----------------------------------------------------------------------------


def test_empty_mask_is_refused(tmp_path: Path, source: SourceSeries) -> None:
    nothing = Mask(np.zeros(GRID.shape_zyx, dtype=np.bool_), GRID)
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        write_structure(nothing, tmp_path / "rs.dcm", source, name="GTV", algorithm="MANUAL")


def test_mask_on_another_grid_is_refused(tmp_path: Path, source: SourceSeries) -> None:
    moved = Mask(SHAPES["hole"], replace(GRID, origin_mm=(0.0, 0.0, 0.0)))
    with pytest.raises(GeometryMismatchError, match="mask and the source series lie on different"):
        write_structure(moved, tmp_path / "rs.dcm", source, name="GTV", algorithm="MANUAL")
    assert not (tmp_path / "rs.dcm").exists()


@pytest.mark.parametrize("name", ["", "  ", "G" * 65, "GTV\\PTV", "GTV\nPTV"])
def test_name_that_dicom_cannot_hold_is_refused(
    name: str, tmp_path: Path, source: SourceSeries
) -> None:
    mask = Mask(SHAPES["hole"], GRID)
    with pytest.raises(InputError, match="1 to 64 characters, without backslash") as caught:
        write_structure(mask, tmp_path / "rs.dcm", source, name=name, algorithm="MANUAL")
    assert caught.value.code == "dicom-text"


def test_file_that_exists_is_not_replaced(tmp_path: Path, source: SourceSeries) -> None:
    path = tmp_path / "out" / "rs.dcm"
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already") as caught:
        write_structure(Mask(SHAPES["hole"], GRID), path, source, name="GTV", algorithm="AUTOMATIC")
    assert path.read_text() == "precious"
    assert list(path.parent.iterdir()) == [path]
    assert "Planted" not in str(caught.value)
