import numpy as np
import pytest
from tests.unit.imaging.mask_builders import box, cube, empty

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import GeometryMismatchError
from oncotrace.imaging.path_length import added_path

SQUARE_MM = Geometry((12, 12, 6), (0.8, 0.8, 5.0))
SQUARE = box(slice(2, 8), slice(2, 8), slice(1, 3), SQUARE_MM)


def test_an_empty_mask_needs_the_whole_contour() -> None:
    found = added_path(empty(SQUARE_MM), SQUARE)
    assert found.contour_pixels == 2 * (4 * 6 - 4)  # two slices
    assert found.length_mm == pytest.approx(2 * 20 * 0.8)
    assert found.missing_voxels == 2 * 36


def test_what_is_drawn_already_costs_nothing() -> None:
    assert added_path(SQUARE, SQUARE).length_mm == 0
    assert added_path(SQUARE, empty(SQUARE_MM)).length_mm == 0  # erasing is not drawing
    assert added_path(empty(), empty()).length_mm == 0


def test_a_shifted_outline_costs_what_lies_beside_it() -> None:
    # One pixel along x: the left sides' 6 pixels are elsewhere now, and so are the right sides',
    # while above and below the outlines share all but those.
    moved = box(slice(3, 9), slice(2, 8), slice(1, 3), SQUARE_MM)
    found = added_path(moved, SQUARE)
    assert found.contour_pixels == 2 * (6 + 4)
    assert found.missing_voxels == 2 * 6


def test_too_much_costs_the_contour_beside_it() -> None:
    larger = box(slice(1, 9), slice(1, 9), slice(1, 3), SQUARE_MM)
    found = added_path(larger, SQUARE)
    assert (found.contour_pixels, found.missing_voxels) == (2 * 20, 0)


def test_a_pixel_that_is_not_square_counts_as_one_of_the_same_area() -> None:
    assert added_path(empty(), cube(0, 1)).length_mm == pytest.approx(np.sqrt(0.5 * 1.0))


def test_slices_are_axial_however_the_grid_was_acquired() -> None:
    # A sagittal acquisition: its slices [z] run along the patient's left, its rows to the feet.
    sagittal = Geometry((12, 12, 6), (0.8, 0.8, 5.0), direction=(0, 0, 1, 1, 0, 0, 0, -1, 0))
    found = added_path(empty(sagittal), Mask(SQUARE.voxels, sagittal))
    assert found.contour_pixels == 6 * 12  # of an axial slice of 6 x 2 pixels all are border
    assert found.pixel_mm == pytest.approx(np.sqrt(0.8 * 5.0))


def test_masks_on_different_grids_are_refused() -> None:
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        added_path(cube(0, 1), SQUARE)
