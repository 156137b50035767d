"""The longest axial diameter of random masks, against every pair of points of every slice."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.measure.recist import recist_diameter

SHAPE = (10, 26, 28)
MASKS = 1000
FAST = 40


def random_mask(seed: int) -> Mask:
    """Return a convex mask for even seeds, for odd ones one of any form and several pieces."""
    rng = np.random.default_rng(seed)
    spacing_mm = (rng.uniform(0.4, 1.5), rng.uniform(0.4, 1.5), rng.uniform(1, 6))
    z, y, x = SHAPE
    geometry = Geometry((x, y, z), spacing_mm, tuple(rng.uniform(-300, 300, 3).tolist()))
    voxels = convex(geometry, rng) if seed % 2 == 0 else free_form(rng)
    return Mask(voxels, geometry)


def convex(geometry: Geometry, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return voxels whose centres lie in an ellipsoid of any pose, cut by planes."""
    index = np.moveaxis(np.indices(SHAPE)[::-1], 0, -1)
    offset_mm = (index - (np.array(SHAPE[::-1]) - 1) / 2) * geometry.spacing_mm
    half_mm = np.array(SHAPE[::-1]) * geometry.spacing_mm * rng.uniform(0.2, 0.5, 3)
    turned = offset_mm @ Rotation.random(rng=rng).as_matrix()
    inside = ((turned / half_mm) ** 2).sum(axis=-1) <= 1
    for normal in rng.normal(size=(rng.integers(0, 4), 3)):
        inside &= offset_mm @ normal <= np.linalg.norm(normal) * half_mm.min() * rng.uniform(0.3, 1)
    if not inside.any():
        inside[tuple(size // 2 for size in SHAPE)] = True
    return inside


def free_form(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return smoothed noise above a level: arms, holes, rings and islands."""
    noise = gaussian_filter(rng.normal(size=SHAPE), rng.uniform(0.5, 3.0), mode="constant")
    return noise >= np.quantile(noise, rng.uniform(0.5, 0.98))


def brute_force_mm(mask: Mask) -> float:
    """Return the longest distance of edge points of one area of one slice, pair by pair."""
    steps = np.array([s for s in product((-0.5, 0, 0.5), repeat=2) if abs(s[0]) != abs(s[1])])
    spacing_mm = np.array(mask.geometry.spacing_mm[:2])
    longest_mm = 0.0
    for plane in mask.voxels:
        areas, count = label(plane, np.ones((3, 3)))
        for area in range(1, count + 1):
            pixels = np.argwhere(areas == area)[:, ::-1]
            points = np.unique((pixels[:, None] + steps).reshape(-1, 2), axis=0)
            longest_mm = max(longest_mm, float(pdist(points * spacing_mm).max()))
    return longest_mm


def check(seed: int) -> None:
    mask = random_mask(seed)
    line = recist_diameter(mask, is_node=False)
    assert line.length_mm == pytest.approx(brute_force_mm(mask), abs=1e-9), f"seed {seed}"
    apart = np.linalg.norm(np.subtract(line.end_mm, line.start_mm))
    assert line.length_mm == pytest.approx(apart), f"seed {seed}"
    assert recist_diameter(mask, is_node=True).length_mm <= line.length_mm + 1e-6, f"seed {seed}"


def test_longest_diameter_equals_brute_force() -> None:
    for seed in range(FAST):
        check(seed)


@pytest.mark.slow
def test_longest_diameter_equals_brute_force_on_a_thousand_masks() -> None:
    for seed in range(MASKS):
        check(seed)


def test_the_random_masks_are_convex_and_not() -> None:
    """Half the masks have one area a slice; most others several, or a hole."""
    rough = sum(has_islands_or_holes(random_mask(seed)) for seed in range(1, FAST, 2))
    assert not any(has_islands_or_holes(random_mask(seed)) for seed in range(0, FAST, 2))
    assert rough > FAST // 4


def has_islands_or_holes(mask: Mask) -> bool:
    return any(
        label(plane, np.ones((3, 3)))[1] > 1
        or label(np.pad(~plane, 1, constant_values=True))[1] > 1
        for plane in mask.voxels
    )
