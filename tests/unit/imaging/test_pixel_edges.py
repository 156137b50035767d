"""Outlines on pixel edges: what they enclose is exactly what they were drawn around."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from oncotrace.imaging.pixel_edges import closed_outlines, keyhole_outlines
from oncotrace.imaging.polygon_fill import fill_even_odd

Area = NDArray[np.bool_]
Polygon = NDArray[np.float64]
Edge = tuple[tuple[float, float], tuple[float, float]]

both = pytest.mark.parametrize("outlines", [closed_outlines, keyhole_outlines])


@st.composite
def areas(draw: st.DrawFn) -> Area:
    """Sparse and dense areas of up to 8 x 8 pixels."""
    pixels = np.unpackbits(np.frombuffer(draw(st.binary(min_size=8, max_size=8)), np.uint8))
    height, width = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    area = pixels.reshape(8, 8)[:height, :width] == 1
    return ~area if draw(st.booleans()) else area


def drawn(*rows: str) -> Area:
    return np.array([[cell == "#" for cell in row] for row in rows])


def filled(polygons: Sequence[Polygon], area: Area) -> Area:
    height, width = area.shape
    return fill_even_odd([polygon[:, ::-1] for polygon in polygons], (height, width))


def wound(polygons: Sequence[Polygon], area: Area) -> NDArray[np.int64]:
    """How often the polygons run counterclockwise around each pixel centre, as slices are shown."""
    steps = np.zeros((area.shape[0], area.shape[1] + 1), dtype=np.int64)
    for polygon in polygons:
        corners = (polygon + 0.5).astype(np.int64).tolist()
        for (row, column), (next_row, _) in zip(corners, corners[1:] + corners[:1], strict=True):
            steps[row:next_row, column] += 1
            steps[next_row:row, column] -= 1
    return np.cumsum(steps, axis=1)[:, :-1]


def signed_area(polygon: Polygon) -> float:
    """Number of pixels enclosed, negative where the polygon runs clockwise as slices are shown."""
    row, column = polygon.T
    return float(row @ np.roll(column, -1) - column @ np.roll(row, -1)) / 2


def unit_edges(polygon: Polygon) -> list[Edge]:
    """Edges between pixels that a polygon passes, without direction, as often as it does."""
    edges = []
    corners = points(polygon)
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        (row, column), (last_row, last_column) = sorted((start, end))
        while (row, column) != (last_row, last_column):
            following = (row + 1, column) if row < last_row else (row, column + 1)
            edges.append(((row, column), following))
            row, column = following
    return edges


def pieces(area: Area) -> list[Area]:
    labels, number = ndimage.label(area)
    return [labels == label for label in range(1, number + 1)]


def points(polygon: Polygon) -> list[tuple[float, float]]:
    return [(row, column) for row, column in polygon.tolist()]


def test_one_pixel_is_a_square_of_its_corners_counterclockwise() -> None:
    (square,) = closed_outlines(drawn("...", "..#"))
    corners = points(square)
    first = corners.index((0.5, 1.5))  # the upper left one, after which it runs down
    assert corners[first:] + corners[:first] == [(0.5, 1.5), (1.5, 1.5), (1.5, 2.5), (0.5, 2.5)]


def test_hole_runs_clockwise_inside_of_an_outline_of_its_own() -> None:
    outer, hole = closed_outlines(drawn("####", "#..#", "####"))
    assert signed_area(outer) == 12
    assert signed_area(hole) == -2
    assert set(points(hole)) == {(0.5, 0.5), (0.5, 2.5), (1.5, 0.5), (1.5, 2.5)}


@both
def test_empty_area_has_no_outline(outlines: Callable[[Area], list[Polygon]]) -> None:
    assert outlines(np.zeros((4, 5), dtype=np.bool_)) == []


@both
def test_full_area_is_outlined_along_the_border(outlines: Callable[[Area], list[Polygon]]) -> None:
    (border,) = outlines(np.ones((3, 4), dtype=np.bool_))
    assert set(points(border)) == {(-0.5, -0.5), (-0.5, 3.5), (2.5, -0.5), (2.5, 3.5)}


@pytest.mark.parametrize("area", [drawn("#.", ".#"), drawn(".#", "#.")])
def test_pixels_that_touch_at_a_corner_have_outlines_of_their_own(area: Area) -> None:
    assert [signed_area(polygon) for polygon in closed_outlines(area)] == [1, 1]


@pytest.mark.parametrize(
    "area", [drawn("###", "#.#", "##."), drawn("###", "#.#", ".##"), drawn(".##", "#.#", "###")]
)
def test_ring_that_closes_at_a_corner_is_an_outline_and_a_hole_that_touch(area: Area) -> None:
    outer, hole = sorted(closed_outlines(area), key=signed_area, reverse=True)
    assert (signed_area(outer), signed_area(hole)) == (8, -1)
    assert len(set(points(outer)) & set(points(hole))) == 1


@settings(deadline=None)
@given(areas())
def test_filling_the_outlines_gives_the_area_back(area: Area) -> None:
    outlines = closed_outlines(area)
    np.testing.assert_array_equal(filled(outlines, area), area)
    np.testing.assert_array_equal(wound(outlines, area), area)


@settings(deadline=None)
@given(areas())
def test_no_outline_visits_a_point_twice_and_all_turn_at_every_vertex(area: Area) -> None:
    for outline in closed_outlines(area):
        passed = [start for edge in unit_edges(outline) for start in edge]
        assert set(Counter(passed).values()) == {2}  # an end of two edges each
        steps = np.roll(outline, -1, axis=0) - outline
        assert ((steps == 0).sum(axis=1) == 1).all()  # along a row or along a column
        assert ((steps * np.roll(steps, -1, axis=0)).sum(axis=1) == 0).all()


@settings(deadline=None)
@given(areas())
def test_every_piece_of_pixels_that_share_edges_has_one_outer_boundary(area: Area) -> None:
    sizes = [signed_area(outline) for outline in closed_outlines(area)]
    assert sum(size > 0 for size in sizes) == len(pieces(area))
    assert sum(sizes) == area.sum()


@settings(deadline=None)
@given(areas())
def test_no_edge_is_in_two_outlines(area: Area) -> None:
    passed = Counter(edge for outline in closed_outlines(area) for edge in unit_edges(outline))
    assert set(passed.values()) <= {1}


def test_keyhole_goes_up_from_the_hole_and_comes_back_the_same_way() -> None:
    (outline,) = keyhole_outlines(drawn("####", "####", "#.##", "####"))
    corners = points(outline)
    first = corners.index((-0.5, 0.5))
    assert corners[first:] + corners[:first] == [
        (-0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (2.5, 1.5), (2.5, 0.5), (1.5, 0.5),
        (-0.5, 0.5), (-0.5, -0.5), (3.5, -0.5), (3.5, 3.5), (-0.5, 3.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "area",
    [
        drawn("#####", "#.#.#", "#####", "#.#.#", "#####"),
        drawn("#####", "#...#", "#.#.#", "#...#", "#####"),
        drawn("#####", "#.###", "##.##", "###.#", "#####"),
        drawn("#####", "###.#", "##.##", "#.###", "#####"),
        drawn("###.", "#.##", "####", "##.#", "###.", "####"),
        drawn("#######", "##...##", "#######", "###.###", "###.###", "#######"),
    ],
    ids=["four holes", "island", "falling holes", "rising holes", "bays", "wide above narrow"],
)
def test_keyholes_are_one_polygon_for_every_piece(area: Area) -> None:
    outlines = keyhole_outlines(area)
    assert len(outlines) == len(pieces(area))
    np.testing.assert_array_equal(filled(outlines, area), area)


@settings(deadline=None)
@given(areas())
def test_every_keyhole_outline_encloses_one_piece_by_every_rule_of_filling(area: Area) -> None:
    found = keyhole_outlines(area)
    expected = {piece.tobytes() for piece in pieces(area)}
    assert {filled([outline], area).tobytes() for outline in found} == expected
    assert {(wound([outline], area) == 1).tobytes() for outline in found} == expected
    assert {int(count) for outline in found for count in np.unique(wound([outline], area))} <= {
        0,
        1,
    }
    assert sum(signed_area(outline) for outline in found) == area.sum()


@settings(deadline=None)
@given(areas())
def test_channels_lead_between_set_pixels_there_and_back(area: Area) -> None:
    boundary = {edge for outline in closed_outlines(area) for edge in unit_edges(outline)}
    passed = Counter(edge for outline in keyhole_outlines(area) for edge in unit_edges(outline))
    assert {edge for edge, times in passed.items() if times == 1} == boundary
    for edge in set(passed) - boundary:
        assert passed[edge] == 2
        (row, column), (_, other_column) = edge
        assert other_column == column
        beside = round(row + 0.5), round(column - 0.5)
        assert area[beside]
        assert area[beside[0], beside[1] + 1]


def test_thousands_of_holes_below_each_other_are_joined() -> None:
    area = np.ones((6001, 3), dtype=np.bool_)
    area[1::2, 1] = False
    (outline,) = keyhole_outlines(area)
    np.testing.assert_array_equal(filled([outline], area), area)
