from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError, GeometryMismatchError, InputError, SettingsError
from oncotrace.imaging.consensus import agreement_mask, majority, reader_counts, staple
from oncotrace.imaging.overlap import dice
from oncotrace.io.volume_file import read_labels

GRID = Geometry((20, 18, 16), (1.0, 1.0, 2.0))


def cube(start: int, stop: int, geometry: Geometry = GRID) -> Mask:
    voxels = np.zeros(geometry.shape_zyx, dtype=bool)
    voxels[4:10, start:stop, start:stop] = True
    return Mask(voxels, geometry)


def noisy(truth: Mask, sensitivity: float, specificity: float, rng: np.random.Generator) -> Mask:
    chance = rng.random(truth.voxels.shape)
    seen = np.where(truth.voxels, chance < sensitivity, chance > specificity)
    return Mask(seen, truth.geometry)


def test_a_majority_is_more_than_half() -> None:
    two = [cube(2, 8), cube(4, 10)]
    np.testing.assert_array_equal(majority(two).voxels, two[0].voxels & two[1].voxels)
    three = [*two, cube(2, 10)]
    np.testing.assert_array_equal(majority(three).voxels, two[0].voxels | two[1].voxels)


def test_contours_of_three_readers_are_those_of_one_two_and_all() -> None:
    masks = [cube(2, 10), cube(3, 10), cube(4, 10)]
    for share, expected in ((0.1, masks[0]), (0.5, masks[1]), (0.9, masks[2])):
        np.testing.assert_array_equal(agreement_mask(masks, share).voxels, expected.voxels)


def test_a_tenth_of_ten_readers_is_one_of_them() -> None:
    masks = [cube(2, 10), *[cube(4, 10)] * 9]
    np.testing.assert_array_equal(agreement_mask(masks, 0.1).voxels, masks[0].voxels)
    np.testing.assert_array_equal(agreement_mask(masks, 0.9).voxels, masks[1].voxels)


def test_staple_of_equal_outlines_is_that_outline() -> None:
    found = staple([cube(4, 10)] * 3)
    np.testing.assert_array_equal(found.mask.voxels, cube(4, 10).voxels)
    assert found.sensitivities == pytest.approx([1, 1, 1], abs=1e-6)
    assert found.specificities == pytest.approx([1, 1, 1], abs=1e-6)


def test_staple_finds_the_readers_sensitivities_and_specificities() -> None:
    rng = np.random.default_rng(1)
    grid = Geometry((60, 60, 30), (1.0, 1.0, 1.0))
    truth = np.zeros(grid.shape_zyx, dtype=bool)
    truth[5:25, 10:50, 10:50] = True
    readers = [(0.95, 0.9), (0.8, 0.99), (0.9, 0.95), (0.7, 0.97)]
    found = staple([noisy(Mask(truth, grid), *reader, rng) for reader in readers])
    assert found.sensitivities == pytest.approx([one for one, _ in readers], abs=0.02)
    assert found.specificities == pytest.approx([one for _, one in readers], abs=0.02)
    assert dice(found.mask, Mask(truth, grid)) > 0.97


def test_staple_trusts_the_better_readers() -> None:
    good = [cube(4, 12), cube(4, 12), cube(4, 12)]
    poor = [cube(2, 5), cube(1, 4)]
    found = staple([*good, *poor])
    np.testing.assert_array_equal(found.mask.voxels, good[0].voxels)
    assert min(found.sensitivities[:3]) > max(found.sensitivities[3:])


def test_background_around_changes_nothing() -> None:
    larger = Geometry((60, 50, 40), GRID.spacing_mm)
    bounds = [(3, 9), (4, 10), (4, 9), (5, 11)]
    small = staple([cube(*ends) for ends in bounds])
    large = staple([cube(*ends, larger) for ends in bounds])
    assert small.specificities == pytest.approx(large.specificities)
    np.testing.assert_array_equal(small.mask.voxels, large.mask.voxels[:16, :18, :20])


def test_a_reader_who_found_nothing_has_no_sensitivity() -> None:
    nothing = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    found = staple([cube(4, 10), cube(4, 10), nothing])
    assert found.sensitivities[2] == pytest.approx(0, abs=1e-6)
    with pytest.raises(EmptyMaskError, match="no reader has outlined anything"):
        staple([nothing, nothing])


@settings(deadline=None, max_examples=30)
@given(st.lists(hnp.arrays(bool, (4, 5, 6)), min_size=2, max_size=5))
def test_more_readers_outline_fewer_voxels(arrays: list[np.ndarray]) -> None:
    masks = [Mask(array, Geometry((6, 5, 4), (1.0, 1.0, 1.0))) for array in arrays]
    counts = [np.count_nonzero(agreement_mask(masks, share).voxels) for share in (0.1, 0.5, 0.9)]
    assert counts == sorted(counts, reverse=True)
    assert reader_counts(masks).sum() == sum(array.sum() for array in arrays)
    assert not (majority(masks).voxels & ~agreement_mask(masks, 0.5).voxels).any()


def test_one_reader_and_other_grids_are_refused() -> None:
    with pytest.raises(InputError, match="found 1"):
        majority([cube(2, 8)])
    other = Geometry(GRID.size_xyz, (1.0, 1.0, 2.5))
    with pytest.raises(GeometryMismatchError, match="first reader"):
        majority([cube(2, 8), cube(2, 8, other)])
    with pytest.raises(SettingsError, match="above 0"):
        agreement_mask([cube(2, 8), cube(2, 9)], 0)


def test_six_algorithms_agree_on_a_glioma(shared_data: Path) -> None:
    masks = []
    for file in sorted((shared_data / "brain").glob("*_seg_algo*.nii.gz")):
        labels, grid = read_labels(file)
        masks.append(Mask(labels > 0, grid))
    found = staple(masks)
    assert len(masks) == 6
    assert min(found.sensitivities) > 0.9
    assert min(found.specificities) > 0.9
    assert dice(found.mask, majority(masks)) > 0.98
    assert all(dice(found.mask, mask) > 0.95 for mask in masks)
