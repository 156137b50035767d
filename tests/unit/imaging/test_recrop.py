"""Images whose sides are cropped or continued."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.imaging.crop import Box
from oncotrace.imaging.recrop import KEPT_MM, moved_sides, random_sides_mm, recropped

SPACING_ZYX_MM = (3.0, 1.0, 1.5)


def outline() -> np.ndarray:
    inside = np.zeros((30, 60, 50), dtype=bool)
    inside[12:16, 25:40, 20:22] = True
    return inside


@given(st.integers(0, 2**32 - 1))
def test_the_outline_stays_whole_with_a_margin(seed):
    sides = random_sides_mm(40.0, np.random.default_rng(seed))
    box = moved_sides(outline(), SPACING_ZYX_MM, sides)
    kept = recropped(outline(), box, continued=False)
    assert kept.shape == box.size_xyz[::-1]
    assert kept.sum() == outline().sum()
    for axis, spacing in enumerate(SPACING_ZYX_MM):
        occupied = np.flatnonzero(kept.any(axis=tuple(n for n in range(3) if n != axis)))
        room = min(occupied[0], kept.shape[axis] - 1 - occupied[-1]) * spacing
        assert room >= KEPT_MM


def test_amounts_are_spread_evenly_over_both_directions():
    rng = np.random.default_rng(0)
    drawn = np.stack([random_sides_mm(40.0, rng) for _ in range(500)])
    assert drawn.shape == (500, 3, 2)
    assert -40 <= drawn.min() < -38
    assert 38 < drawn.max() <= 40
    assert abs(drawn.mean()) < 2


def test_padding_repeats_the_outermost_voxels_or_puts_zeros():
    voxels = np.arange(8, dtype=np.float32).reshape(2, 2, 2) + 1
    box = Box((-1, 0, 0), (3, 2, 2))
    np.testing.assert_array_equal(recropped(voxels, box)[0, 0], [1, 1, 2])
    np.testing.assert_array_equal(recropped(voxels, box, continued=False)[0, 0], [0, 1, 2])


def test_a_side_that_is_nearer_than_the_margin_stays():
    inside = np.zeros((10, 10, 10), dtype=bool)
    inside[1:9, 1:9, 1:9] = True
    box = moved_sides(inside, (1.0, 1.0, 1.0), np.full((3, 2), -40.0))
    assert box == Box((0, 0, 0), (10, 10, 10))
