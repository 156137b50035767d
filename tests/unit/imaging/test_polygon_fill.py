"""Even-odd filling on small grids whose answer can be read off."""

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import InputError
from oncotrace.imaging.polygon_fill import FARTHEST_PIXEL, fill_even_odd


def polygon(*vertices: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(vertices, dtype=np.float64)


def box(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float64]:
    return polygon((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def drawn(*rows: str) -> NDArray[np.bool_]:
    return np.array([[cell == "#" for cell in row] for row in rows])


def assert_fills(polygons: list[NDArray[np.float64]], expected: NDArray[np.bool_]) -> None:
    height, width = expected.shape
    np.testing.assert_array_equal(fill_even_odd(polygons, (height, width)), expected)


def test_outline_on_pixel_edges_fills_exactly_those_pixels() -> None:
    assert_fills([box(0.5, 0.5, 3.5, 2.5)], drawn(".....", ".###.", ".###.", "....."))


def test_centre_on_an_edge_belongs_to_the_larger_x_and_y() -> None:
    assert_fills([box(1, 1, 3, 2)], drawn(".....", ".##..", ".....", "....."))


def test_centre_on_a_slanted_edge_belongs_to_one_of_two_triangles() -> None:
    lower = polygon((0, 0), (4, 4), (0, 4))
    upper = polygon((0, 0), (4, 0), (4, 4))
    assert_fills([lower], drawn("....", "#...", "##..", "###."))
    assert_fills([upper], drawn("####", ".###", "..##", "...#"))


def test_inner_outline_is_a_hole_and_an_outline_in_it_an_island() -> None:
    nested = [box(-0.5, -0.5, 6.5, 4.5), box(0.5, 0.5, 5.5, 3.5), box(2.5, 1.5, 3.5, 2.5)]
    expected = drawn("#######", "#.....#", "#..#..#", "#.....#", "#######")
    assert_fills(nested, expected)
    assert_fills(nested[::-1], expected)


def test_keyhole_is_a_hole_whose_seam_leaves_no_trace() -> None:
    # The seam runs through pixel centres from (0, 2) to (2, 2) and back.
    keyhole = polygon(
        (0, 0),
        (7, 0),
        (7, 5),
        (0, 5),
        (0, 2),
        (2, 2),
        (2, 4),
        (5, 4),
        (5, 1),
        (2, 1),
        (2, 2),
        (0, 2),
    )
    assert_fills([keyhole], drawn("#######", "##...##", "##...##", "##...##", "#######"))


def test_separate_outlines_are_all_filled() -> None:
    assert_fills(
        [box(-0.5, -0.5, 0.5, 0.5), box(3.5, 1.5, 4.5, 2.5)], drawn("#....", ".....", "....#")
    )


def test_crossing_outline_is_filled_even_odd() -> None:
    bow_tie = polygon((0, 0), (6, 4), (6, 0), (0, 4))
    assert_fills([bow_tie], drawn("......", "##...#", "######", "##...#"))


@pytest.mark.parametrize(
    ("outline", "expected"),
    [
        (box(-9, -9, 1.5, 1.5), drawn("##..", "##..", "....")),
        (box(1.5, 0.5, 99, 99), drawn("....", "..##", "..##")),
        (box(-9, 0.5, 99, 1.5), drawn("....", "####", "....")),
        (box(-9, -9, 99, 99), drawn("####", "####", "####")),
        (box(4, 0, 9, 3), drawn("....", "....", "....")),
        (box(-9, 0, -1, 3), drawn("....", "....", "....")),
        (box(0, 3, 4, 9), drawn("....", "....", "....")),
        (box(0, -9, 4, 0), drawn("....", "....", "....")),
    ],
)
def test_outline_is_clipped_at_the_grid(outline: ArrayLike, expected: NDArray[np.bool_]) -> None:
    assert_fills([np.asarray(outline)], expected)


def test_columns_beyond_the_row_count_are_filled() -> None:
    filled = fill_even_odd([box(20.5, 0.5, 23.5, 2.5)], (4, 30))
    assert list(zip(*np.nonzero(filled), strict=True)) == [
        (y, x) for y in (1, 2) for x in (21, 22, 23)
    ]


def test_rows_beyond_the_column_count_are_filled() -> None:
    filled = fill_even_odd([box(0.5, 20.5, 2.5, 22.5)], (30, 4))
    assert list(zip(*np.nonzero(filled), strict=True)) == [(y, x) for y in (21, 22) for x in (1, 2)]


def test_rounding_of_a_transformation_turns_no_pixel() -> None:
    outline = polygon((1, 1), (6, 1), (8, 5), (4, 9), (1, 5))
    expected = fill_even_odd([outline], (10, 10))
    rng = np.random.default_rng(7)
    for _ in range(50):
        noisy = outline + rng.uniform(-1e-7, 1e-7, outline.shape)
        np.testing.assert_array_equal(fill_even_odd([noisy], (10, 10)), expected)


def test_edge_of_a_million_pixels_is_still_exact() -> None:
    far = float(FARTHEST_PIXEL)
    filled = fill_even_odd([polygon((-far, -far), (far, far), (-far, far))], (64, 64))
    np.testing.assert_array_equal(filled, np.tri(64, k=-1, dtype=np.bool_))


@pytest.mark.parametrize(
    "polygons",
    [
        [],
        [np.empty((0, 2))],
        [polygon((1, 1))],
        [polygon((0, 0), (3, 3))],
        [polygon((0, 1), (2, 1), (3, 1))],
    ],
)
def test_what_encloses_no_area_fills_nothing(polygons: list[NDArray[np.float64]]) -> None:
    assert not fill_even_odd(polygons, (4, 5)).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0 * FARTHEST_PIXEL, 1e300])
def test_vertex_that_is_nowhere_near_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="vertex that is not finite or more than 1048576 pixels"):
        fill_even_odd([polygon((0, 0), (bad, 1), (2, 2))], (4, 4))
