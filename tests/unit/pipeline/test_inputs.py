"""A mask is read by what its file is, whatever it is called."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.io.dicom_factory import FRAME_UID, GRID, series, values, write, write_series
from tests.unit.io.test_dicom_seg import (
    AS_IS,
    BY_CLICKS,
    EVERY_SLICE,
    OVERLAPPING,
    TRACKING_UID,
    Foreign,
    at_random,
)
from tests.unit.io.test_slicer_segmentation import layered

from oncotrace.domain.mask import Mask
from oncotrace.errors import (
    DicomError,
    EmptyMaskError,
    GeometryMismatchError,
    InputError,
    OncotraceError,
    SettingsError,
)
from oncotrace.io.dicom_seg import write_segmentation
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct_write import write_structure
from oncotrace.io.slicer_segmentation import write_slicer_segmentation
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.pipeline.inputs import LoadedScan, load_mask, load_scan, mask_kind


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One mask in every format, the DICOM files without a name that says what they are."""
    folder = tmp_path_factory.mktemp("masks")
    write_series(folder / "images", series(values(), modality="MR"))
    source = read_source(folder / "images")
    mask = Mask(some_voxels(), source.geometry)
    write_segmentation(mask, folder / "one", source, segment=BY_CLICKS)
    write_structure(mask, folder / "two", source, name="GTV", algorithm="MANUAL")
    write_slicer_segmentation(mask, folder / "three.seg.nrrd", name="Tumour")
    (folder / "three.nrrd").write_bytes((folder / "three.seg.nrrd").read_bytes())
    write_mask(mask, folder / "four.nii.gz")
    write_mask(mask, folder / "four.nrrd")
    (folder / "four.seg.nrrd").write_bytes((folder / "four.nrrd").read_bytes())
    write(OVERLAPPING.dataset(), folder / "several")
    return folder


@pytest.fixture(scope="module")
def image(folder: Path) -> LoadedScan:
    return load_scan(folder / "images", "mr-t1")


def some_voxels() -> NDArray[np.bool_]:
    voxels = np.zeros(GRID.shape_zyx, dtype=np.bool_)
    voxels[1:3, 1:4, 2:5] = True
    voxels[2, 2, 2] = False
    return voxels


FILES = {
    "one": "seg",
    "two": "rtstruct",
    "three.seg.nrrd": "slicer",
    "three.nrrd": "slicer",
    "four.nii.gz": "volume",
    "four.nrrd": "volume",
    "four.seg.nrrd": "volume",
}


@pytest.mark.parametrize(("file", "kind"), FILES.items())
def test_every_kind_of_file_gives_the_same_mask(
    file: str, kind: str, folder: Path, image: LoadedScan
) -> None:
    assert mask_kind(folder / file) == kind
    found = load_mask(folder / file, image=image)
    np.testing.assert_array_equal(found.mask.voxels, some_voxels())
    assert found.mask.geometry.matches(image.scan.geometry)
    assert found.notes == ()


def test_a_segment_tells_who_made_it_and_how_it_is_followed(
    folder: Path, image: LoadedScan
) -> None:
    found = load_mask(folder / "one", image=image)
    assert found.segment is not None
    assert found.segment.algorithm_name == "six-clicks"
    assert found.tracking == ("lesion 1", TRACKING_UID)
    assert found.image_uids == frozenset(image.sop_instance_uids)
    assert load_mask(folder / "two", image=image).name == "GTV"


@pytest.mark.parametrize("file", ["three.seg.nrrd", "four.seg.nrrd"])
def test_what_has_a_grid_of_its_own_needs_no_image(file: str, folder: Path) -> None:
    np.testing.assert_array_equal(load_mask(folder / file).mask.voxels, some_voxels())


@pytest.mark.parametrize("wanted", ["2", " 2 ", "Segment 2", "segment 2"])
def test_a_segment_is_chosen_by_number_or_label(
    wanted: str, folder: Path, image: LoadedScan
) -> None:
    found = load_mask(folder / "several", image=image, region=wanted)
    assert found.segment is not None
    assert found.segment.number == 2
    assert found.mask.voxels[0, 0, 0] == bool(OVERLAPPING.voxels[2][0, 0, 0])


def test_a_segment_of_slicer_is_chosen_by_name(tmp_path: Path) -> None:
    one, other = np.zeros((2, 3, 4, 5), dtype=np.uint8)
    one[0, 0, 0] = other[1, 1, 1] = 1
    path = layered(tmp_path / "two.seg.nrrd", one, other)
    assert load_mask(path, region="mass").mask.voxels.sum() == 1
    with pytest.raises(InputError, match=r"2 segments: 'Head', 'Mass'") as caught:
        load_mask(path)
    assert caught.value.code == "segment-not-chosen"


def refusal(kind: type[OncotraceError], match: str, path: Path, **how: object) -> str:
    with pytest.raises(kind, match=match) as caught:
        load_mask(path, **how)
    return caught.value.code


def test_several_segments_and_none_named_are_listed(folder: Path, image: LoadedScan) -> None:
    match = r"2 segments: 4 \('Segment 4'\), 2 \('Segment 2'\)"
    assert refusal(DicomError, match, folder / "several", image=image) == "segment-not-chosen"


@pytest.mark.parametrize("wanted", ["3", "Liver"])
def test_a_segment_that_is_not_there_is_answered_with_the_list(
    wanted: str, folder: Path, image: LoadedScan
) -> None:
    match = rf"no segment '{wanted}'.*4 \('Segment 4'\)"
    code = refusal(InputError, match, folder / "several", image=image, region=wanted)
    assert code == "segment-not-found"


def test_a_label_that_is_another_segments_number_is_not_guessed(
    tmp_path: Path, image: LoadedScan
) -> None:
    dataset = OVERLAPPING.dataset()
    dataset.SegmentSequence[0].SegmentLabel = "2"
    path = write(dataset, tmp_path / "seg.dcm")
    match = r"2 segments of the number or label '2': 4 \('2'\), 2 \('Segment 2'\)"
    assert refusal(InputError, match, path, image=image, region="2") == "segment-ambiguous"
    assert load_mask(path, image=image, region="4").segment is not None


@pytest.mark.parametrize(("file", "title"), [("one", "a DICOM SEG"), ("two", "an RTSTRUCT")])
def test_dicom_without_its_images_is_refused(file: str, title: str, folder: Path) -> None:
    assert refusal(SettingsError, f"is {title}, which needs the grid", folder / file) == "no-source"


@pytest.mark.parametrize("file", ["four.nii.gz", "four.seg.nrrd"])
def test_a_plain_volume_has_no_regions(file: str, folder: Path) -> None:
    assert refusal(SettingsError, "no regions", folder / file, region="GTV") == "settings"


def test_another_frame_of_reference_is_refused(tmp_path: Path, image: LoadedScan) -> None:
    dataset = Foreign({1: at_random(1)}, EVERY_SLICE).dataset()
    dataset.FrameOfReferenceUID = f"{FRAME_UID}.9"
    path = write(dataset, tmp_path / "seg.dcm")
    code = refusal(DicomError, "another frame of reference", path, image=image)
    assert code == "wrong-frame-of-reference"


def test_an_empty_segment_is_refused(tmp_path: Path, image: LoadedScan) -> None:
    empty = Foreign({1: at_random(1, 0)}, [(0, 1, AS_IS)]).dataset()
    path = write(empty, tmp_path / "seg.dcm")
    assert refusal(EmptyMaskError, "has no voxel", path, image=image) == "empty-mask"


def test_a_volume_on_another_grid_is_refused(tmp_path: Path, image: LoadedScan) -> None:
    write_mask(Mask(some_voxels()[:, :, 1:], GRID.crop((1, 0, 0), (5, 5, 4))), tmp_path / "m.nrrd")
    refusal(GeometryMismatchError, "different grids", tmp_path / "m.nrrd", image=image)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"no mask at all", "is neither DICOM nor a volume"),
        (None, "is a folder, not one file"),
        ("1.2.840.10008.5.1.4.1.1.88.34", "is a structured report, which holds no mask"),
        ("1.2.840.10008.5.1.4.1.1.4", "holds no mask: it is MR Image Storage"),
    ],
)
def test_what_holds_no_mask_is_refused_by_name(
    content: bytes | str | None, match: str, tmp_path: Path, image: LoadedScan
) -> None:
    path = tmp_path / "file"
    if content is None:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        dataset = series(values())[0]
        dataset.SOPClassUID = content
        write(dataset, path)
    assert refusal(InputError, match, path, image=image) == "unknown-format"


@pytest.mark.parametrize("file", ["gone.dcm", "gone.nii.gz", "gone.seg.nrrd"])
def test_a_missing_file_is_named(file: str, tmp_path: Path, image: LoadedScan) -> None:
    code = refusal(InputError, f"there is no file {file}", tmp_path / file, image=image)
    assert code == "missing-file"


def test_a_damaged_segmentation_of_slicer_is_refused(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "three.seg.nrrd").read_bytes()
    for length in (10, len(whole) - 20):
        (tmp_path / "cut.seg.nrrd").write_bytes(whole[:length])
        assert refusal(InputError, "cannot be read", tmp_path / "cut.seg.nrrd") in (
            "unreadable-volume",
            "damaged-volume",
        )


def test_an_image_is_no_segmentation_of_slicer(tmp_path: Path, image: LoadedScan) -> None:
    write_scan(image.scan, tmp_path / "scan.nrrd")
    assert mask_kind(tmp_path / "scan.nrrd") == "volume"
