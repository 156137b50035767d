"""Distances between surfaces: closed forms, the reference implementation, and its conventions."""

import math

import numpy as np
import pytest
from benchmarks.overlap_golden import random_pairs
from numpy.typing import NDArray
from tests.unit.stats.golden import rows

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError, SettingsError
from oncotrace.imaging.overlap import voxel_overlap
from oncotrace.imaging.surface_distance import surface_distances

GRID = Geometry((24, 20, 16), (1.0, 1.0, 2.0))


def box(x: slice, y: slice, z: slice, geometry: Geometry = GRID) -> Mask:
    voxels: NDArray[np.bool_] = np.zeros(geometry.shape_zyx, dtype=bool)
    voxels[z, y, x] = True
    return Mask(voxels, geometry)


BOX = box(slice(4, 14), slice(4, 14), slice(4, 10))
EMPTY = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)


def test_equal_masks_are_no_distance_apart() -> None:
    found = surface_distances(BOX, BOX)
    assert (found.hausdorff_mm(), found.hausdorff_mm(95), found.assd_mm(), found.masd_mm()) == (
        0,
        0,
        0,
        0,
    )
    assert found.surface_dice(0) == 1


def test_a_shift_within_the_tolerance_is_forgiven() -> None:
    shifted = box(slice(5, 15), slice(4, 14), slice(4, 10))
    found = surface_distances(BOX, shifted)
    assert found.surface_dice(1) == 1
    assert 0.5 < found.surface_dice(0.99) < 0.9  # only the sides along the shift still coincide


@pytest.mark.parametrize(("axis", "spacing_mm"), [(0, 1.0), (1, 1.0), (2, 2.0)])
def test_a_shifted_box_is_as_far_as_its_shift(axis: int, spacing_mm: float) -> None:
    sides = [slice(4, 10)] * 3
    sides[axis] = slice(6, 12)
    found = surface_distances(box(*sides), box(*[slice(4, 10)] * 3))
    assert found.hausdorff_mm() == 2 * spacing_mm
    assert found.hausdorff_mm(95) == 2 * spacing_mm
    assert found.assd_mm() == pytest.approx(found.masd_mm())  # two equal surfaces


def test_two_single_voxels_are_as_far_as_their_near_and_far_halves() -> None:
    # Each is an octahedron of eight elements: four 4 mm from the other, four 5 mm.
    a, b = (box(slice(x, x + 1), slice(3, 4), slice(3, 4)) for x in (3, 8))
    found = surface_distances(a, b)
    assert found.assd_mm() == pytest.approx(4.5)
    assert [found.hausdorff_mm(percent) for percent in (50, 50.1, 100)] == [4, 5, 5]
    assert [found.surface_dice(mm) for mm in (3.9, 4, 4.9, 5)] == pytest.approx([0, 0.5, 0.5, 1])


def test_concentric_balls_are_as_far_as_their_radii_differ() -> None:
    grid = Geometry((60, 60, 60), (1.0, 1.0, 1.0))
    z, y, x = np.indices(grid.shape_zyx) - 29.6
    radius = np.sqrt(z**2 + y**2 + x**2)
    found = surface_distances(Mask(radius < 24, grid), Mask(radius < 20, grid))
    assert found.hausdorff_mm(95) == pytest.approx(4, abs=0.3)
    assert 3.2 < found.assd_mm() < 4  # the cells of a staircase lie denser than its steps


def test_surface_dice_weighs_by_area() -> None:
    # A slab of one slice moved by one slice (2 mm): the large faces leave the tolerance of 1 mm
    # by as much as the rim does, but one flat side of each lies on a flat side of the other.
    slab, moved = (box(slice(2, 22), slice(2, 18), slice(z, z + 1)) for z in (5, 6))
    assert surface_distances(slab, moved).surface_dice(1) == pytest.approx(0.5)


def test_a_tolerance_forgives_a_distance_that_equals_it_in_spite_of_rounding() -> None:
    fine = Geometry((40, 8, 8), (0.1, 0.1, 0.1))
    a, b = (box(slice(x, x + 3), slice(2, 5), slice(2, 5), fine) for x in (3, 10))
    assert surface_distances(a, b).surface_dice(0.7) == 1


def test_one_empty_mask_is_infinitely_far_and_two_are_the_same() -> None:
    for pair in ((BOX, EMPTY), (EMPTY, BOX)):
        found = surface_distances(*pair)
        for distance_mm in (found.hausdorff_mm(), found.hausdorff_mm(95), found.assd_mm()):
            assert math.isinf(distance_mm)
        assert math.isinf(found.masd_mm())
        assert found.surface_dice(1e9) == 0
    both = surface_distances(EMPTY, EMPTY)
    assert (both.hausdorff_mm(), both.assd_mm(), both.masd_mm(), both.surface_dice(2)) == (
        0,
        0,
        0,
        1,
    )


@pytest.mark.parametrize("tolerance_mm", [-1.0, math.inf, math.nan])
def test_a_tolerance_that_is_no_distance_is_refused(tolerance_mm: float) -> None:
    with pytest.raises(SettingsError, match="0 mm or more") as caught:
        surface_distances(BOX, BOX).surface_dice(tolerance_mm)
    assert caught.value.code == "not-a-tolerance"


@pytest.mark.parametrize("percent", [0.0, 100.5, math.nan])
def test_a_percentile_beyond_a_hundred_is_refused(percent: float) -> None:
    with pytest.raises(SettingsError, match="percentile lies above 0"):
        surface_distances(BOX, BOX).hausdorff_mm(percent)


def test_masks_on_different_grids_are_refused() -> None:
    other = Geometry(GRID.size_xyz, (1.0, 1.0, 2.1))
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        surface_distances(BOX, box(slice(4, 14), slice(4, 14), slice(4, 10), other))


def test_two_hundred_random_pairs_agree_with_the_reference_implementation() -> None:
    golden = rows("surface_distance_pairs.csv")
    assert len(golden) == 200
    ties = 0
    for row, pair in zip(golden, random_pairs(200), strict=True):
        geometry = Geometry(pair.mask.shape[::-1], pair.spacing_zyx_mm[::-1])
        mask, reference = Mask(pair.mask, geometry), Mask(pair.reference, geometry)
        found = surface_distances(mask, reference)
        ours = {
            "voxels_shared": voxel_overlap(mask, reference).in_both,
            "hd_mm": found.hausdorff_mm(),
            "mean_of_mask_mm": found.of_mask.mean_mm(),
            "mean_of_reference_mm": found.of_reference.mean_mm(),
            "surface_dice": found.surface_dice(pair.tolerance_mm),
        }
        theirs = {name: float(row[name]) for name in ours}
        assert ours == pytest.approx(theirs, abs=1e-9), row["pair"]
        for percent in (73, 95):
            # Where exactly that share of the area is reached, rounding decides what they say.
            either = [found.hausdorff_mm(percent * (1 + sign * 1e-9)) for sign in (-1, 1)]
            theirs_mm = float(row[f"hd{percent}_mm"])
            assert min(abs(theirs_mm - mm) for mm in either) < 1e-9, row["pair"]
            ties += either[0] != either[1]
    assert ties < 10
