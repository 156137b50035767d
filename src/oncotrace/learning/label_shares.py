"""Which label a voxel takes: labels exclude each other."""

import numpy as np
from numpy.typing import NDArray

HALF = 0.5
_ZYX = 3


def labels_by_share(shares: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Outlines of the shape of ``shares``, which may have been interpolated or averaged.

    A voxel belongs to what fills half of it. Of several labels, those that fill half of it
    together, the one with the greatest share has it, of equals the first: so that no gap opens
    where two structures touch.

    Parameters
    ----------
    shares
        Share of each voxel that is inside, 0 to 1: [z, y, x] of one structure, [l, z, y, x] of
        labels that do not overlap.
    """
    if shares.ndim == _ZYX:
        return np.asarray(shares >= HALF)
    together: NDArray[np.bool_] = shares.sum(axis=0) >= HALF
    return _greatest(shares) & together


def labels_by_log_odds(log_odds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Labels [l, z, y, x] that exclude each other: of those at 0 or above, the one with most.

    Parameters
    ----------
    log_odds
        Of each label on its own, [l, z, y, x]; 0 is a probability of one half.
    """
    return _greatest(log_odds) & (log_odds >= 0)


def _greatest(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where each label [l, z, y, x] has the greatest value, of equals the first."""
    places = np.arange(len(values)).reshape(-1, 1, 1, 1)
    return np.asarray(places == values.argmax(axis=0))
