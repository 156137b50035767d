"""Peaks of a histogram: the tissues that fill an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

_BINS = 512
_BLUR_BINS = 8.0  # 1.6 % of the range: wider than the grain of 8-bit images
_RANGE = (0.1, 99.9)  # percentiles; a few hot voxels must not squeeze the tissues into one bin
_LEAST_PROMINENCE = 0.02


@dataclass(frozen=True)
class Mode:
    """A peak: the intensity at its top, and its height relative to the highest peak's."""

    intensity: float
    height: float


def histogram_modes(values: NDArray[np.float64], *, least_height: float) -> list[Mode]:
    """Peaks of the smoothed histogram, from dark to bright.

    512 bins between the 0.1 and 99.9 percentiles, blurred by a Gaussian of 8 bins; a peak stands
    out by at least 2 % of the highest. The peaks of ``a * values + b`` are those of ``values``,
    moved along.

    Parameters
    ----------
    values
        Intensities, not all the same.
    least_height
        Lower peaks are left out, as a fraction of the highest.
    """
    low, high = (float(end) for end in np.percentile(values, _RANGE))
    if high <= low:
        return [Mode(low, 1.0)]
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    # Zero beyond both ends, so that a peak at an end is a peak.
    margin = round(4 * _BLUR_BINS)
    density = gaussian_filter1d(np.pad(counts.astype(np.float64), margin), _BLUR_BINS)
    density /= density.max()
    tops, _ = find_peaks(density, height=least_height, prominence=_LEAST_PROMINENCE)
    width = edges[1] - edges[0]
    return [
        Mode(
            float(edges[0] + (_summit(density, int(top)) - margin + 0.5) * width),
            float(density[top]),
        )
        for top in tops
    ]


def _summit(density: NDArray[np.float64], top: int) -> float:
    """Fractional place of the maximum of the parabola through a peak and its neighbours."""
    before, at, after = density[top - 1 : top + 2]
    curvature = before - 2 * at + after
    return top if curvature == 0 else top + 0.5 * float((before - after) / curvature)
