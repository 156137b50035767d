import math

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError
from oncotrace.imaging.surface_distance import surface_agreement

GRID = Geometry((24, 20, 16), (1.0, 1.0, 2.0))


def box(x: slice, y: slice, z: slice, geometry: Geometry = GRID) -> Mask:
    voxels: NDArray[np.bool_] = np.zeros(geometry.shape_zyx, dtype=bool)
    voxels[z, y, x] = True
    return Mask(voxels, geometry)


BOX = box(slice(4, 14), slice(4, 14), slice(4, 10))
EMPTY = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)


def test_equal_masks_are_no_distance_apart() -> None:
    found = surface_agreement(BOX, BOX, tolerance_mm=0)
    assert (found.hausdorff95_mm, found.assd_mm, found.surface_dice) == (0, 0, 1)


def test_a_shift_within_the_tolerance_is_forgiven() -> None:
    shifted = box(slice(5, 15), slice(4, 14), slice(4, 10))
    assert surface_agreement(BOX, shifted, tolerance_mm=1).surface_dice == 1
    partly = surface_agreement(BOX, shifted, tolerance_mm=0.99).surface_dice
    assert 0.5 < partly < 0.9  # only the sides along the shift still lie on each other


def test_average_distance_of_two_voxels_is_that_of_their_centres() -> None:
    a, b = (box(slice(x, x + 1), slice(3, 4), slice(3, 4)) for x in (3, 8))
    assert surface_agreement(a, b, tolerance_mm=0).assd_mm == pytest.approx(5)


def test_surface_dice_looks_at_the_surface_between_voxels() -> None:
    # Two voxels 5 mm apart: the near halves of their surfaces are 4 mm apart, the far ones 5 mm.
    a, b = (box(slice(x, x + 1), slice(3, 4), slice(3, 4)) for x in (3, 8))
    scores = [surface_agreement(a, b, tolerance_mm=mm).surface_dice for mm in (3.9, 4, 4.9, 5)]
    assert scores == pytest.approx([0, 0.5, 0.5, 1])


def test_average_distance_counts_every_surface_voxel_of_both_masks_once() -> None:
    # A line of 5 voxels against its first: 0, 1, 2, 3, 4 mm one way and 0 the other.
    line = box(slice(0, 5), slice(0, 1), slice(0, 1))
    voxel = box(slice(0, 1), slice(0, 1), slice(0, 1))
    assert surface_agreement(line, voxel, tolerance_mm=0).assd_mm == pytest.approx(10 / 6)


def test_surface_dice_weighs_by_area() -> None:
    # A slab of one slice moved by one slice (2 mm): the large faces leave the tolerance of 1 mm
    # by as much as the rim does, but one flat side of each lies on a flat side of the other.
    slab, moved = (box(slice(2, 22), slice(2, 18), slice(z, z + 1)) for z in (5, 6))
    assert surface_agreement(slab, moved, tolerance_mm=1).surface_dice == pytest.approx(0.5)


def test_a_tolerance_forgives_a_distance_that_equals_it_in_spite_of_rounding() -> None:
    fine = Geometry((40, 8, 8), (0.1, 0.1, 0.1))
    a, b = (box(slice(x, x + 3), slice(2, 5), slice(2, 5), fine) for x in (3, 10))
    assert surface_agreement(a, b, tolerance_mm=0.7).surface_dice == 1


def test_one_empty_mask_is_infinitely_far_and_two_are_the_same() -> None:
    for pair in ((BOX, EMPTY), (EMPTY, BOX)):
        found = surface_agreement(*pair, tolerance_mm=2)
        assert math.isinf(found.hausdorff95_mm)
        assert math.isinf(found.assd_mm)
        assert found.surface_dice == 0
    both = surface_agreement(EMPTY, EMPTY, tolerance_mm=2)
    assert (both.hausdorff95_mm, both.assd_mm, both.surface_dice) == (0, 0, 1)


def test_masks_on_different_grids_are_refused() -> None:
    other = Geometry(GRID.size_xyz, (1.0, 1.0, 2.1))
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        surface_agreement(BOX, box(slice(4, 14), slice(4, 14), slice(4, 10), other), tolerance_mm=2)
