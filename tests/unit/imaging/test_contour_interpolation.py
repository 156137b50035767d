"""Shapes that are known between their outlined slices."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label

from oncotrace.imaging.contour_interpolation import (
    curve_weights,
    interpolated,
    interpolated_depth_mm,
    signed_depth_mm,
)
from oncotrace.imaging.partial_mask import outlined_slices

SPACING_MM = (3.0, 1.0, 1.0)
ROW, COLUMN = np.indices((48, 60), dtype=np.float64)

Area = NDArray[np.bool_]


def disc(radius: float, row: float = 23.5, column: float = 29.5) -> Area:
    return np.asarray((ROW - row) ** 2 + (COLUMN - column) ** 2 <= radius**2)


def filled(
    areas: dict[int, Area], size: int, spacing_mm: tuple[float, float, float] = SPACING_MM
) -> NDArray[np.bool_]:
    partial = np.zeros((size, *ROW.shape), dtype=np.bool_)
    for number, area in areas.items():
        partial[number] = area
    return interpolated(partial, outlined_slices(partial), spacing_mm)


def overlap(first: Area, second: Area) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def test_a_cylinder_is_filled_exactly() -> None:
    made = filled({number: disc(12) for number in (2, 5, 11)}, 14)
    for number in range(2, 12):
        np.testing.assert_array_equal(made[number], disc(12))


def test_nothing_is_filled_beyond_the_first_and_the_last_outline() -> None:
    made = filled({number: disc(12) for number in (4, 8)}, 14)
    assert not made[:4].any()
    assert not made[9:].any()


def test_a_cone_grows_evenly() -> None:
    made = filled({1: disc(4), 13: disc(16)}, 15)
    for number in range(1, 14):
        radius = np.sqrt(made[number].sum() / np.pi)
        assert radius == pytest.approx(3 + number, abs=0.4)


def test_a_ball_is_round_between_few_outlines() -> None:
    radius_at = {z: float(np.sqrt(20**2 - (z - 20) ** 2)) for z in range(41)}
    made = filled({z: disc(radius_at[z]) for z in (4, 12, 20, 28, 36)}, 41, (1.0, 1.0, 1.0))
    for z in range(4, 37):
        assert overlap(made[z], disc(radius_at[z])) > 0.96
    truth = sum(int(disc(radius_at[z]).sum()) for z in range(4, 37))
    assert made.sum() == pytest.approx(truth, rel=0.01)


def test_a_sheared_cylinder_stays_whole_and_as_thick() -> None:
    # By 5 pixels a slice: the outlined discs of radius 5, four slices apart, do not overlap.
    made = filled({z: disc(5, column=8 + 5 * z) for z in (0, 4, 8)}, 9)
    for z in range(9):
        np.testing.assert_array_equal(made[z], disc(5, column=8 + 5 * z))


def test_pieces_that_merge_become_one() -> None:
    two = disc(6, column=20) | disc(6, column=40)
    made = filled({0: two, 6: disc(12, column=30)}, 7)
    pieces = [label(area)[1] for area in made]
    assert pieces[0] == 2
    assert pieces[6] == 1
    assert pieces == sorted(pieces, reverse=True)
    assert label(made)[1] == 1


def test_each_of_two_parts_goes_its_own_way() -> None:
    made = filled({z: disc(5, column=10 + z) | disc(5, column=48 - z) for z in (0, 8)}, 9)
    for z in range(9):
        np.testing.assert_array_equal(made[z], disc(5, column=10 + z) | disc(5, column=48 - z))


def test_a_piece_without_a_counterpart_ends_half_way() -> None:
    made = filled({0: disc(6, column=15) | disc(6, column=50), 8: disc(6, column=15)}, 9)
    second = made[:, :, 35:]
    areas = [int(area.sum()) for area in second]
    assert areas == sorted(areas, reverse=True)
    assert areas[3] > 0
    assert areas[4:] == [0] * 5


def test_a_hole_stays_a_hole() -> None:
    ring = disc(14) & ~disc(6)
    made = filled({0: ring, 4: ring, 8: disc(16) & ~disc(4)}, 9)
    for number in (1, 2, 3):
        np.testing.assert_array_equal(made[number], ring)
    for number in range(5, 8):
        assert label(~made[number])[1] == 2  # outside, and the hole


def test_slices_are_weighed_by_millimetres_in_plane() -> None:
    wide = interpolated_depth_mm(
        np.stack([disc(6), np.zeros_like(disc(6)), disc(6)]),
        outlined_slices(np.stack([disc(6), np.zeros_like(disc(6)), disc(6)])),
        (3.0, 1.0, 2.0),
    )
    np.testing.assert_allclose(wide[1], signed_depth_mm(disc(6), (1.0, 2.0)))


@pytest.mark.parametrize(
    "positions", [(0, 3, 7, 9), (None, 3, 7, 9), (0, 3, 7, None), (None, 3, 7, None)]
)
def test_a_curve_passes_through_its_slices_and_keeps_straight_lines(
    positions: tuple[int | None, int, int, int | None],
) -> None:
    assert curve_weights(positions, 3) == pytest.approx([0, 1, 0, 0])
    assert curve_weights(positions, 7) == pytest.approx([0, 0, 1, 0])
    line = [0.0 if position is None else 2.0 * position + 5 for position in positions]
    for at in (4, 5, 6):
        weights = curve_weights(positions, at)
        assert sum(weights) == pytest.approx(1)
        assert np.dot(weights, line) == pytest.approx(2 * at + 5)


def test_a_curve_through_even_slices_follows_a_parabola() -> None:
    weights = curve_weights((-1, 0, 1, 2), 0.5)
    assert np.dot(weights, [1, 0, 1, 4]) == pytest.approx(0.25)
    assert np.dot(curve_weights((None, 0, 1, 2), 0.5)[1:], [0, 1, 4]) == pytest.approx(0.25)


def test_a_near_slice_bends_a_long_interval_less_than_a_parabola_and_more_than_a_chord() -> None:
    near = -curve_weights((-1, 0, 20, 40), 10)[0]
    parabola, chord = 0.125 * 20 * 20 / 21, 0.125 * 20 * 1 / 21
    assert chord < near < parabola
