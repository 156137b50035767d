"""Intensities made comparable, and how much they speak for tumour."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from oncotrace.domain.scan import Modality

SOFT_TISSUE_HU = (-160.0, 240.0)
"""Window of soft tissue on CT: level 40, width 400."""

_PERCENTILES = (0.5, 99.5)
_BINS = 64
_BIN_BLUR = 2.0
_FLOOR = 0.1


def clipped(voxels: NDArray[np.float32], modality: Modality | None) -> NDArray[np.float32]:
    """Intensities without what hides the tumour's contrast.

    Hounsfield units are clipped to the soft-tissue window; all others, which have no fixed scale,
    to their own 0.5 and 99.5 percentiles.
    """
    low, high = SOFT_TISSUE_HU if modality == "ct" else np.percentile(voxels, _PERCENTILES)
    within: NDArray[np.float32] = np.clip(voxels, np.float32(low), np.float32(high))
    return within


def standardised(voxels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intensities with mean 0 and standard deviation 1; all 0 where the image is constant."""
    spread = float(voxels.std())
    if spread <= 1e-6 * max(1.0, float(np.abs(voxels).max())):
        return np.zeros_like(voxels)
    even: NDArray[np.float32] = (voxels - voxels.mean()) / np.float32(spread)
    return even


def log_likelihood_ratio(
    voxels: NDArray[np.float32], inside: NDArray[np.bool_], outside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """How much more often each voxel's intensity occurs inside than outside, as a log ratio.

    Both histograms have 64 bins over the range of ``voxels``, blurred by 2 bins; a floor of a
    tenth of the uniform density keeps an intensity that was never seen from deciding alone.
    """
    low, high = float(voxels.min()), float(voxels.max())
    if high <= low or not inside.any() or not outside.any():
        return np.zeros_like(voxels)
    bins = np.minimum(((voxels - low) / (high - low) * _BINS).astype(np.intp), _BINS - 1)
    ratio = np.log(_density(bins[inside]) / _density(bins[outside]))
    return ratio.astype(np.float32)[bins]


def _density(bins: NDArray[np.intp]) -> NDArray[np.float64]:
    counts = np.bincount(bins, minlength=_BINS) / bins.size
    return gaussian_filter1d(counts, _BIN_BLUR, mode="nearest") + _FLOOR / _BINS
