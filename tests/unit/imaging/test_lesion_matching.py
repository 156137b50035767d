import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError
from oncotrace.imaging.lesion_matching import (
    FollowedTimePoint,
    MatchingLimits,
    follow_lesions,
    separate_pieces,
)

GRID = Geometry((60, 50, 20), (1.0, 1.0, 2.0), (-30.0, -25.0, 100.0))
LIMITS = MatchingLimits()

Ball = tuple[float, float, float, float]
"""Centre x, y, z in voxels and radius in mm."""


def balls(*of: Ball, grid: Geometry = GRID) -> Mask:
    z, y, x = np.indices(grid.shape_zyx)
    voxels = np.zeros(grid.shape_zyx, dtype=bool)
    sx, sy, sz = grid.spacing_mm
    for cx, cy, cz, radius in of:
        distance = np.sqrt(((x - cx) * sx) ** 2 + ((y - cy) * sy) ** 2 + ((z - cz) * sz) ** 2)
        voxels |= distance <= radius
    return Mask(voxels, grid)


def names(time_point: FollowedTimePoint) -> list[str]:
    return [piece.name for piece in time_point.pieces]


def follow(*masks: Mask | None, limits: MatchingLimits = LIMITS) -> tuple[FollowedTimePoint, ...]:
    return follow_lesions(masks, limits=limits)


def test_pieces_come_apart_the_largest_first() -> None:
    mask = balls((10, 10, 10, 3), (30, 30, 10, 6), (50, 10, 10, 4))
    pieces = separate_pieces(mask)
    counts = [int(piece.voxels.sum()) for piece in pieces]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == mask.voxels.sum()
    together = np.zeros_like(mask.voxels)
    for piece in pieces:
        index = np.rint(
            GRID.to_index(piece.geometry.to_point_mm(np.argwhere(piece.voxels)[:, ::-1]))
        ).astype(int)
        together[tuple(index[:, ::-1].T)] = True
    np.testing.assert_array_equal(together, mask.voxels)


def test_empty_mask_has_no_piece() -> None:
    assert separate_pieces(balls()) == ()


def test_lesions_that_overlap_are_the_same() -> None:
    first, second = follow(
        balls((15, 15, 10, 5), (45, 30, 10, 7)), balls((16, 15, 10, 6), (44, 31, 10, 4))
    )
    assert names(first) == ["L1", "L2"]
    assert names(second) == ["L1", "L2"]
    assert second.pieces[0].mask.voxels.sum() < first.pieces[0].mask.voxels.sum()
    assert (second.new, second.vanished, dict(second.merged)) == ((), (), {})


def test_lesion_that_moved_is_found_again_by_distance() -> None:
    _, second = follow(balls((15, 15, 10, 3)), balls((27, 15, 10, 3)))
    assert names(second) == ["L1"]
    assert second.moved_mm == {"L1": pytest.approx(12.0)}


def test_lesion_too_far_away_is_another() -> None:
    _, second = follow(balls((10, 15, 10, 3)), balls((40, 15, 10, 3)))
    assert (names(second), second.new, second.vanished) == (["L2"], ("L2",), ("L1",))


def test_pairs_have_the_shortest_sum_of_distances() -> None:
    limits = MatchingLimits(farthest_mm=30)
    _, second = follow(
        balls((10, 10, 10, 4), (30, 10, 10, 3)),
        balls((20, 18, 10, 4), (39, 10, 10, 3)),
        limits=limits,
    )
    assert names(second) == ["L1", "L2"]
    assert second.moved_mm["L2"] == pytest.approx(9.0)


def test_lesion_that_splits_keeps_its_name_and_tells_of_its_fragments() -> None:
    _, second = follow(
        balls((20, 20, 10, 9)), balls((15, 20, 10, 4), (26, 20, 10, 3), (50, 40, 10, 3))
    )
    assert names(second) == ["L1", "L1b", "L2"]
    assert [piece.split_from for piece in second.pieces] == ["", "L1", ""]
    assert second.new == ("L2",)


def test_lesions_that_merge_are_told_and_stay_so() -> None:
    one = balls((20, 20, 10, 6), (34, 20, 10, 5))
    merged = balls((20, 20, 10, 7), (34, 20, 10, 7))
    assert len(separate_pieces(merged)) == 1
    _, second, third = follow(one, merged, one)
    assert names(second) == ["L1"]
    assert dict(second.merged) == {"L2": "L1"}
    assert names(third) == ["L1", "L1b"]
    assert dict(third.merged) == {"L2": "L1"}
    assert third.vanished == ()


def test_lesion_merged_into_one_that_merges_is_part_of_the_last() -> None:
    three = balls((15, 20, 10, 3), (25, 20, 10, 4), (40, 20, 10, 8))
    two = balls((15, 20, 10, 5), (25, 20, 10, 5), (40, 20, 10, 8))
    one = balls((15, 20, 10, 6), (25, 20, 10, 7), (40, 20, 10, 9))
    assert [len(separate_pieces(mask)) for mask in (three, two, one)] == [3, 2, 1]
    _, second, third = follow(three, two, one)
    assert dict(second.merged) == {"L3": "L2"}
    assert dict(third.merged) == {"L3": "L1", "L2": "L1"}


def test_vanished_lesion_that_returns_has_its_old_name() -> None:
    _, gone, back = follow(
        balls((15, 15, 10, 5), (45, 30, 10, 4)),
        balls((15, 15, 10, 5)),
        balls((15, 15, 10, 5), (46, 30, 10, 4)),
    )
    assert (names(gone), gone.vanished) == (["L1"], ("L2",))
    assert (names(back), back.new, back.vanished) == (["L1", "L2"], (), ())


def test_empty_masks_say_that_all_has_vanished() -> None:
    _, second = follow(balls((15, 15, 10, 5)), balls())
    assert (names(second), second.vanished) == ([], ("L1",))


def test_time_point_without_a_mask_changes_nothing() -> None:
    _, none, third = follow(balls((15, 15, 10, 5)), None, balls((15, 15, 10, 4)))
    assert (none.pieces, none.vanished, none.new) == ((), (), ())
    assert names(third) == ["L1"]


def test_neighbours_that_touch_after_a_small_shift_stay_apart() -> None:
    _, second = follow(
        balls((20, 20, 10, 5), (33, 20, 10, 5)), balls((22, 20, 10, 5), (35, 20, 10, 5))
    )
    assert names(second) == ["L1", "L2"]
    assert not second.merged


def test_grids_may_differ_within_one_frame_of_reference() -> None:
    other = Geometry((40, 40, 40), (1.5, 1.2, 1.0), (-31.0, -24.0, 99.0))
    centre_mm = GRID.to_point_mm((15, 15, 10))
    cx, cy, cz = other.to_index(centre_mm)
    _, second = follow(balls((15, 15, 10, 5)), balls((cx, cy, cz, 5), grid=other))
    assert names(second) == ["L1"]
    assert not second.moved_mm


def test_given_transform_moves_a_time_point_into_the_first() -> None:
    turned = np.eye(4)
    turned[:2, :2] = [[0, -1], [1, 0]]  # second time point: the patient lay turned by 90 degrees
    first = balls((40, 25, 10, 5), (30, 40, 10, 4))
    centres = [GRID.to_point_mm(index) for index in ((40, 25, 10), (30, 40, 10))]
    back = np.linalg.inv(turned)
    moved = [GRID.to_index(back[:3, :3] @ centre) for centre in centres]
    second = balls(*((*m, radius) for m, radius in zip(moved, (5, 4), strict=True)))
    _, found = follow_lesions([first, second], limits=LIMITS, to_first=[np.eye(4), turned])
    assert names(found) == ["L1", "L2"]
    assert (found.new, found.vanished, dict(found.moved_mm)) == ((), (), {})
    sizes = [int(piece.mask.voxels.sum()) for piece in found.pieces]
    assert sizes == sorted(sizes, reverse=True)


def test_matrix_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="4 x 4"):
        follow_lesions([balls()], limits=LIMITS, to_first=[np.zeros((4, 4))])


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(2, 21), st.integers(2, 17), st.just(2), st.integers(1, 4)),
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_piece_has_one_name_and_every_known_lesion_one_fate(
    course: list[list[tuple[int, int, int, int]]],
) -> None:
    grid = Geometry((24, 20, 5))
    masks = [balls(*of, grid=grid) for of in course]
    known: set[str] = set()
    for mask, time_point in zip(masks, follow(*masks), strict=True):
        found = names(time_point)
        assert len(found) == len(set(found)) == len(separate_pieces(mask))
        there = {piece.split_from or piece.name for piece in time_point.pieces}
        known |= there
        fates = [*there, *time_point.merged, *time_point.vanished]
        assert sorted(fates) == sorted(known)
        assert set(time_point.merged.values()) <= there | set(time_point.vanished)
