"""Laws of overlap measures, and a slow second opinion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.overlap import (
    dice,
    f_beta,
    hausdorff95_mm,
    jaccard,
    precision,
    sensitivity,
)
from oncotrace.imaging.surface_distance import surface_agreement

SHAPE = (3, 5, 6)
voxels = arrays(np.bool_, SHAPE)
spacings = st.tuples(*[st.floats(0.2, 6)] * 3)


def on_grid(array: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Mask:
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


def brute_force_hausdorff95_mm(a: Mask, b: Mask) -> float:
    distance_mm = np.linalg.norm(surface_mm(a)[:, None] - surface_mm(b)[None], axis=-1)
    there, back = distance_mm.min(axis=1), distance_mm.min(axis=0)
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


@given(voxels, voxels, spacings)
def test_overlap_is_symmetric(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> None:
    first, second = on_grid(a, spacing_mm), on_grid(b, spacing_mm)
    assert dice(first, second) == dice(second, first)
    assert hausdorff95_mm(first, second) == hausdorff95_mm(second, first)


@given(voxels, voxels)
def test_dice_is_between_zero_and_one_and_one_only_for_equal_masks(
    a: NDArray[np.bool_], b: NDArray[np.bool_]
) -> None:
    score = dice(on_grid(a, (1, 1, 1)), on_grid(b, (1, 1, 1)))
    assert 0 <= score <= 1
    assert (score == 1) == bool((a == b).all())


@settings(max_examples=60)
@given(voxels.filter(np.any), voxels.filter(np.any), spacings)
def test_hausdorff95_equals_brute_force(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> None:
    first, second = on_grid(a, spacing_mm), on_grid(b, spacing_mm)
    assert hausdorff95_mm(first, second) == pytest.approx(
        brute_force_hausdorff95_mm(first, second), abs=1e-9
    )


@given(voxels, voxels, spacings, st.floats(0, 20))
def test_surfaces_agree_the_same_both_ways(
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    tolerance_mm: float,
) -> None:
    first, second = on_grid(a, spacing_mm), on_grid(b, spacing_mm)
    there = surface_agreement(first, second, tolerance_mm=tolerance_mm)
    back = surface_agreement(second, first, tolerance_mm=tolerance_mm)
    assert there.hausdorff95_mm == back.hausdorff95_mm
    assert there.assd_mm == pytest.approx(back.assd_mm)
    assert there.surface_dice == pytest.approx(back.surface_dice)
    assert 0 <= there.surface_dice <= 1


@settings(max_examples=60)
@given(voxels.filter(np.any), voxels.filter(np.any), spacings)
def test_average_surface_distance_equals_brute_force(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> None:
    first, second = on_grid(a, spacing_mm), on_grid(b, spacing_mm)
    distance_mm = np.linalg.norm(surface_mm(first)[:, None] - surface_mm(second)[None], axis=-1)
    nearest = [*distance_mm.min(axis=1), *distance_mm.min(axis=0)]
    found = surface_agreement(first, second, tolerance_mm=1)
    assert found.assd_mm == pytest.approx(np.mean(nearest), abs=1e-9)


@given(voxels.filter(np.any), voxels.filter(np.any), spacings)
def test_a_wider_tolerance_forgives_more(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> None:
    first, second = on_grid(a, spacing_mm), on_grid(b, spacing_mm)
    scores = [
        surface_agreement(first, second, tolerance_mm=mm).surface_dice for mm in (0, 1, 3, 1000)
    ]
    assert scores == sorted(scores)
    assert scores[-1] == 1


@given(voxels, voxels)
def test_shares_are_consistent_with_each_other(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> None:
    first, second = on_grid(a, (1, 1, 1)), on_grid(b, (1, 1, 1))
    overlap = dice(first, second)
    assert jaccard(first, second) == pytest.approx(overlap / (2 - overlap))
    found, right = sensitivity(first, second), precision(first, second)
    assert found == precision(second, first)
    assert f_beta(first, second, beta=1) == pytest.approx(overlap)
    assert min(found, right) <= f_beta(first, second, beta=2) + 1e-12
    assert f_beta(first, second, beta=2) <= max(found, right) + 1e-12
    if found + right > 0:
        assert overlap == pytest.approx(2 * found * right / (found + right))
