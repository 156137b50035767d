"""The labelling of a grid that costs least: a graph cut.

Every voxel p is tumour (x_p = 1) or not. The cut minimises exactly

    E(x) = sum_p  -l_p x_p  +  smoothness * sum_(p,q) w_pq [x_p != x_q]

where l_p are the log-odds of tumour and the second sum runs over face neighbours. The weight
w_pq = exp(-(I_p - I_q)^2 / 2 sigma^2) makes a border cheap where the image has an edge.

References
----------
.. [1] Boykov and Jolly, Interactive graph cuts, ICCV 2001, doi:10.1109/ICCV.2001.937505, eq. 1-4.
.. [2] Boykov and Kolmogorov, IEEE Trans Pattern Anal Mach Intell 2004;26:1124-1137,
   doi:10.1109/TPAMI.2004.60.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from oncotrace.errors import InputError

MAXIMUM_VOXELS = 200_000
"""Above this a cut takes seconds; crop or resample first."""

_UNIT = 100
"""Capacities are whole numbers; one unit of log-odds is this many."""

_LIMIT = 1000.0
"""Log-odds beyond this are certain; keeps the sum of all capacities within 32 bits."""


def contrast_weights(
    intensities: NDArray[np.float32], sigma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Weights of the links to the next voxel along z, y and x, 0 to 1.

    Parameters
    ----------
    sigma
        Difference of intensity that counts as an edge, in units of ``intensities``.
    """
    z, y, x = (
        np.exp(-0.5 * np.square(np.diff(intensities, axis=axis) / np.float32(sigma)))
        for axis in range(3)
    )
    return z, y, x


def grid_cut(
    log_odds: NDArray[np.float32],
    weights_zyx: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    smoothness: float,
) -> NDArray[np.bool_]:
    """Labelling of least energy; of several, the one with the fewest tumour voxels.

    Parameters
    ----------
    log_odds
        Log-odds of tumour [z, y, x]; plus and minus infinity are hard seeds.
    weights_zyx
        See `contrast_weights`.

    Raises
    ------
    InputError
        The grid is larger than `MAXIMUM_VOXELS`.
    """
    if log_odds.size > MAXIMUM_VOXELS:
        raise InputError(
            f"a graph cut takes at most {MAXIMUM_VOXELS} voxels, found {log_odds.size}.",
            hint="Resample the volume of interest to a coarser grid first.",
        )
    graph, source, sink = _flow_network(log_odds, weights_zyx, smoothness)
    residual = graph - maximum_flow(graph, source, sink).flow
    residual.eliminate_zeros()
    reached = np.zeros(log_odds.size + 2, dtype=np.bool_)
    reached[breadth_first_order(residual, source, return_predecessors=False)] = True
    return reached[: log_odds.size].reshape(log_odds.shape)


def _flow_network(
    log_odds: NDArray[np.float32],
    weights_zyx: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    smoothness: float,
) -> tuple[csr_array, int, int]:
    """Network whose least cut is the least energy: capacities, source and sink."""
    number = np.arange(log_odds.size, dtype=np.int32).reshape(log_odds.shape)
    source, sink = log_odds.size, log_odds.size + 1
    odds = np.rint(np.clip(log_odds, -_LIMIT, _LIMIT) * _UNIT).astype(np.int32).ravel()
    tumour, background = np.flatnonzero(odds > 0), np.flatnonzero(odds < 0)
    tails = [np.full(tumour.size, source), background]
    heads = [tumour, np.full(background.size, sink)]
    capacities = [odds[tumour], -odds[background]]
    for axis, weights in enumerate(weights_zyx):
        here = np.delete(number, -1, axis=axis).ravel()
        there = np.delete(number, 0, axis=axis).ravel()
        links = np.rint(smoothness * _UNIT * weights).astype(np.int32).ravel()
        tails += [here, there]
        heads += [there, here]
        capacities += [links, links]
    entries = (np.concatenate(tails), np.concatenate(heads))
    graph = csr_array((np.concatenate(capacities), entries), shape=(sink + 1, sink + 1))
    return graph, source, sink
