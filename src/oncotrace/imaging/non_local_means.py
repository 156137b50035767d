"""Noise taken out by averaging voxels whose surroundings look alike, near or not so near.

References
----------
Buades, Coll, Morel, Multiscale Model Simul 2005;4:490-530, doi:10.1137/040616024; weights and noise
in three dimensions by Coupe et al., IEEE Trans Med Imaging 2008;27:425-441,
doi:10.1109/TMI.2007.906087 (equations 5 and 9). Every voxel is averaged; their blocks and their
choice of voxels beforehand, which only save time, are left out. Distances are computed shift by
shift for the whole image (Darbon et al., ISBI 2008, doi:10.1109/ISBI.2008.4541250).
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy.ndimage import convolve, uniform_filter

from oncotrace.domain.scan import Scan

_SIX_NEIGHBOURS = np.zeros((3, 3, 3))
for _axis in range(3):
    for _side in (0, 2):
        _SIX_NEIGHBOURS[tuple(_side if axis == _axis else 1 for axis in range(3))] = 1 / 6
_NORMAL_MAD = 0.6744897501960817  # median of the absolute value of a standard normal variable

Shift = tuple[int, int, int]
Slices = tuple[slice, slice, slice]


def without_noise(
    scan: Scan,
    *,
    patch_radius_xyz: tuple[int, int, int],
    search_radius_xyz: tuple[int, int, int],
    strength: float,
) -> Scan:
    """Scan of weighted means of the voxels around, by how alike their surroundings are.

    A voxel at distance ``d`` (root mean square of the differences of the two patches) weighs
    ``exp(-d^2 / (2 strength sigma^2))``, where sigma is the `noise_deviation` of the scan; a voxel
    itself weighs as much as the most alike. The result of ``a * image + b`` is that of the image,
    times a, plus b. Noise is taken to be the same everywhere and to have no bias, which holds for
    magnetic resonance only where the signal is well above the noise.

    Parameters
    ----------
    patch_radius_xyz, search_radius_xyz
        Voxels that a patch, and the search, reach to every side.
    """
    variance = noise_deviation(scan) ** 2
    if variance == 0:
        return scan
    voxels = scan.voxels
    total, weights, largest = np.zeros_like(voxels), np.zeros_like(voxels), np.zeros_like(voxels)
    size_zyx = tuple(2 * radius + 1 for radius in reversed(patch_radius_xyz))
    for shift in _half_of_shifts(search_radius_xyz):
        here, there = _overlap(shift, voxels.shape)
        one, other = voxels[here], voxels[there]
        if one.size == 0:
            continue
        distance = uniform_filter(np.square(one - other), size_zyx)
        weight = np.exp(distance / np.float32(-2 * strength * variance))
        for place, neighbour in ((here, other), (there, one)):
            total[place] += weight * neighbour
            weights[place] += weight
            np.maximum(largest[place], weight, out=largest[place])
    own = np.where(largest > 0, largest, 1).astype(np.float32)
    return Scan((total + own * voxels) / (weights + own), scan.geometry, scan.modality)


def noise_deviation(scan: Scan) -> float:
    """Return the standard deviation of the noise, by how voxels differ from their six neighbours.

    The median of the absolute residuals is taken, which edges hardly change; voxels that are
    exactly like their neighbours (blank surroundings) are left out. Noise that was smoothed, as by
    interpolation, is told too low.
    """
    voxels = scan.voxels.astype(np.float64)
    residuals = np.sqrt(6 / 7) * (voxels - convolve(voxels, _SIX_NEIGHBOURS))
    smallest = np.finfo(np.float32).eps * float(np.abs(voxels).max())
    noisy = np.abs(residuals[np.abs(residuals) > smallest])
    return float(np.median(noisy)) / _NORMAL_MAD if noisy.size else 0.0


def _half_of_shifts(radius_xyz: tuple[int, int, int]) -> Iterator[Shift]:
    """Shifts (z, y, x) of which each stands for its opposite, too."""
    z, y, x = (range(-radius, radius + 1) for radius in reversed(radius_xyz))
    yield from (shift for shift in product(z, y, x) if shift > (0, 0, 0))


def _overlap(shift: Shift, shape_zyx: tuple[int, ...]) -> tuple[Slices, Slices]:
    """Voxels that have a neighbour at a shift, and these neighbours; empty where none has."""
    (z, y, x), (depth, height, width) = shift, shape_zyx
    here = (_without(z, depth), _without(y, height), _without(x, width))
    there = (_without(-z, depth), _without(-y, height), _without(-x, width))
    return here, there


def _without(step: int, size: int) -> slice:
    """Places along an axis from which a step stays on it."""
    return slice(min(size, max(0, -step)), max(0, size - max(0, step)))
