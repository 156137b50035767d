"""Enhanced multi-frame objects: frames placed and rescaled by their functional groups."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_extended, generate_frames
from pydicom.uid import JPEG2000Lossless, RLELossless
from tests.unit.io.dicom_factory import GRID, enhanced, slice_uid, values, write

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError
from oncotrace.io.dicom_series import list_series, read_series


def test_frames_are_sorted_by_position(tmp_path: Path) -> None:
    path = write(enhanced(values(), order=(2, 0, 3, 1)), tmp_path / "multi.dcm")

    for source in (path, tmp_path):
        read = read_series(source)
        np.testing.assert_array_equal(read.scan.voxels, values())
        assert read.scan.geometry.matches(GRID)
        assert read.sop_instance_uids == (slice_uid(0),)


def test_every_frame_has_its_own_slope(tmp_path: Path) -> None:
    slopes = (1.0, 0.5, 2.0, 0.25)
    path = write(enhanced(values(), order=(3, 1, 0, 2), slopes=slopes), tmp_path / "multi.dcm")

    expected = values() * np.array(slopes)[:, None, None] - 7
    np.testing.assert_allclose(read_series(path).scan.voxels, expected, rtol=1e-6)


def test_enhanced_ct_is_ct(tmp_path: Path) -> None:
    path = write(enhanced(values(), modality="CT"), tmp_path / "multi.dcm")
    assert read_series(path, modality="ct").scan.modality == "ct"


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_frames_are_placed_by_their_groups(tmp_path: Path, syntax: str) -> None:
    grid = Geometry((48, 40, 4), (0.7, 0.9, 2.5), (-11.0, 7.0, 30.0))
    stored = values(grid)
    path = write(enhanced(stored, grid, order=(2, 0, 3, 1)), tmp_path / "multi.dcm", syntax)
    np.testing.assert_array_equal(read_series(path).scan.voxels, stored)


def test_extended_offset_table_divides_the_frames(tmp_path: Path) -> None:
    grid = Geometry((48, 40, 3), (0.7, 0.9, 2.5))
    stored = values(grid)
    path = write(enhanced(stored, grid), tmp_path / "multi.dcm", JPEG2000Lossless)
    dataset = dcmread(path)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=3))
    dataset.PixelData, table, lengths = encapsulate_extended(frames)
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = table, lengths
    dataset.save_as(path)

    np.testing.assert_array_equal(read_series(path).scan.voxels, stored)


def test_frames_count_as_slices_in_the_list(tmp_path: Path) -> None:
    write(enhanced(values()), tmp_path / "multi.dcm")
    (summary,) = list_series(tmp_path)
    assert (summary.number_of_instances, summary.size_xyz) == (1, (6, 5, 4))


def test_two_echoes_at_every_position_are_refused(tmp_path: Path) -> None:
    dataset = enhanced(np.tile(values(), (2, 1, 1)), order=(0, 1, 2, 3, 0, 1, 2, 3))
    for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        echo = Dataset()
        echo.EffectiveEchoTime = 10.0 if number < 4 else 80.0
        groups.MREchoSequence = [echo]

    with pytest.raises(DicomError, match="differ in EffectiveEchoTime") as caught:
        read_series(write(dataset, tmp_path / "multi.dcm"))
    assert caught.value.code == "duplicate-slices"


def test_several_stacks_are_refused(tmp_path: Path) -> None:
    dataset = enhanced(values())
    for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.StackID = str(1 + number // 2)
        groups.FrameContentSequence = [content]

    with pytest.raises(DicomError, match="holds 2 stacks") as caught:
        read_series(write(dataset, tmp_path / "multi.dcm"))
    assert caught.value.code == "several-stacks"


def test_frames_without_their_groups_are_refused(tmp_path: Path) -> None:
    dataset = enhanced(values())
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    with pytest.raises(DicomError, match="holds 4 frames and the positions of 3"):
        read_series(write(dataset, tmp_path / "multi.dcm"))


@pytest.mark.parametrize(
    ("where", "sequence", "keyword"),
    [
        ("PerFrameFunctionalGroupsSequence", "PlanePositionSequence", "ImagePositionPatient"),
        ("SharedFunctionalGroupsSequence", "PixelMeasuresSequence", "PixelSpacing"),
        ("SharedFunctionalGroupsSequence", "PlaneOrientationSequence", "ImageOrientationPatient"),
    ],
)
def test_missing_group_is_named(tmp_path: Path, where: str, sequence: str, keyword: str) -> None:
    dataset = enhanced(values())
    delattr(dataset[where][0], sequence)
    with pytest.raises(DicomError, match=f"has no {keyword}") as caught:
        read_series(write(dataset, tmp_path / "multi.dcm"))
    assert caught.value.code == "missing-tag"


def test_damaged_groups_are_refused(tmp_path: Path) -> None:
    dataset = enhanced(values())
    del dataset.SharedFunctionalGroupsSequence
    dataset.add_new("SharedFunctionalGroupsSequence", "OB", b"\xfe\xff")  # half a tag
    path = write(dataset, tmp_path / "multi.dcm")
    path.write_bytes(path.read_bytes().replace(b"\x29\x92OB", b"\x29\x92SQ"))
    with pytest.raises(DicomError, match="SharedFunctionalGroupsSequence is malformed"):
        read_series(path)


def test_single_frame_is_refused_as_flat(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="one slice only"):
        read_series(write(enhanced(values(), order=(0,)), tmp_path / "multi.dcm"))
