import numpy as np
from numpy.typing import NDArray

from oncotrace.imaging.contour_parts import linked_pieces, parts_of, pieces_of

PIXEL_MM = (1.0, 2.0)


def slice_with(*columns: slice) -> NDArray[np.bool_]:
    area = np.zeros((6, 40), dtype=np.bool_)
    for column in columns:
        area[2:4, column] = True
    return area


def links(below: NDArray[np.bool_], above: NDArray[np.bool_], apart_mm: float) -> list[list[bool]]:
    found = linked_pieces(pieces_of(below), pieces_of(above), PIXEL_MM, apart_mm)
    return found.tolist()


def test_pieces_that_overlap_are_linked() -> None:
    below = slice_with(slice(0, 5), slice(20, 25))
    above = slice_with(slice(3, 8), slice(22, 27))
    assert links(below, above, 1.0) == [[True, False], [False, True]]


def test_one_piece_over_two_joins_both() -> None:
    below, above = slice_with(slice(0, 5), slice(20, 25)), slice_with(slice(2, 23))
    assert links(below, above, 1.0) == [[True], [True]]
    ((lower, upper),) = parts_of(linked_pieces(pieces_of(below), pieces_of(above), PIXEL_MM, 1.0))
    assert lower.tolist() == [True, True]
    assert upper.tolist() == [True]


def test_a_piece_on_its_own_is_linked_with_the_only_one_there_is_however_far() -> None:
    assert links(slice_with(slice(0, 5)), slice_with(slice(30, 35)), 1.0) == [[True]]


def test_a_piece_far_from_one_that_has_its_counterpart_ends() -> None:
    below, above = slice_with(slice(0, 5), slice(20, 25)), slice_with(slice(0, 5))
    assert links(below, above, 30.0) == [[True], [False]]  # 16 pixels of 2 mm
    assert links(below, above, 32.0) == [[True], [True]]
    parts = parts_of(linked_pieces(pieces_of(below), pieces_of(above), PIXEL_MM, 30.0))
    assert sorted((int(lower.sum()), int(upper.sum())) for lower, upper in parts) == [
        (1, 0),
        (1, 1),
    ]


def test_links_are_the_same_seen_from_above() -> None:
    below = slice_with(slice(0, 5), slice(12, 14), slice(30, 33))
    above = slice_with(slice(3, 8), slice(20, 22))
    there = linked_pieces(pieces_of(below), pieces_of(above), PIXEL_MM, 10.0)
    back = linked_pieces(pieces_of(above), pieces_of(below), PIXEL_MM, 10.0)
    np.testing.assert_array_equal(there, back.T)
