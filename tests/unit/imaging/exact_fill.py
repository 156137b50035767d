"""An independent second opinion: point in polygon in exact rationals, one pixel at a time."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Point = tuple[Fraction | int, Fraction | int]


def exact_fill(polygons: Sequence[Sequence[Point]], shape_yx: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre, moved right and down by a trace, is enclosed an odd number of times.

    The shift is (e, e**2) for a vanishing e: a centre on an edge goes to the side of larger x, on a
    horizontal edge to the side of larger y.
    """
    height, width = shape_yx
    return np.array(
        [[_is_inside(polygons, x, y) for x in range(width)] for y in range(height)], dtype=np.bool_
    ).reshape(shape_yx)


def _is_inside(polygons: Sequence[Sequence[Point]], x: int, y: int) -> bool:
    """Parity of the edges that a ray from the shifted centre towards smaller x meets."""
    met = 0
    for polygon in polygons:
        for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
            if (y0 <= y) != (y1 <= y):  # one end above the ray, which runs a trace below y
                crossing = Fraction(x0) + Fraction(y - y0) * Fraction(x1 - x0) / Fraction(y1 - y0)
                met += crossing <= x
    return met % 2 == 1
