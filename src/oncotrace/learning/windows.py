"""From channels of any size to what a network takes, and back: padding, overlapping windows."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from oncotrace.learning.padding import margins_zyx, padded, unpadded
from oncotrace.learning.plan import Plan

_Voxels = NDArray[np.float32]
Run = Callable[[_Voxels], tuple[_Voxels, _Voxels]]
"""From channels [c, z, y, x] of a size that the network takes to logits [z, y, x], of several
labels [l, z, y, x], and features."""

SIGMA = 1 / 8
"""Standard deviation of the weight of a window's voxels, as a fraction of its size."""
FAINTEST = 1e-3


def over_windows(run: Run, channels: _Voxels, plan: Plan) -> tuple[_Voxels, _Voxels]:
    """Logits and features of channels [c, z, y, x], in windows if the plan says patches.

    Windows overlap by half at least; their logits are averaged with Gaussian weights, as nnU-Net
    does, and their features evenly.
    """
    margins = margins_zyx(channels.shape[1:], plan)
    whole = padded(channels, margins)
    if plan.recipe.grid.mode == "patch" and plan.grid_xyz:
        size, labels = plan.grid_xyz[::-1], plan.recipe.label_axis
        logits, features = _averaged(run, whole, size, labels)
    else:
        logits, features = run(whole)
    return unpadded(logits, margins), features


def _averaged(
    run: Run, channels: _Voxels, size_zyx: tuple[int, int, int], labels: tuple[int, ...]
) -> tuple[_Voxels, _Voxels]:
    weight = _importance(size_zyx)
    total: _Voxels = np.zeros((*labels, *channels.shape[1:]), dtype=np.float32)
    weights: _Voxels = np.zeros(channels.shape[1:], dtype=np.float32)
    features = []
    for window in _windows(channels.shape[1:], size_zyx):
        logits, seen = run(np.ascontiguousarray(channels[:, *window]))
        z, y, x = window
        total[..., z, y, x] += weight * logits
        weights[window] += weight
        features.append(seen)
    mean: _Voxels = np.mean(features, axis=0, dtype=np.float32)
    return total / weights, mean


def _windows(
    shape_zyx: tuple[int, ...], size_zyx: tuple[int, int, int]
) -> Iterator[tuple[slice, ...]]:
    """Windows that cover the grid, as evenly as possible."""
    starts = []
    for whole, size in zip(shape_zyx, size_zyx, strict=True):
        count = 1 + -(-2 * (whole - size) // size)
        starts.append(np.linspace(0, whole - size, count).round().astype(int).tolist())
    for corner in product(*starts):
        yield tuple(slice(low, low + n) for low, n in zip(corner, size_zyx, strict=True))


def _importance(size_zyx: tuple[int, int, int]) -> _Voxels:
    axes = [np.exp(-((np.arange(n) + 0.5 - n / 2) ** 2) / (2 * (SIGMA * n) ** 2)) for n in size_zyx]
    weight: NDArray[np.float64] = axes[0][:, None, None] * axes[1][:, None] * axes[2]
    relative: _Voxels = np.maximum(weight / weight.max(), FAINTEST).astype(np.float32)
    return relative
