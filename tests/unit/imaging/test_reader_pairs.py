from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.reader_pairs import ReaderPair, reader_pairs, reader_tolerance_mm
from oncotrace.io.volume_file import read_labels

GRID = Geometry((30, 30, 30), (1.0, 1.0, 1.0))


def cube(shift: int = 0, grow: int = 0) -> Mask:
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    ends = slice(10 + shift - grow, 20 + shift + grow)
    voxels[ends, ends, ends] = True
    return Mask(voxels, GRID)


def test_every_unordered_pair_comes_once() -> None:
    pairs = reader_pairs({"A": cube(), "B": cube(1), "C": cube(2)})
    assert [(pair.first, pair.second) for pair in pairs] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert pairs[0].voxels.dice > pairs[1].voxels.dice


def test_a_cube_two_voxels_larger_all_round_is_two_voxels_away() -> None:
    pairs = reader_pairs({"A": cube(), "B": cube(grow=2)})
    # Flat faces are 2 mm apart; only the larger cube's edges and corners are farther.
    assert reader_tolerance_mm(pairs, percent=60) == pytest.approx(2)
    assert 2 <= reader_tolerance_mm(pairs) <= 2 * np.sqrt(3)


def test_equal_outlines_need_no_tolerance() -> None:
    assert reader_tolerance_mm(reader_pairs({"A": cube(), "B": cube(), "C": cube()})) == 0


def test_at_the_tolerance_readers_agree_on_95_per_cent_of_their_surfaces() -> None:
    rng = np.random.default_rng(1)
    z, y, x = np.indices(GRID.shape_zyx) - 15
    masks = {}
    for reader in "ABC":
        radii = rng.uniform(7, 10, 3)
        inside = (z / radii[0]) ** 2 + (y / radii[1]) ** 2 + (x / radii[2]) ** 2 < 1
        masks[reader] = Mask(inside, GRID)
    pairs = reader_pairs(masks)
    tolerance_mm = reader_tolerance_mm(pairs)

    def share_within(distance_mm: float) -> float:
        ways = [w for pair in pairs for w in (pair.surfaces.of_mask, pair.surfaces.of_reference)]
        close = sum(way.area_within_mm2(distance_mm) for way in ways)
        return float(close / sum(way.area_mm2.sum() for way in ways))

    assert share_within(tolerance_mm) >= 0.95
    assert share_within(tolerance_mm - 0.01) < 0.95


def test_a_reader_who_found_nothing_leaves_no_distance() -> None:
    nothing = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    pairs = reader_pairs({"A": cube(), "B": nothing})
    assert pairs[0].voxels.dice == 0
    with pytest.raises(EmptyMaskError, match="each of them outlining something"):
        reader_tolerance_mm(pairs)
    no_pairs: list[ReaderPair] = []
    with pytest.raises(EmptyMaskError):
        reader_tolerance_mm(no_pairs)


def test_six_algorithms_outline_a_glioma_with_a_dice_of_95_to_97(shared_data: Path) -> None:
    masks = {}
    for file in sorted((shared_data / "brain").glob("*_seg_algo*.nii.gz")):
        labels, grid = read_labels(file)
        masks[file.name] = Mask(labels > 0, grid)
    pairs = reader_pairs(masks)
    scores = [pair.voxels.dice for pair in pairs]
    assert len(scores) == 15
    assert min(scores) > 0.95
    assert max(scores) < 0.98
    assert 1 <= reader_tolerance_mm(pairs) <= 3
