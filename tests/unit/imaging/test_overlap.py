import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError, SettingsError
from oncotrace.imaging.overlap import (
    dice,
    f_beta,
    hausdorff95_mm,
    jaccard,
    precision,
    sensitivity,
    volume_error_ml,
    volume_error_percent,
)

GRID = Geometry((20, 16, 12), (0.5, 1.0, 3.0))


def box(x: slice, y: slice, z: slice, geometry: Geometry = GRID) -> Mask:
    voxels: NDArray[np.bool_] = np.zeros(geometry.shape_zyx, dtype=bool)
    voxels[z, y, x] = True
    return Mask(voxels, geometry)


def empty() -> Mask:
    return Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)


def test_dice_counts_shared_voxels_twice() -> None:
    a = box(slice(0, 4), slice(0, 2), slice(0, 1))
    b = box(slice(2, 4), slice(0, 4), slice(0, 1))
    assert dice(a, b) == pytest.approx(2 * 4 / (8 + 8))


def test_dice_of_disjoint_masks_is_zero_and_of_equal_masks_one() -> None:
    a = box(slice(0, 4), slice(0, 4), slice(0, 4))
    assert dice(a, a) == 1.0
    assert dice(a, box(slice(4, 8), slice(0, 4), slice(0, 4))) == 0.0


def test_two_empty_masks_agree_and_are_no_distance_apart() -> None:
    assert dice(empty(), empty()) == 1.0
    assert hausdorff95_mm(empty(), empty()) == 0.0


def test_one_empty_mask_is_infinitely_far_and_scores_zero() -> None:
    full = box(slice(0, 4), slice(0, 4), slice(0, 4))
    assert dice(full, empty()) == 0.0
    assert math.isinf(hausdorff95_mm(full, empty()))
    assert math.isinf(hausdorff95_mm(empty(), full))


def test_masks_on_different_grids_are_refused() -> None:
    other = Geometry(GRID.size_xyz, (0.5, 1.0, 3.1))
    a = box(slice(0, 4), slice(0, 4), slice(0, 4))
    b = box(slice(0, 4), slice(0, 4), slice(0, 4), other)
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        dice(a, b)
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        hausdorff95_mm(a, b)


@pytest.mark.parametrize(("axis", "spacing_mm"), [(0, 0.5), (1, 1.0), (2, 3.0)])
def test_two_single_voxels_are_as_far_as_their_centres(axis: int, spacing_mm: float) -> None:
    first, second = [3, 3, 3], [3, 3, 3]
    second[axis] = 8
    a, b = (box(*(slice(i, i + 1) for i in index)) for index in (first, second))
    assert hausdorff95_mm(a, b) == pytest.approx(5 * spacing_mm)


def test_percentile_forgives_a_few_far_voxels_of_a_large_surface() -> None:
    a = box(slice(2, 14), slice(2, 14), slice(2, 8))
    voxels = a.voxels.copy()
    voxels[11, 15, 19] = True
    assert hausdorff95_mm(Mask(voxels, GRID), a) == 0.0


def test_larger_direction_counts() -> None:
    # A line of 20 voxels against its first voxel: seen from the voxel the distance is 0, seen
    # from the slab it runs 0, 0.5, ... 9.5 mm; 95 % of the way along 20 ranks is 9.025 mm.
    line = box(slice(0, 20), slice(0, 1), slice(0, 1))
    voxel = box(slice(0, 1), slice(0, 1), slice(0, 1))
    assert hausdorff95_mm(line, voxel) == pytest.approx(9.5 * 0.95)
    assert hausdorff95_mm(voxel, line) == pytest.approx(9.5 * 0.95)


def test_voxels_at_the_edge_of_the_grid_are_surface() -> None:
    whole = Mask(np.ones(GRID.shape_zyx, dtype=bool), GRID)
    inner = box(slice(2, 18), slice(2, 14), slice(0, 12))
    assert hausdorff95_mm(whole, inner) > 0


def test_shares_are_those_of_their_definitions() -> None:
    # 8 voxels against 12, of which 4 are shared.
    a = box(slice(0, 4), slice(0, 2), slice(0, 1))
    b = box(slice(2, 8), slice(0, 2), slice(0, 1))
    assert jaccard(a, b) == pytest.approx(4 / 16)
    assert sensitivity(a, b) == pytest.approx(4 / 12)
    assert precision(a, b) == pytest.approx(4 / 8)


def f2(mask: Mask, reference: Mask) -> float:
    return f_beta(mask, reference, beta=2)


def test_f_beta_is_the_weighted_harmonic_mean_of_precision_and_sensitivity() -> None:
    # 8 voxels against 12, of which 4 are shared: precision 1/2, sensitivity 1/3.
    a = box(slice(0, 4), slice(0, 2), slice(0, 1))
    b = box(slice(2, 8), slice(0, 2), slice(0, 1))
    assert f_beta(a, b, beta=2) == pytest.approx(5 / (1 / (1 / 2) + 4 / (1 / 3)))
    assert f_beta(a, b, beta=1) == pytest.approx(dice(a, b))
    assert f_beta(b, a, beta=2) > f_beta(a, b, beta=2)  # too much is better than too little
    assert f_beta(a, b, beta=1e-6) == pytest.approx(precision(a, b))
    assert f_beta(a, b, beta=1e6) == pytest.approx(sensitivity(a, b))


def test_f_beta_of_disjoint_masks_is_zero_and_of_equal_masks_one() -> None:
    a = box(slice(0, 4), slice(0, 4), slice(0, 4))
    assert f2(a, a) == 1.0
    assert f2(a, box(slice(4, 8), slice(0, 4), slice(0, 4))) == 0.0


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_a_beta_that_is_not_positive_is_refused(beta: float) -> None:
    a = box(slice(0, 4), slice(0, 4), slice(0, 4))
    with pytest.raises(SettingsError, match="beta must be a positive number"):
        f_beta(a, a, beta=beta)


@pytest.mark.parametrize("share", [dice, jaccard, sensitivity, precision, f2])
def test_only_two_empty_masks_agree_when_one_is_empty(
    share: Callable[[Mask, Mask], float],
) -> None:
    full = box(slice(0, 4), slice(0, 4), slice(0, 4))
    assert share(empty(), empty()) == 1.0
    assert share(full, empty()) == 0.0
    assert share(empty(), full) == 0.0


def test_volume_error_is_mask_minus_reference() -> None:
    a = box(slice(0, 4), slice(0, 2), slice(0, 1))
    b = box(slice(2, 8), slice(0, 2), slice(0, 1))
    assert volume_error_ml(a, b) == pytest.approx(-4 * 0.5 * 1.0 * 3.0 / 1000)
    assert volume_error_percent(a, b) == pytest.approx(-100 / 3)
    assert volume_error_percent(b, a) == pytest.approx(50)


def test_volume_error_in_percent_is_infinite_against_nothing() -> None:
    full = box(slice(0, 4), slice(0, 4), slice(0, 4))
    assert volume_error_percent(empty(), full) == -100
    assert volume_error_percent(empty(), empty()) == 0
    assert math.isinf(volume_error_percent(full, empty()))


@pytest.mark.parametrize(
    "measure", [jaccard, sensitivity, precision, f2, volume_error_ml, volume_error_percent]
)
def test_every_measure_refuses_masks_on_different_grids(
    measure: Callable[[Mask, Mask], float],
) -> None:
    other = Geometry(GRID.size_xyz, (0.5, 1.0, 3.1))
    a = box(slice(0, 4), slice(0, 4), slice(0, 4))
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        measure(a, box(slice(0, 4), slice(0, 4), slice(0, 4), other))
