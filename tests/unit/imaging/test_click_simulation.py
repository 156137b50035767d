"""Simulated clicks obey the published rule, stay in the tumour and depend on the seed alone."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.click_simulation import (
    exact_clicks,
    inward_shift_voxels_zyx,
    person_like_clicks,
)

THICK_SLICES = (1.0, 1.0, 3.0)


def ball(spacing_mm=(1.0, 1.0, 1.0), radius_mm=14.0):
    size = [round(40 / s) for s in spacing_mm]
    geometry = Geometry((size[0], size[1], size[2]), spacing_mm, (-20.0, 5.0, 100.0))
    z, y, x = np.ogrid[tuple(slice(0, n) for n in geometry.shape_zyx)]
    offsets = [
        (a - (n - 1) / 2) * s
        for a, n, s in zip((x, y, z), geometry.size_xyz, spacing_mm, strict=True)
    ]
    return Mask(sum(o * o for o in offsets) <= radius_mm**2, geometry)


def indices(clicks, mask):
    return mask.geometry.to_index(clicks.points_mm)


@pytest.mark.parametrize("draw", [exact_clicks, person_like_clicks])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), THICK_SLICES])
def test_six_clicks_lie_on_voxel_centres_inside_the_tumour(draw, spacing_mm):
    mask = ball(spacing_mm)
    for seed in range(20):
        index = indices(draw(mask, rng=np.random.default_rng(seed)), mask)
        assert index.shape == (6, 3)
        np.testing.assert_allclose(index, np.rint(index), atol=1e-9)
        x, y, z = np.rint(index).astype(int).T
        assert mask.voxels[z, y, x].all()


@pytest.mark.parametrize("draw", [exact_clicks, person_like_clicks])
def test_the_same_seed_gives_the_same_clicks_and_another_seed_others(draw):
    mask = ball()
    first, again, other = (draw(mask, rng=np.random.default_rng(s)).points_mm for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_exact_clicks_lie_five_voxels_inside_the_extremes():
    mask = ball()
    low, high = (np.argwhere(mask.voxels).min(axis=0), np.argwhere(mask.voxels).max(axis=0))
    index = indices(exact_clicks(mask, rng=np.random.default_rng(0)), mask)[:, ::-1]
    for axis in range(3):
        assert index[2 * axis, axis] == low[axis] + 5
        assert index[2 * axis + 1, axis] == high[axis] - 5


def test_thick_slices_are_left_by_one_voxel_only():
    assert inward_shift_voxels_zyx((3.0, 1.0, 1.0)) == (1, 5, 5)
    assert inward_shift_voxels_zyx((2.9, 1.0, 1.0)) == (5, 5, 5)
    mask = ball(THICK_SLICES)
    z = np.flatnonzero(mask.voxels.any(axis=(1, 2)))
    index = indices(exact_clicks(mask, rng=np.random.default_rng(0)), mask)
    assert index[0, 2] == z[0] + 1
    assert index[1, 2] == z[-1] - 1


def test_a_shift_that_leaves_the_tumour_steps_back_out():
    voxels = np.zeros((9, 9, 9), dtype=bool)
    voxels[4, 4, 3:6] = True
    mask = Mask(voxels, Geometry((9, 9, 9)))
    index = indices(exact_clicks(mask, rng=np.random.default_rng(0)), mask)
    assert set(index[:, 0]) <= {3.0, 4.0, 5.0}
    assert index[4, 0] == 5.0  # three voxels wide: two steps inward are the most that stay inside
    assert index[5, 0] == 3.0


def test_extreme_voxels_are_chosen_uniformly():
    voxels = np.zeros((12, 5, 5), dtype=bool)
    voxels[1:11] = True
    mask = Mask(voxels, Geometry((5, 5, 12)))
    rng = np.random.default_rng(0)
    first = [tuple(indices(exact_clicks(mask, rng=rng), mask)[0, :2]) for _ in range(500)]
    counts = np.unique(first, axis=0, return_counts=True)[1]
    assert len(counts) == 25
    assert 500 / 25 / 3 < counts.min() < counts.max() < 3 * 500 / 25


def test_person_like_clicks_miss_the_extreme_by_six_percent_and_three_millimetres():
    mask = ball(radius_mm=18.0)
    rng = np.random.default_rng(0)
    depth = []
    for _ in range(200):
        index = indices(person_like_clicks(mask, rng=rng), mask)
        depth.append(index[4, 0] - np.argwhere(mask.voxels)[:, 2].min())
    # Missed by 0 to 2.2 mm and displaced by a Gaussian of 3 mm of which the outer part is redrawn.
    assert 1.0 < np.mean(depth) < 6.0
    assert np.std(depth) > 1.0
    assert max(depth) < 2.2 + 4 * 3.0


def test_a_single_voxel_gets_six_clicks_at_its_centre():
    voxels = np.zeros((3, 3, 3), dtype=bool)
    voxels[1, 1, 1] = True
    mask = Mask(voxels, Geometry((3, 3, 3)))
    for draw in (exact_clicks, person_like_clicks):
        np.testing.assert_array_equal(
            draw(mask, rng=np.random.default_rng(0)).points_mm, np.ones((6, 3))
        )


def test_clicks_follow_the_grid_of_an_oblique_scan():
    mask = ball()
    turn = np.deg2rad(30)
    direction = (np.cos(turn), -np.sin(turn), 0.0, np.sin(turn), np.cos(turn), 0.0, 0.0, 0.0, 1.0)
    oblique = Mask(mask.voxels, Geometry((40, 40, 40), direction=direction))
    np.testing.assert_allclose(
        indices(exact_clicks(oblique, rng=np.random.default_rng(1)), oblique),
        indices(exact_clicks(mask, rng=np.random.default_rng(1)), mask),
        atol=1e-9,
    )


def test_an_empty_mask_cannot_be_clicked():
    empty = Mask(np.zeros((3, 3, 3), dtype=bool), Geometry((3, 3, 3)))
    for draw in (exact_clicks, person_like_clicks):
        with pytest.raises(EmptyMaskError, match="no voxel is set"):
            draw(empty, rng=np.random.default_rng(0))
