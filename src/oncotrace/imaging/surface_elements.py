"""The surface of a mask as small pieces between its voxels, each with its area."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.imaging.surface_areas import CORNERS

_RING = ((0, 0), (0, 1), (1, 1), (1, 0))  # corners of one side of a cell, in turn
_MOST_PIECES = 4  # single corners, none a neighbour of another

_Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class SurfaceElements:
    """Pieces of a surface, one for each cell of 2 x 2 x 2 voxels that the surface crosses.

    ``position_mm`` are the middles of these cells, shape (n, 3) [z, y, x] along the grid's axes;
    ``area_mm2`` is the area of the surface within each.
    """

    position_mm: NDArray[np.float64]
    area_mm2: NDArray[np.float64]


def surface_elements(mask: Mask) -> SurfaceElements:
    """Surface of a mask by marching cubes at level one half, cell by cell.

    The area of a piece is the length of its vector area, which its border decides alone: exact for
    flat pieces, a little less than any way of cutting a bent one into triangles. Voxels that
    touch along an edge or at a corner only are separate. Beyond the grid lies background. Where two
    masks are compared, `oncotrace.imaging.surface_areas` gives the areas instead.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    Lorensen and Cline, SIGGRAPH 1987, doi:10.1145/37402.37422.
    """
    box = mask.box_zyx()
    code = cell_codes(mask.voxels[box])
    is_crossed = is_on_surface(code)
    spacing_mm = mask.geometry.spacing_zyx_mm
    # The cell that ends at the first voxel of the box lies half a voxel before it.
    index_zyx = np.argwhere(is_crossed) + [axis.start - 0.5 for axis in box]
    face_mm2 = mask.geometry.voxel_volume_mm3 / np.asarray(spacing_mm)
    vector_mm2 = _vector_areas() * face_mm2
    area_of_code_mm2 = np.linalg.norm(vector_mm2, axis=-1).sum(axis=-1)
    return SurfaceElements(index_zyx * spacing_mm, area_of_code_mm2[code[is_crossed]])


def cell_codes(voxels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Which of the eight voxels of each cell of 2 x 2 x 2 are set, a bit for each.

    Cells reach half a voxel beyond the array, where lies background: one more along each axis than
    there are voxels. Cell [k, j, i] lies between the voxels [k - 1, j - 1, i - 1] and [k, j, i].
    """
    padded = np.pad(voxels, 1).astype(np.uint8)
    code = np.zeros([size - 1 for size in padded.shape], dtype=np.uint8)
    for bit, corner in enumerate(CORNERS):
        here = tuple(slice(i, i + n) for i, n in zip(corner, code.shape, strict=True))
        code |= padded[here] << bit
    return code


def is_on_surface(code: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether some, but not all voxels of a cell are set."""
    return np.asarray((code != 0) & (code != 255))


@cache
def _vector_areas() -> NDArray[np.float64]:
    """Vector areas [z, y, x] of the pieces in a cell of unit size, by code, shape (256, 4, 3)."""
    areas = np.zeros((256, _MOST_PIECES, 3))
    for code in range(256):
        is_set: dict[tuple[int, ...], bool] = {
            corner: bool(code >> bit & 1) for bit, corner in enumerate(CORNERS)
        }
        for piece, border in enumerate(_closed_borders(_border_segments(is_set))):
            ends = np.asarray(border)
            areas[code, piece] = np.cross(ends, np.roll(ends, -1, axis=0)).sum(axis=0) / 2
    return areas


def _border_segments(is_set: dict[tuple[int, ...], bool]) -> list[tuple[_Point, _Point]]:
    """Lines in which the surface meets the six sides of a cell, by marching squares."""
    segments = []
    for axis, side in product(range(3), (0, 1)):
        ring = [(*around[:axis], side, *around[axis:]) for around in _RING]
        middles = {
            place: _middle(corner, ring[(place + 1) % 4])
            for place, corner in enumerate(ring)
            if is_set[corner] != is_set[ring[(place + 1) % 4]]
        }
        if len(middles) == 2:
            first, second = middles.values()
            segments.append((first, second))
        elif len(middles) == 4:  # cut off each of the two set corners
            set_places = [place for place, corner in enumerate(ring) if is_set[corner]]
            segments += [(middles[(place - 1) % 4], middles[place]) for place in set_places]
    return segments


def _closed_borders(segments: list[tuple[_Point, _Point]]) -> list[list[_Point]]:
    """Join segments into closed lines; every point is an end of exactly two segments."""
    waiting = list(segments)
    borders = []
    while waiting:
        start, end = waiting.pop()
        border = [start]
        while end != start:
            border.append(end)
            onward = next(segment for segment in waiting if end in segment)
            waiting.remove(onward)
            end = onward[1] if onward[0] == end else onward[0]
        borders.append(border)
    return borders


def _middle(corner: tuple[int, ...], other: tuple[int, ...]) -> _Point:
    z, y, x = ((a + b) / 2 for a, b in zip(corner, other, strict=True))
    return z, y, x
