"""Boxes of voxels, cut out and put back."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import Box, box_around, crop_scan, paste

GRID = Geometry((5, 4, 3), (0.5, 1.0, 3.0), (-10.0, 20.0, 30.0))
SCAN = Scan(np.arange(60, dtype=np.float32).reshape(3, 4, 5), GRID, "ct")


def test_box_is_given_in_xyz_and_cuts_arrays_in_zyx() -> None:
    box = Box((1, 0, 2), (3, 2, 1))
    assert box.slices_zyx == (slice(2, 3), slice(0, 2), slice(1, 4))
    part = crop_scan(SCAN, box)
    assert part.geometry.origin_mm == (-9.5, 20.0, 36.0)
    assert part.modality == "ct"
    np.testing.assert_array_equal(part.voxels, [[[41, 42, 43], [46, 47, 48]]])


def test_cropped_scan_shares_its_voxels_with_the_whole() -> None:
    assert np.shares_memory(crop_scan(SCAN, Box((1, 0, 2), (3, 2, 1))).voxels, SCAN.voxels)


@pytest.mark.parametrize(
    ("point", "margin", "start", "size"),
    [
        ((2, 1, 1), 0, (2, 1, 1), (1, 1, 1)),
        ((2.4, 1, 0.6), 0, (2, 1, 1), (1, 1, 1)),
        ((2.5, 1, 1), 0, (2, 1, 1), (2, 1, 1)),
        ((2, 1, 1), 0.6, (1, 0, 0), (3, 3, 3)),
        ((2, 1, 1), 50, (0, 0, 0), (5, 4, 3)),
        ((-7, 9, 1), 0, (0, 3, 1), (1, 1, 1)),
    ],
)
def test_box_around_a_point_is_clipped_at_the_grid(
    point: tuple[float, ...], margin: float, start: tuple[int, ...], size: tuple[int, ...]
) -> None:
    assert box_around(np.array([point]), np.full(3, margin), GRID) == Box(start, size)


def test_pasting_keeps_the_type_of_number_and_fills_the_rest() -> None:
    whole = paste(np.ones((1, 2, 3), bool), Box((1, 0, 2), (3, 2, 1)), GRID)
    assert whole.dtype == np.bool_
    assert whole.sum() == 6
    assert whole[2, 0:2, 1:4].all()
