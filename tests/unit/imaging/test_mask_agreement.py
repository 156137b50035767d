"""Every measure together, on the masks on which one of them might have no meaning."""

import math

import numpy as np
import pytest
from tests.unit.imaging.mask_builders import GRID, box, cube, either, empty

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError, SettingsError
from oncotrace.imaging.lesion_detection import LesionDetection
from oncotrace.imaging.mask_agreement import centre_distance_mm, compare_masks


def test_two_empty_masks_are_the_same() -> None:
    found = compare_masks(empty(), empty(), tolerance_mm=2)
    assert (found.voxels.dice, found.surface_dice, found.voxels.volume_similarity) == (1, 1, 1)
    assert (found.hd_mm, found.assd_mm, found.by_voxels.hd95_mm) == (0, 0, 0)
    assert (found.centre_distance_mm, found.path.length_mm) == (0, 0)
    assert found.voxels.volume_error_percent == 0
    assert found.lesions == LesionDetection(0, 0, 0, 0)


@pytest.mark.parametrize("is_reference", [True, False])
def test_one_empty_mask_is_infinitely_far_and_shares_nothing(is_reference: bool) -> None:
    full = cube(2, 4)
    pair = (full, empty()) if is_reference else (empty(), full)
    found = compare_masks(*pair, tolerance_mm=2)
    assert (found.voxels.dice, found.surface_dice, found.voxels.volume_similarity) == (0, 0, 0)
    far = (found.hd_mm, found.hd95_mm, found.assd_mm, found.masd_mm, found.centre_distance_mm)
    assert set(far) == {math.inf}
    assert found.voxels.volume_error_percent == (math.inf if is_reference else -100)
    assert (found.path.length_mm == 0) == is_reference


def test_one_voxel_agrees_with_itself_and_not_with_its_neighbour() -> None:
    voxel, beside = cube(3, 1), box(slice(4, 5), slice(3, 4), slice(3, 4))
    assert compare_masks(voxel, voxel, tolerance_mm=0).surface_dice == 1
    found = compare_masks(voxel, beside, tolerance_mm=0)
    assert found.voxels.dice == 0
    assert found.surface_dice == pytest.approx(0.5)  # they share one of their two sides
    assert found.centre_distance_mm == pytest.approx(0.5)
    assert found.by_voxels.hd_mm == pytest.approx(0.5)
    assert found.lesions == LesionDetection(1, 0, 1, 0)


def test_masks_of_one_slice_have_a_surface_on_both_sides() -> None:
    grid = Geometry((20, 16, 1), (1.0, 1.0, 8.0))
    found = compare_masks(
        box(slice(3, 9), slice(3, 9), slice(0, 1), grid),
        box(slice(4, 10), slice(3, 9), slice(0, 1), grid),
        tolerance_mm=0.5,
    )
    assert found.hd_mm == pytest.approx(1)
    assert found.voxels.dice == pytest.approx(30 / 36)
    assert 0 < found.surface_dice < 1


def test_masks_that_fill_their_grid_agree() -> None:
    full = Mask(np.ones(GRID.shape_zyx, dtype=bool), GRID)
    found = compare_masks(full, full, tolerance_mm=0)
    assert (found.voxels.dice, found.surface_dice, found.hd_mm) == (1, 1, 0)
    inner = box(slice(1, 19), slice(0, 16), slice(0, 12))
    assert compare_masks(full, inner, tolerance_mm=0).hd_mm == pytest.approx(0.5)


def test_a_missed_second_lesion_counts_in_the_distance_and_among_the_lesions() -> None:
    near, far = cube(1, 3), box(slice(15, 18), slice(12, 15), slice(8, 11))
    found = compare_masks(near, either(near, far), tolerance_mm=2)
    assert found.lesions == LesionDetection(lesions=2, found=1, predicted=1, true=1)
    assert found.voxels.precision == 1
    assert found.hd_mm > 20
    assert found.assd_mm > 5


def test_the_centres_are_as_far_as_a_shift_in_millimetres() -> None:
    moved = box(slice(4, 8), slice(2, 6), slice(4, 8))
    assert centre_distance_mm(cube(2, 4), moved) == pytest.approx(np.hypot(2 * 0.5, 2 * 3.0))


def test_a_negative_tolerance_and_other_grids_are_refused() -> None:
    with pytest.raises(SettingsError, match="0 mm or more"):
        compare_masks(cube(2, 4), cube(2, 4), tolerance_mm=-1)
    other = Geometry(GRID.size_xyz, (0.5, 1.0, 3.1))
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        compare_masks(cube(2, 4), cube(2, 4, other), tolerance_mm=1)
