"""Images cut or continued at their sides, so that their ends say little about the tumour's place.

Images of a collection may end at a fixed distance from the tumour: then the ellipsoid in the middle
of each is a good segmentation, and a network that learns the distance is one too, without having
seen a tumour. Training and test therefore move every side by an amount of its own.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oncotrace.imaging.crop import Box

_Scalar = TypeVar("_Scalar", bound=np.generic)

KEPT_MM = 10.0
"""A side is never moved nearer to the outline than this, if it was farther away before."""


def random_sides_mm(largest_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """How far each side is moved outwards, shape (3, 2): axes z, y, x, first and last side.

    Evenly drawn; negative amounts crop, positive ones pad.
    """
    return rng.uniform(-largest_mm, largest_mm, (3, 2))


def moved_sides(
    inside: NDArray[np.bool_],
    spacing_zyx_mm: tuple[float, float, float],
    sides_mm: NDArray[np.float64],
) -> Box:
    """Box of whole voxels with the sides moved; it may begin below 0 and end beyond the grid.

    Parameters
    ----------
    inside
        Outline [z, y, x], which stays whole, with `KEPT_MM` around where the image has as much.
    sides_mm
        Shape (3, 2), outwards; see `random_sides_mm`.
    """
    start, size = [], []
    for axis, spacing_mm in enumerate(spacing_zyx_mm):
        others = tuple(other for other in range(3) if other != axis)
        occupied = np.flatnonzero(inside.any(axis=others))
        length = inside.shape[axis]
        free = (occupied[0], length - 1 - occupied[-1]) if len(occupied) else (length // 2 - 1,) * 2
        low, high = (
            max(round(mm / spacing_mm), -max(0, room - int(np.ceil(KEPT_MM / spacing_mm))))
            for mm, room in zip(sides_mm[axis], free, strict=True)
        )
        start.append(-low)
        size.append(length + low + high)
    z, y, x = (int(n) for n in start)
    nz, ny, nx = (int(n) for n in size)
    return Box((x, y, z), (nx, ny, nz))


def recropped(voxels: NDArray[_Scalar], box: Box, *, continued: bool = True) -> NDArray[_Scalar]:
    """Voxels [z, y, x] of a box that may go beyond the array.

    Parameters
    ----------
    continued
        Whether the outermost voxels are repeated beyond the array, or zeros stand there.
    """
    begin = np.array(box.start_xyz[::-1])
    end = begin + box.size_xyz[::-1]
    low = np.maximum(-begin, 0)
    high = np.maximum(end - voxels.shape, 0)
    z, y, x = (
        slice(max(0, first), min(n, last))
        for first, last, n in zip(begin, end, voxels.shape, strict=True)
    )
    margins = tuple(zip(low, high, strict=True))
    part = voxels[z, y, x]
    return np.pad(part, margins, mode="edge") if continued else np.pad(part, margins)
