import numpy as np
import pytest

from oncotrace.imaging.outline import outline_segments


def test_one_pixel_has_a_diamond_through_the_middles_of_its_edges() -> None:
    segments = outline_segments(np.array([[False, False], [False, True]]))
    ends = {tuple(point) for segment in segments for point in segment}
    assert len(segments) == 4
    assert ends == {(0.5, 1.0), (1.5, 1.0), (1.0, 0.5), (1.0, 1.5)}


def test_empty_slice_has_no_outline() -> None:
    assert outline_segments(np.zeros((4, 5), dtype=bool)).shape == (0, 2, 2)


def test_outline_at_the_edge_of_the_array_is_closed() -> None:
    segments = outline_segments(np.ones((3, 4), dtype=bool))
    assert segments.min() == -0.5
    assert segments[..., 0].max() == 2.5
    assert segments[..., 1].max() == 3.5


@pytest.mark.parametrize("seed", range(5))
def test_every_end_is_shared_by_two_pieces_and_parts_set_from_unset(seed: int) -> None:
    area = np.random.default_rng(seed).random((9, 11)) < 0.5
    segments = outline_segments(area)
    ends, count = np.unique(segments.reshape(-1, 2), axis=0, return_counts=True)
    assert set(count) == {2}
    padded = np.pad(area, 1)
    for row, column in ends:
        low = padded[int(np.floor(row)) + 1, int(np.floor(column)) + 1]
        high = padded[int(np.ceil(row)) + 1, int(np.ceil(column)) + 1]
        assert low != high


def test_pixels_that_touch_at_a_corner_share_one_outline() -> None:
    segments = outline_segments(np.eye(2, dtype=bool))
    # The cell between them joins (0, 0.5) to (0.5, 1) and (0.5, 0) to (1, 0.5), on either side
    # of the shared corner; cutting them apart would join (0, 0.5) to (0.5, 0).
    pieces = {frozenset(map(tuple, segment.tolist())) for segment in segments}
    assert frozenset({(0.0, 0.5), (0.5, 1.0)}) in pieces
    assert frozenset({(0.0, 0.5), (0.5, 0.0)}) not in pieces
