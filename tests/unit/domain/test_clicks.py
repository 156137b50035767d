"""Clicks and corrections that make sense, and those that are refused."""

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction, points_array
from oncotrace.errors import ClickError

POINT = [[1.0, 2.0, 3.0]]


def test_points_cannot_be_changed_afterwards() -> None:
    given = np.array(POINT)
    clicks = Clicks(given)
    given[0, 0] = 99
    assert clicks.points_mm[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        clicks.points_mm[0, 0] = 99


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[1, 2, 3], [1, float("nan"), 3]], "point 2 has a coordinate that is not a finite number"),
        ([[1, 2, 3], [1, 2]], "three numbers x, y, z"),
        ([[1, 2]], r"shape \(n, 3\)"),
        ([1, 2, 3], r"shape \(n, 3\)"),
        ([["a", "b", "c"]], "three numbers x, y, z"),
    ],
)
def test_points_without_three_finite_coordinates_are_refused(points: object, reason: str) -> None:
    with pytest.raises(ClickError, match=reason):
        points_array(points)


def test_first_clicks_are_points_or_a_box() -> None:
    box = np.array([[0, 0, 0], [1, 1, 1]])
    correction = Correction("positive", np.array(POINT))
    for clicks, expected in (
        (Clicks(), False),
        (Clicks(corrections=(correction,)), False),
        (Clicks(np.array(POINT)), True),
        (Clicks(box_mm=box), True),
    ):
        assert clicks.has_first == expected


def test_a_box_alone_is_enough_and_has_two_corners() -> None:
    assert Clicks(np.empty((0, 3)), box_mm=np.array([[0, 0, 0], [1, 1, 1]])).box_mm is not None
    with pytest.raises(ClickError, match="two opposite corners, found 1"):
        Clicks(np.array(POINT), box_mm=np.array(POINT))


@pytest.mark.parametrize("radius_mm", [-1.0, float("nan"), float("inf")])
def test_brush_without_a_sensible_radius_is_refused(radius_mm: float) -> None:
    with pytest.raises(ClickError, match="radius must be >= 0 mm"):
        Correction("stroke", np.array(POINT), radius_mm=radius_mm)


def test_correction_without_a_point_is_refused_unless_it_undoes_or_redoes() -> None:
    with pytest.raises(ClickError, match="a negative correction needs at least one point"):
        Correction("negative", np.empty((0, 3)))
    for kind in ("undo", "redo"):
        assert len(Correction(kind, np.empty((0, 3))).points_mm) == 0


def test_undo_takes_back_the_latest_correction_that_still_counts() -> None:
    first, second = Correction("positive", np.array(POINT)), Correction("negative", np.array(POINT))
    undo = Correction("undo", np.empty((0, 3)))
    assert Clicks(POINT, (first, second, undo)).standing_corrections() == (first,)
    assert Clicks(POINT, (first, undo, second)).standing_corrections() == (second,)
    assert Clicks(POINT, (first, undo, undo)).standing_corrections() == ()


def test_redo_makes_the_correction_taken_back_last_count_again() -> None:
    first, second = Correction("positive", np.array(POINT)), Correction("negative", np.array(POINT))
    undo, redo = (Correction(kind, np.empty((0, 3))) for kind in ("undo", "redo"))
    both = (first, second, undo, undo)
    assert Clicks(POINT, (*both, redo)).standing_corrections() == (first,)
    assert Clicks(POINT, (*both, redo, redo)).standing_corrections() == (first, second)
    assert Clicks(POINT, (*both, redo, redo, redo)).standing_corrections() == (first, second)


def test_a_new_correction_makes_redo_impossible_and_nothing_is_deleted() -> None:
    first, second = Correction("positive", np.array(POINT)), Correction("negative", np.array(POINT))
    undo, redo = (Correction(kind, np.empty((0, 3))) for kind in ("undo", "redo"))
    clicks = Clicks(POINT, (first, undo, second, redo))
    assert clicks.standing_corrections() == (second,)
    assert clicks.corrections == (first, undo, second, redo)


def test_corrections_are_added_unless_there_is_nothing_to_undo_or_redo() -> None:
    first, undo, redo = (
        Correction("positive", np.array(POINT)),
        *(Correction(kind, np.empty((0, 3))) for kind in ("undo", "redo")),
    )
    clicks = Clicks(POINT).with_correction(first).with_correction(undo).with_correction(redo)
    assert clicks.corrections == (first, undo, redo)
    with pytest.raises(ClickError, match="nothing to undo") as caught:
        clicks.with_correction(undo).with_correction(undo)
    assert caught.value.code == "nothing-to-undo"
    with pytest.raises(ClickError, match="nothing to redo") as caught:
        clicks.with_correction(redo)
    assert caught.value.code == "nothing-to-redo"


def test_only_positive_clicks_and_painting_strokes_mark_tumour() -> None:
    points = np.array(POINT)
    assert Correction("positive", points).marks_tumour
    assert Correction("stroke", points).marks_tumour
    assert not Correction("stroke", points, paints=False).marks_tumour
    assert not Correction("negative", points).marks_tumour
