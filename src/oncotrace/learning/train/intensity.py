"""Changes of one channel's values [z, y, x]; each takes the channel, a strength and a generator."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

_Voxels = NDArray[np.float32]

BIAS_CONTROL_POINTS = 4


def with_noise(voxels: _Voxels, sd: float, rng: np.random.Generator) -> _Voxels:
    """Add Gaussian noise."""
    return voxels + np.float32(sd) * rng.standard_normal(voxels.shape, dtype=np.float32)


def blurred(voxels: _Voxels, sd_voxels: float, rng: np.random.Generator) -> _Voxels:  # noqa: ARG001
    """Smooth with a Gaussian filter."""
    return gaussian_filter(voxels, sd_voxels, mode="nearest")


def scaled(voxels: _Voxels, factor: float, rng: np.random.Generator) -> _Voxels:  # noqa: ARG001
    """Multiply all values."""
    return voxels * np.float32(factor)


def brightened(voxels: _Voxels, offset: float, rng: np.random.Generator) -> _Voxels:  # noqa: ARG001
    """Add to all values."""
    return voxels + np.float32(offset)


def with_contrast(
    voxels: _Voxels,
    factor: float,
    rng: np.random.Generator,  # noqa: ARG001
) -> _Voxels:
    """Stretch or squeeze values about their mean, within the range they had."""
    mean = voxels.mean()
    return np.clip((voxels - mean) * np.float32(factor) + mean, voxels.min(), voxels.max())


def with_gamma(voxels: _Voxels, exponent: float, rng: np.random.Generator) -> _Voxels:  # noqa: ARG001
    """Raise values to a power, after scaling them to 0..1; the range stays what it was."""
    low, extent = voxels.min(), np.ptp(voxels)
    if extent == 0:
        return voxels
    return ((voxels - low) / extent) ** np.float32(exponent) * extent + low


def with_bias_field(voxels: _Voxels, sd: float, rng: np.random.Generator) -> _Voxels:
    """Multiply what exceeds the lowest value by a smooth field, as a receive coil does."""
    control = rng.normal(scale=sd, size=(BIAS_CONTROL_POINTS,) * 3)
    factors = np.divide(voxels.shape, control.shape)
    field = zoom(control, factors, order=3, mode="nearest", grid_mode=True)
    low = voxels.min()
    return (voxels - low) * np.exp(field).astype(np.float32) + low


def at_low_resolution(voxels: _Voxels, factor: float, rng: np.random.Generator) -> _Voxels:
    """Average ``factor`` voxels to one and interpolate back: in half of the draws along z alone."""
    axes = (0,) if rng.random() < 0.5 else (0, 1, 2)
    for axis in axes:
        weights = _down_and_up(voxels.shape[axis], factor)
        voxels = np.moveaxis(np.tensordot(weights, voxels, (1, axis)), 0, axis)
    return voxels


def _down_and_up(size: int, factor: float) -> NDArray[np.float32]:
    """Weights [to, from] of a box average over thick slices, then of linear interpolation."""
    thick = max(1, round(size / factor))
    edges = np.linspace(0, size, thick + 1)
    voxel = np.arange(size)
    overlap = np.minimum(edges[1:, None], voxel + 1) - np.maximum(edges[:-1, None], voxel)
    down = np.clip(overlap, 0, None) * (thick / size)
    centres = (edges[1:] + edges[:-1]) / 2
    up = np.stack([np.interp(voxel + 0.5, centres, row) for row in np.eye(thick)], axis=1)
    return (up @ down).astype(np.float32)
