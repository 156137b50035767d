"""Distance from places of a grid to the nearest of others."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree


def nearest_mm(
    from_places: NDArray[np.bool_],
    to_places: NDArray[np.bool_],
    spacing_zyx_mm: tuple[float, float, float],
) -> NDArray[np.float64]:
    """Distance of each place of one array to the nearest of another, infinite if it has none.

    Parameters
    ----------
    from_places, to_places
        [z, y, x], of one shape; places are where they are true.

    Returns
    -------
    numpy.ndarray
        Shape (n,), in mm along the grid's axes: of the places of ``from_places`` in the order in
        which indexing by it takes them.
    """
    distance_mm = np.zeros(int(np.count_nonzero(from_places)))
    is_apart = ~to_places[from_places]
    distance_mm[is_apart] = _nearest_point_mm(
        np.argwhere(from_places & ~to_places) * np.asarray(spacing_zyx_mm),
        np.argwhere(to_places) * np.asarray(spacing_zyx_mm),
    )
    return distance_mm


def _nearest_point_mm(
    from_mm: NDArray[np.float64], to_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    if not len(to_mm):
        return np.full(len(from_mm), np.inf)
    tree = KDTree(to_mm, balanced_tree=False, compact_nodes=False)  # built twice as fast
    distance_mm, _ = tree.query(from_mm)
    return np.asarray(distance_mm, dtype=np.float64)
