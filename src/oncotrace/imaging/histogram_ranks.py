"""The place of every intensity among those of a region: the empirical distribution function."""

import numpy as np
from numpy.typing import NDArray


def mid_ranks(voxels: NDArray[np.float32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of ``values`` below each voxel plus half of those equal to it, 0 to 1, [z, y, x].

    Ties share one place, so equal intensities stay equal and order is kept. Intensities between
    two of ``values`` are interpolated linearly, those beyond take the place of the nearest. Any
    increasing map of the image leaves the ranks of its own values as they are.
    """
    levels, counts = np.unique(values, return_counts=True)
    places = (np.cumsum(counts) - counts / 2) / values.size
    return np.interp(voxels, levels, places)
