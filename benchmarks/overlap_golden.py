"""Distances of 200 random pairs of masks as the program surface-distance measures them.

    python benchmarks/overlap_golden.py OUT.csv

Run it in an environment of its own with numpy, scipy and surface-distance 0.1 (DeepMind, on the
Python Package Index), which is no dependency of oncotrace. What it writes is
``tests/golden/surface_distance_pairs.csv``; the tests draw the same pairs: random blobs, boxes,
noise and points on anisotropic grids, some of one slice or one voxel, some touching the border.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PAIRS = 200
_SEED = 7


@dataclass(frozen=True, eq=False)
class Pair:
    """Two masks [z, y, x], the spacing of their grid and a tolerance, in mm."""

    mask: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    spacing_zyx_mm: tuple[float, float, float]
    tolerance_mm: float


def random_pairs(count: int) -> Iterator[Pair]:
    """Draw pairs, always the same."""
    rng = np.random.default_rng(_SEED)
    kinds = (_blobs, _boxes, _noise, _points)
    for number in range(count):
        z, y, x = (int(size) for size in rng.integers(1, 24, size=3))
        spacing = tuple(float(mm) for mm in np.round(rng.uniform(0.4, 6.0, size=3), 3))
        mask, reference = kinds[number % len(kinds)](rng, (z, y, x))
        yield Pair(mask, reference, spacing, float(np.round(rng.uniform(0.3, 8.0), 4)))


def _blobs(
    rng: np.random.Generator, shape: tuple[int, int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw smooth shapes, often several, that resemble each other."""
    field = gaussian_filter(rng.normal(size=shape), 2.5)
    other = field + 0.5 * gaussian_filter(rng.normal(size=shape), 2.0)
    return _not_empty(field > np.median(field)), _not_empty(other > np.median(other))


def _boxes(
    rng: np.random.Generator, shape: tuple[int, int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw boxes anywhere, also at the border."""
    pair = []
    for _ in range(2):
        voxels = np.zeros(shape, dtype=np.bool_)
        ends = [np.sort(rng.integers(0, size + 1, size=2)) for size in shape]
        voxels[tuple(slice(low, max(high, low + 1)) for low, high in ends)] = True
        pair.append(_not_empty(voxels))
    return pair[0], pair[1]


def _noise(
    rng: np.random.Generator, shape: tuple[int, int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw every voxel for itself, which meets all ways to cross a cell."""
    first, second = (_not_empty(rng.random(shape) < rng.uniform(0.1, 0.9)) for _ in range(2))
    return first, second


def _points(
    rng: np.random.Generator, shape: tuple[int, int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw few voxels."""
    first, second = (_not_empty(rng.random(shape) < 0.02) for _ in range(2))
    return first, second


def _not_empty(voxels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Set the middle voxel of what would be empty."""
    if not voxels.any():
        voxels[tuple(size // 2 for size in voxels.shape)] = True
    return voxels


def main() -> None:
    """Measure every pair and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    rows = [measured(number, pair) for number, pair in enumerate(random_pairs(PAIRS))]
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} pairs in {out.name}")


def measured(number: int, pair: Pair) -> dict[str, object]:
    """One line of the table, by surface-distance alone."""
    import surface_distance.metrics as metrics

    found = metrics.compute_surface_distances(pair.reference, pair.mask, pair.spacing_zyx_mm)
    of_reference, of_mask = metrics.compute_average_surface_distance(found)
    return {
        "pair": number,
        "voxels_shared": int((pair.mask & pair.reference).sum()),
        "hd_mm": float(metrics.compute_robust_hausdorff(found, 100)),
        "hd95_mm": float(metrics.compute_robust_hausdorff(found, 95)),
        "hd73_mm": float(metrics.compute_robust_hausdorff(found, 73)),
        "mean_of_mask_mm": float(of_mask),
        "mean_of_reference_mm": float(of_reference),
        "surface_dice": float(metrics.compute_surface_dice_at_tolerance(found, pair.tolerance_mm)),
    }


if __name__ == "__main__":
    main()
