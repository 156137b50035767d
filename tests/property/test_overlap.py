"""Laws of what compares two masks, and a slow second opinion."""

import math
from collections.abc import Iterable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from tests.property.strategies import directions

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.mask_agreement import MaskAgreement, compare_masks
from oncotrace.imaging.overlap import voxel_overlap
from oncotrace.imaging.surface_distance import SurfaceDistances, surface_distances
from oncotrace.imaging.surface_elements import surface_elements
from oncotrace.imaging.surface_voxels import voxel_distances

SHAPE = (3, 5, 6)
voxels = arrays(np.bool_, SHAPE)
spacings = st.tuples(*[st.floats(0.2, 6)] * 3)
Spacing = tuple[float, float, float]
Voxels = NDArray[np.bool_]


def on_grid(array: Voxels, spacing_mm: Spacing) -> Mask:
    z, y, x = array.shape
    return Mask(array, Geometry((x, y, z), spacing_mm))


def surface_mm(mask: Mask) -> NDArray[np.float64]:
    """Centres of voxels with a free face, found one voxel at a time."""
    padded = np.pad(mask.voxels, 1)
    found = []
    for z, y, x in np.argwhere(padded):
        faces = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))
        if not all(padded[z + dz, y + dy, x + dx] for dz, dy, dx in faces):
            found.append((x - 1, y - 1, z - 1))
    return mask.geometry.to_point_mm(found)


def apart_mm(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(a[:, None] - b[None], axis=-1)


def numbers(found: MaskAgreement) -> dict[str, float]:
    """Every measure, but those that know which of the two masks is the reference."""
    return {
        "dice": found.voxels.dice,
        "jaccard": found.voxels.jaccard,
        "volume_similarity": found.voxels.volume_similarity,
        "hd": found.hd_mm,
        "hd95": found.hd95_mm,
        "assd": found.assd_mm,
        "masd": found.masd_mm,
        "surface_dice": found.surface_dice,
        "hd_voxels": found.by_voxels.hd_mm,
        "hd95_voxels": found.by_voxels.hd95_mm,
        "assd_voxels": found.by_voxels.assd_mm,
        "centre": found.centre_distance_mm,
    }


def directed(found: MaskAgreement) -> dict[str, float]:
    """What knows."""
    return {
        "f2": found.voxels.f_beta(2),
        "sensitivity": found.voxels.sensitivity,
        "precision": found.voxels.precision,
        "volume_error_percent": found.voxels.volume_error_percent,
        "path": found.path.length_mm,
        "missing": found.path.missing_voxels,
        "lesions": found.lesions.lesions,
        "found": found.lesions.found,
        "true": found.lesions.true,
    }


@given(voxels, voxels, spacings, st.floats(0, 20))
def test_agreement_is_symmetric(a: Voxels, b: Voxels, spacing: Spacing, tolerance: float) -> None:
    first, second = on_grid(a, spacing), on_grid(b, spacing)
    there = compare_masks(first, second, tolerance_mm=tolerance)
    back = compare_masks(second, first, tolerance_mm=tolerance)
    assert numbers(there) == pytest.approx(numbers(back))
    assert there.voxels.sensitivity == back.voxels.precision
    assert (there.lesions.found, there.lesions.lesions) == (
        back.lesions.true,
        back.lesions.predicted,
    )


@given(voxels, voxels, spacings, st.floats(0, 20))
def test_no_measure_is_ever_nan_and_every_share_lies_within_its_range(
    a: Voxels, b: Voxels, spacing: Spacing, tolerance: float
) -> None:
    found = compare_masks(on_grid(a, spacing), on_grid(b, spacing), tolerance_mm=tolerance)
    every = numbers(found) | directed(found)
    assert not any(math.isnan(value) for value in every.values())
    for name in ("dice", "jaccard", "volume_similarity", "surface_dice", "f2", "sensitivity"):
        assert 0 <= every[name] <= 1
    assert (found.voxels.dice == 1) == bool((a == b).all())
    only_one = a.any() != b.any()
    for name in ("hd", "hd95", "assd", "masd", "hd_voxels", "assd_voxels", "centre"):
        assert every[name] >= 0
        assert math.isinf(every[name]) == only_one


@given(voxels, spacings)
def test_a_mask_agrees_with_itself(a: Voxels, spacing: Spacing) -> None:
    mask = on_grid(a, spacing)
    found = compare_masks(mask, mask, tolerance_mm=0)
    every = numbers(found)
    for name in ("dice", "jaccard", "volume_similarity", "surface_dice"):
        assert every.pop(name) == 1
    assert set(every.values()) == {0}


@given(voxels, voxels, spacings, st.sampled_from([*permutations(range(3))]))
def test_the_order_of_axes_does_not_matter(
    a: Voxels, b: Voxels, spacing: Spacing, order: tuple[int, int, int]
) -> None:
    plain = compare_masks(on_grid(a, spacing), on_grid(b, spacing), tolerance_mm=1)
    z, y, x = (spacing[::-1][axis] for axis in order)
    turned = [on_grid(array.transpose(order), (x, y, z)) for array in (a, b)]
    assert numbers(compare_masks(*turned, tolerance_mm=1)) == pytest.approx(numbers(plain))


@given(voxels, voxels, spacings, st.tuples(*[st.tuples(*[st.integers(0, 4)] * 2)] * 3))
def test_background_around_the_masks_does_not_matter(
    a: Voxels, b: Voxels, spacing: Spacing, margins: Iterable[tuple[int, int]]
) -> None:
    plain = compare_masks(on_grid(a, spacing), on_grid(b, spacing), tolerance_mm=1)
    wide = compare_masks(
        on_grid(np.pad(a, margins), spacing), on_grid(np.pad(b, margins), spacing), tolerance_mm=1
    )
    assert numbers(wide) | directed(wide) == pytest.approx(numbers(plain) | directed(plain))


@given(voxels, voxels, spacings, directions(), st.tuples(*[st.floats(-500, 500)] * 3))
def test_the_pose_of_the_grid_does_not_matter(
    a: Voxels,
    b: Voxels,
    spacing: Spacing,
    direction: tuple[float, ...],
    origin: tuple[float, float, float],
) -> None:
    plain = compare_masks(on_grid(a, spacing), on_grid(b, spacing), tolerance_mm=1)
    posed = Geometry(SHAPE[::-1], spacing, origin, direction)
    found = compare_masks(Mask(a, posed), Mask(b, posed), tolerance_mm=1)
    assert numbers(found) == pytest.approx(numbers(plain))


@settings(max_examples=60)
@given(*[voxels.filter(np.any)] * 3, spacings)
def test_the_way_by_a_third_mask_is_no_shorter(
    a: Voxels, b: Voxels, c: Voxels, spacing: Spacing
) -> None:
    first, second, third = (on_grid(array, spacing) for array in (a, b, c))

    def hausdorff_mm(one: Mask, other: Mask) -> float:
        return surface_distances(one, other).hausdorff_mm()

    direct_mm = hausdorff_mm(first, third)
    assert direct_mm <= hausdorff_mm(first, second) + hausdorff_mm(second, third) + 1e-9


@settings(max_examples=60)
@given(voxels.filter(np.any), voxels.filter(np.any), spacings)
def test_distances_between_surface_voxels_equal_brute_force(
    a: Voxels, b: Voxels, spacing: Spacing
) -> None:
    first, second = on_grid(a, spacing), on_grid(b, spacing)
    between_mm = apart_mm(surface_mm(first), surface_mm(second))
    there, back = between_mm.min(axis=1), between_mm.min(axis=0)
    found = voxel_distances(first, second)
    assert found.hd_mm == pytest.approx(max(there.max(), back.max()), abs=1e-9)
    percentiles = [np.percentile(way, 95) for way in (there, back)]
    assert found.hd95_mm == pytest.approx(max(percentiles), abs=1e-9)
    assert found.assd_mm == pytest.approx(np.mean([*there, *back]), abs=1e-9)


@settings(max_examples=60)
@given(voxels.filter(np.any), voxels.filter(np.any), spacings)
def test_distances_between_surface_elements_equal_brute_force(
    a: Voxels, b: Voxels, spacing: Spacing
) -> None:
    first, second = on_grid(a, spacing), on_grid(b, spacing)
    between_mm = apart_mm(surface_elements(first).position_mm, surface_elements(second).position_mm)
    found = surface_distances(first, second)
    for way, nearest_mm in (
        (found.of_mask, between_mm.min(1)),
        (found.of_reference, between_mm.min(0)),
    ):
        assert way.distance_mm == pytest.approx(np.sort(nearest_mm), abs=1e-9)
        area_mm2 = way.area_mm2
        assert way.mean_mm() == pytest.approx(np.average(way.distance_mm, weights=area_mm2))
        median_mm = way.percentile_mm(50)
        half_mm2 = area_mm2.sum() / 2 * (1 - 1e-9)
        assert area_mm2[way.distance_mm <= median_mm].sum() >= half_mm2
        assert area_mm2[way.distance_mm >= median_mm].sum() >= half_mm2
    assert found.hausdorff_mm() == pytest.approx(
        max(between_mm.min(0).max(), between_mm.min(1).max()), abs=1e-9
    )


@given(voxels.filter(np.any), voxels.filter(np.any), spacings)
def test_a_wider_tolerance_forgives_more_and_a_higher_percentile_less(
    a: Voxels, b: Voxels, spacing: Spacing
) -> None:
    found: SurfaceDistances = surface_distances(on_grid(a, spacing), on_grid(b, spacing))
    scores = [found.surface_dice(mm) for mm in (0, 1, 3, 1000)]
    assert scores == sorted(scores)
    assert scores[-1] == 1
    percentiles = [found.hausdorff_mm(percent) for percent in (1, 50, 95, 99.9, 100)]
    assert percentiles == sorted(percentiles)
    assert found.surface_dice(percentiles[-1]) == 1


@given(voxels, voxels)
def test_shares_are_consistent_with_each_other(a: Voxels, b: Voxels) -> None:
    found = voxel_overlap(on_grid(a, (1, 1, 1)), on_grid(b, (1, 1, 1)))
    assert found.jaccard == pytest.approx(found.dice / (2 - found.dice))
    assert found.f_beta(1) == pytest.approx(found.dice)
    low, high = sorted([found.sensitivity, found.precision])
    assert low - 1e-12 <= found.f_beta(2) <= high + 1e-12
    if low + high > 0:
        assert found.dice == pytest.approx(2 * low * high / (low + high))
    assert found.volume_similarity >= found.dice - 1e-12
