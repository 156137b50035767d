"""Laws of even-odd filling, against exact rationals."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.imaging.exact_fill import exact_fill

from oncotrace.imaging.polygon_fill import UNITS_PER_PIXEL, fill_even_odd

SHAPE = (7, 9)
Vertices = list[tuple[float, float]]

# Whole and half numbers put edges and corners on pixel centres, where fillings go wrong.
_coordinates = st.one_of(
    st.integers(-3, 12).map(float),
    st.integers(-6, 24).map(lambda n: n / 2),
    st.floats(-4, 13),
    st.floats(-1e6, 1e6),
)
_vertices = st.lists(st.tuples(_coordinates, _coordinates), min_size=3, max_size=9)
_polygons = st.lists(_vertices, min_size=1, max_size=4)


def fill(polygons: list[Vertices], shape_yx: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    return fill_even_odd([np.array(vertices) for vertices in polygons], shape_yx)


def snapped(value: float) -> Fraction:
    """Nearest multiple of the documented unit, computed without floating point."""
    return Fraction(round(Fraction(value) * UNITS_PER_PIXEL), UNITS_PER_PIXEL)


@given(_polygons)
def test_filling_agrees_with_exact_rationals(polygons: list[Vertices]) -> None:
    exact = [[(snapped(x), snapped(y)) for x, y in vertices] for vertices in polygons]
    np.testing.assert_array_equal(fill(polygons), exact_fill(exact, SHAPE))


@given(_polygons, st.data())
def test_start_point_and_orientation_do_not_matter(
    polygons: list[Vertices], data: st.DataObject
) -> None:
    turned = []
    for vertices in polygons:
        start = data.draw(st.integers(0, len(vertices) - 1))
        step = data.draw(st.sampled_from([1, -1]))
        turned.append((vertices[start:] + vertices[:start])[::step])
    order = data.draw(st.permutations(turned))
    np.testing.assert_array_equal(fill(list(order)), fill(polygons))


@given(_polygons, st.integers(-5, 5), st.integers(-5, 5))
def test_moving_by_whole_pixels_moves_the_mask(polygons: list[Vertices], dx: int, dy: int) -> None:
    snapped_polygons = [[(float(snapped(x)), float(snapped(y))) for x, y in v] for v in polygons]
    moved = [[(x + dx, y + dy) for x, y in vertices] for vertices in snapped_polygons]
    margin = 5
    wide = [[(x + margin, y + margin) for x, y in vertices] for vertices in snapped_polygons]
    large = fill(wide, (SHAPE[0] + 2 * margin, SHAPE[1] + 2 * margin))
    window = large[margin - dy :, margin - dx :][: SHAPE[0], : SHAPE[1]]
    np.testing.assert_array_equal(fill(moved), window)


@given(_vertices, st.data())
def test_parts_of_a_cut_polygon_add_up_to_it(vertices: Vertices, data: st.DataObject) -> None:
    """A chord and any path between two vertices cut a polygon in parts whose masks add up."""
    i, j = sorted(data.draw(st.sets(st.integers(0, len(vertices) - 1), min_size=2, max_size=2)))
    path = data.draw(st.lists(st.tuples(_coordinates, _coordinates), max_size=4))
    one = vertices[i : j + 1] + path
    other = vertices[j:] + vertices[: i + 1] + path[::-1]
    np.testing.assert_array_equal(fill([one]) ^ fill([other]), fill([vertices]))


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6, unique=True), st.data())
def test_strips_that_share_edges_own_every_pixel_once(cuts: list[int], data: st.DataObject) -> None:
    """Strips of a rectangle between slanted cuts: no pixel is owned twice, none is lost."""
    left, right = -0.5, SHAPE[1] - 0.5
    tops = [left, *sorted(cuts), right]
    slants = [data.draw(st.floats(0, 1)) for _ in cuts]
    bottoms = [left, *(x + slant for x, slant in zip(sorted(cuts), slants, strict=True)), right]
    bottoms = [*np.maximum.accumulate(bottoms[:-1]).tolist(), right]
    owners = np.zeros(SHAPE, dtype=int)
    for a in range(len(tops) - 1):
        strip = [(tops[a], -1.0), (tops[a + 1], -1.0), (bottoms[a + 1], 8.0), (bottoms[a], 8.0)]
        owners += fill([strip])
    np.testing.assert_array_equal(owners, np.ones(SHAPE, dtype=int))
