import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.errors import EmptyMaskError, InputError
from oncotrace.imaging.partial_mask import OutlinedSlices, outlined_slices


def ball(radius: int = 8) -> NDArray[np.bool_]:
    z, y, x = np.indices((2 * radius + 5,) * 3) - (radius + 2)
    return np.asarray(z**2 + y**2 + x**2 <= radius**2)


def partly(whole: NDArray[np.bool_], axis: int, numbers: list[int]) -> NDArray[np.bool_]:
    """The mask on some slices across an axis."""
    partial = np.zeros_like(whole)
    np.moveaxis(partial, axis, 0)[numbers] = np.moveaxis(whole, axis, 0)[numbers]
    return partial


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_axis_is_told_from_the_mask(axis: int) -> None:
    found = outlined_slices(partly(ball(), axis, [3, 7, 8, 15]))
    assert found == OutlinedSlices(axis, (3, 7, 8, 15))
    assert found.to_fill == (4, 5, 6, 9, 10, 11, 12, 13, 14)


def test_two_runs_of_outlined_slices_are_enough() -> None:
    assert outlined_slices(partly(ball(), 1, [3, 4, 5, 14, 15])).axis == 1


def test_two_tumours_side_by_side_in_some_slices_do_not_confuse() -> None:
    two = np.concatenate([ball(), ball()], axis=2)
    assert outlined_slices(partly(two, 0, [3, 8, 12])).axis == 0


@pytest.mark.parametrize(
    ("mask", "code", "words"),
    [
        (ball(), "nothing-to-fill", "nothing to fill"),
        (np.concatenate([ball(), ball()], axis=2), "nothing-to-fill", "nothing to fill"),
        (partly(ball(), 0, [5, 6, 7]), "nothing-to-fill", "nothing to fill"),
        (partly(ball(), 0, [4, 10]) | partly(ball(), 2, [6, 9]), "nothing-to-fill", "two axes"),
        (partly(ball(), 0, [9]), "one-slice", "one slice alone"),
        (partly(np.concatenate([ball(), ball()], axis=2), 0, [9]), "one-slice", "one slice alone"),
        (partly(partly(ball(), 0, [5, 10, 15]), 1, [5, 10, 15]), "ambiguous-axis", "z and y"),
    ],
    ids=["whole", "two-whole", "a-run", "two-axes", "one", "two-tumours-on-one", "rods"],
)
def test_what_is_no_partial_mask_is_refused(mask: NDArray[np.bool_], code: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        outlined_slices(mask)
    assert caught.value.code == code


def test_an_empty_mask_has_no_outlined_slice() -> None:
    with pytest.raises(EmptyMaskError, match="no slice is outlined"):
        outlined_slices(np.zeros((4, 5, 6), dtype=np.bool_))
