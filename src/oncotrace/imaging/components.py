"""Connected pieces of a binary volume and the holes in them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

_FACES_EDGES_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


def largest_component(voxels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Largest piece of voxels that touch by a face, an edge or a corner; empty stays empty.

    Of pieces of the same size, the one that comes first in [z, y, x] order.
    """
    labels, count = label(voxels, _FACES_EDGES_CORNERS)
    if count <= 1:
        return voxels
    sizes = np.bincount(labels.ravel())
    return np.asarray(labels == 1 + int(np.argmax(sizes[1:])))


def heaviest_component(
    voxels: NDArray[np.bool_], weights: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Piece of voxels with the greatest sum of weights; empty stays empty.

    Of pieces of the same sum, the one that comes first in [z, y, x] order.
    """
    labels, count = label(voxels, _FACES_EDGES_CORNERS)
    if count <= 1:
        return voxels
    sums = np.bincount(labels.ravel(), weights.ravel())
    return np.asarray(labels == 1 + int(np.argmax(sums[1:])))


def components_with(voxels: NDArray[np.bool_], seeds_zyx: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Pieces that hold a seed; the largest piece if none does.

    Parameters
    ----------
    seeds_zyx
        Voxel indices, shape (n, 3).
    """
    labels, count = label(voxels, _FACES_EDGES_CORNERS)
    wanted = np.zeros(count + 1, dtype=np.bool_)
    wanted[labels[tuple(seeds_zyx.T)]] = True
    wanted[0] = False
    return wanted[labels] if wanted.any() else largest_component(voxels)


def filled(voxels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels together with the holes that they enclose.

    A hole is background that no path over faces joins to the edge of the volume.
    """
    labels, _ = label(~voxels)
    outside = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.bool_)
    for axis in range(3):
        for end in (0, -1):
            outside[labels.take(end, axis=axis)] = True
    outside[0] = False
    return ~outside[labels]
