"""Area of the surface in a cell of 2 x 2 x 2 voxels, as the surface Dice was published with it."""

from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int, int]

CORNERS: tuple[Corner, ...] = tuple((z, y, x) for z, y, x in product((0, 1), repeat=3))
"""The eight voxels of a cell [z, y, x]; a cell's code has a bit for each, in this order."""

_MOST_PIECES = 3

# The thirteen ways in which a surface crosses a cell, up to turning it, mirroring it and swapping
# inside and outside: which corners are set, and the sizes of the pieces' vector areas [z, y, x] in
# eighths of a unit cell's side. Pieces that lie in one plane are joined.
_CASES: tuple[tuple[tuple[int, ...], tuple[Corner, ...]], ...] = (
    ((0,), ((1, 1, 1),)),
    ((0, 1), ((4, 4, 0),)),
    ((1, 2), ((2, 2, 2),)),
    ((0, 1, 2), ((4, 0, 0), (3, 3, 3))),
    ((0, 1, 2, 3), ((8, 0, 0),)),
    ((1, 2, 4), ((3, 3, 3),)),
    ((0, 1, 2, 4), ((6, 6, 6),)),
    ((3, 4), ((2, 2, 2),)),
    ((0, 3, 4), ((0, 4, 4), (1, 1, 1))),
    ((0, 1, 3, 4), ((4, 4, 4), (0, 2, 2), (2, 0, 2))),
    ((1, 2, 3, 4), ((4, 0, 0), (4, 4, 4))),
    ((2, 3, 4, 5), ((8, 8, 0),)),
    ((0, 3, 5, 6), ((4, 4, 4),)),
)


def areas_by_code_mm2(spacing_zyx_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Area of the surface in a cell, for each of the 256 codes; none in an empty or a full one.

    These are the areas of the reference implementation, so that its surface Dice and its
    percentiles, which weigh by area, come out the same. They do not change when the cell is
    turned, mirrored, or its inside and outside are swapped. Around a tumour they sum to some 3 %
    more than those of `oncotrace.imaging.surface_elements.surface_elements`, which spans bent
    pieces tighter.

    References
    ----------
    Nikolov et al., J Med Internet Res 2021;23:e26151, doi:10.2196/26151; its program
    surface-distance 0.1 (DeepMind, Apache-2.0), ``lookup_tables.py``.
    Lorensen and Cline, SIGGRAPH 1987, doi:10.1145/37402.37422.
    """
    z, y, x = spacing_zyx_mm
    side_mm2 = np.array([y * x, z * x, z * y])
    areas: NDArray[np.float64] = np.linalg.norm(_vector_areas() * side_mm2, axis=-1).sum(axis=-1)
    return areas


@cache
def _vector_areas() -> NDArray[np.float64]:
    """Sizes of the vector areas [z, y, x] of a unit cell's pieces, by code, shape (256, 3, 3)."""
    areas = np.zeros((256, _MOST_PIECES, 3))
    for set_corners, eighths in _CASES:
        for order in permutations(range(3)):
            pieces = np.array(eighths)[:, order] / 8
            for flip in product((0, 1), repeat=3):
                code = _code_of([_moved(CORNERS[bit], order, flip) for bit in set_corners])
                areas[[code, 255 - code]] = 0
                areas[[code, 255 - code], : len(pieces)] = pieces
    return areas


def _moved(corner: Corner, order: tuple[int, ...], flip: tuple[int, ...]) -> Corner:
    z, y, x = (corner[axis] ^ side for axis, side in zip(order, flip, strict=True))
    return z, y, x


def _code_of(corners: list[Corner]) -> int:
    return sum(1 << CORNERS.index(corner) for corner in corners)
