"""Polygons to pixels: even-odd filling, decided in integers so that rounding cannot turn a pixel.

Vertices are moved to the nearest multiple of 2**-20 pixel (a nanometre on a millimetre grid) before
anything is compared. That takes back the rounding (about 1e-12 pixel) by which a transformation
between millimetres and pixels moves an edge off a pixel centre; everything after it is exact.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import InputError

UNITS_PER_PIXEL = 1 << 20
FARTHEST_PIXEL = 1 << 20  # beyond it the products below could leave 64 bits


def fill_even_odd(
    polygons: Sequence[NDArray[np.float64]], shape_yx: tuple[int, int]
) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside an odd number of the closed polygons.

    Pixel (column x, row y) has its centre at the point (x, y). A centre on an edge belongs to the
    polygon that lies on its larger x (on a horizontal edge: larger y) side, so that of two polygons
    that share an edge exactly one owns it. Holes, islands in them, keyholes and several polygons
    need no order and no orientation.

    Parameters
    ----------
    polygons
        Vertices (n, 2) as fractional pixel indices (x, y); the last is joined to the first.
    shape_yx
        Number of rows and columns.

    Returns
    -------
    NDArray[np.bool_]
        The filled pixels [y, x].

    Raises
    ------
    InputError
        A vertex is not finite or more than 2**20 pixels away from pixel (0, 0).
    """
    filled = np.zeros(shape_yx, dtype=np.bool_)
    starts, ends = _edges([_snapped(polygon) for polygon in polygons if len(polygon)])
    rows, columns = _crossings(starts, ends, shape_yx[0])
    columns = np.clip(columns, 0, shape_yx[1])
    right = columns.max(initial=0)  # nothing is filled from the last crossing on
    opens = columns < right
    rows, columns = rows[opens], columns[opens]
    if not rows.size:
        return filled
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), right)
    part = filled[box]
    flat = (rows - box[0].start) * part.shape[1] + (columns - box[1].start)
    toggles = np.bincount(flat, minlength=part.size).reshape(part.shape) & 1
    np.bitwise_xor.accumulate(toggles.astype(np.bool_), axis=1, out=part)
    return filled


def _snapped(polygon: NDArray[np.float64]) -> NDArray[np.int64]:
    """Vertices in whole units of 1 / UNITS_PER_PIXEL pixel."""
    # Written so that NaN fails as well.
    if not bool((np.abs(polygon) <= FARTHEST_PIXEL).all()):
        raise InputError(
            f"a polygon has a vertex that is not finite or more than {FARTHEST_PIXEL} pixels away.",
            code="polygon-too-far",
        )
    return np.rint(np.asarray(polygon, dtype=np.float64) * UNITS_PER_PIXEL).astype(np.int64)


def _edges(polygons: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and ends (n, 2) of all edges that are not horizontal, upwards in y."""
    starts = np.concatenate([np.empty((0, 2), np.int64), *polygons])
    ends = np.concatenate([np.empty((0, 2), np.int64), *(np.roll(p, -1, axis=0) for p in polygons)])
    slanted = starts[:, 1] != ends[:, 1]
    starts, ends = starts[slanted], ends[slanted]
    falls = (starts[:, 1] > ends[:, 1])[:, np.newaxis]
    return np.where(falls, ends, starts), np.where(falls, starts, ends)


def _crossings(
    starts: NDArray[np.int64], ends: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row, and first column at or right of the crossing, of each crossing of an edge and a row.

    An edge crosses the rows y with y_start <= y < y_end. The crossing of row ``first + n`` is
    reached from that of the edge's first row in whole steps and remainders: the products stay below
    2**63, where the plain formula's would not.
    """
    (dx, dy), unit = (ends - starts).T, UNITS_PER_PIXEL
    first = _ceil_pixels(starts[:, 1])
    seen_first = np.clip(first, 0, height)
    n_rows = np.maximum(np.clip(_ceil_pixels(ends[:, 1]), 0, height) - seen_first, 0)
    whole, remainder = np.divmod((first * unit - starts[:, 1]) * dx, dy)
    whole_step, remainder_step = np.divmod(unit * dx, dy)

    edge = np.repeat(np.arange(len(starts)), n_rows)
    begins = np.cumsum(n_rows) - n_rows
    rows = np.arange(len(edge)) - begins[edge] + seen_first[edge]
    n = rows - first[edge]
    carried = -(-(remainder[edge] + n * remainder_step[edge]) // dy[edge])
    x = starts[edge, 0] + whole[edge] + n * whole_step[edge] + carried
    return rows, _ceil_pixels(x)


def _ceil_pixels(units: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(-(-units // UNITS_PER_PIXEL), dtype=np.int64)
