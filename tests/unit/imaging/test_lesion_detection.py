import numpy as np
import pytest
from tests.unit.imaging.mask_builders import box, cube, either, empty

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError, SettingsError
from oncotrace.imaging.lesion_detection import LesionDetection, detected_lesions, pooled

GRID = Geometry((40, 10, 10), (1.0, 1.0, 1.0))


def row(start: int, stop: int) -> Mask:
    return box(slice(start, stop), slice(2, 5), slice(2, 5), GRID)


def test_every_lesion_is_found_or_missed_and_every_piece_true_or_false() -> None:
    reference = either(row(0, 4), row(10, 14), row(20, 24))
    mask = either(row(3, 6), row(12, 13), row(30, 32), row(36, 38))
    found = detected_lesions(mask, reference)
    assert found == LesionDetection(lesions=3, found=2, predicted=4, true=2)
    assert (found.missed, found.false_positives) == (1, 2)
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.precision == pytest.approx(1 / 2)
    assert found.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))


def test_one_piece_may_find_two_lesions_and_two_pieces_one() -> None:
    two, one = either(row(0, 4), row(6, 10)), row(0, 10)
    assert detected_lesions(one, two) == LesionDetection(2, 2, 1, 1)
    assert detected_lesions(two, one) == LesionDetection(1, 1, 2, 2)


def test_with_a_least_dice_each_is_matched_once() -> None:
    two, one = either(row(0, 4), row(6, 10)), row(0, 10)  # Dice 8 / 14 each
    assert detected_lesions(one, two, least_dice=0.5) == LesionDetection(2, 1, 1, 1)
    assert detected_lesions(one, two, least_dice=0.6) == LesionDetection(2, 0, 1, 0)
    assert detected_lesions(row(0, 4), row(0, 4), least_dice=1) == LesionDetection(1, 1, 1, 1)


def test_the_best_pairs_are_matched_first() -> None:
    # The piece shares 3 of 4 + 6 with the first lesion, and 3 of 3 + 6 with the second.
    reference = either(row(0, 4), row(5, 8))
    mask = row(1, 8)
    assert detected_lesions(mask, reference, least_dice=0.3).found == 1


def test_voxels_that_touch_at_a_corner_are_one_lesion() -> None:
    corner = either(cube(1, 1, GRID), cube(2, 1, GRID))
    assert detected_lesions(corner, corner) == LesionDetection(1, 1, 1, 1)


def test_without_lesions_a_share_is_nothing_rather_than_a_number() -> None:
    nothing = detected_lesions(empty(GRID), empty(GRID))
    assert nothing == LesionDetection(0, 0, 0, 0)
    assert (nothing.sensitivity, nothing.precision, nothing.f1) == (None, None, None)
    missed = detected_lesions(empty(GRID), row(0, 4))
    assert (missed.sensitivity, missed.precision, missed.f1) == (0, None, 0)
    made_up = detected_lesions(row(0, 4), empty(GRID))
    assert (made_up.sensitivity, made_up.precision, made_up.f1) == (None, 0, 0)
    assert detected_lesions(row(0, 4), empty(GRID), least_dice=0.5) == made_up


def test_cases_are_counted_together() -> None:
    found = pooled([LesionDetection(3, 2, 4, 2), LesionDetection(0, 0, 1, 0)])
    assert found == LesionDetection(lesions=3, found=2, predicted=5, true=2, cases=2)
    assert found.false_positives_per_case == 1.5
    with pytest.raises(InputError, match="no case"):
        pooled([])


@pytest.mark.parametrize("least", [0.0, -0.1, 1.1, np.nan])
def test_a_dice_that_is_none_is_refused(least: float) -> None:
    with pytest.raises(SettingsError, match="Dice that makes a match") as caught:
        detected_lesions(row(0, 4), row(0, 4), least_dice=least)
    assert caught.value.code == "not-a-dice"
