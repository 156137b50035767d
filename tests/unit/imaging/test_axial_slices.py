"""Slices of the published size and windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.property.strategies import masks

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.axial_slices import axial_slices, axial_slices_grid, mask_on
from oncotrace.imaging.ct_window import BONE_WINDOW, LUNG_WINDOW


@pytest.mark.parametrize(
    ("hu", "level"),
    [
        (-3000, 0),
        (-1350, 0),
        (-1345, 0),
        (-1344, 1),
        (-600, 128),
        (149, 255),
        (150, 255),
        (9e9, 255),
    ],
)
def test_the_lung_window_has_256_bins_of_equal_width(hu: float, level: int) -> None:
    assert LUNG_WINDOW.grey_levels(np.array([hu], dtype=np.float32)).tolist() == [level]


def test_the_bone_window_runs_from_minus_500_to_1300() -> None:
    values = np.array([-501, -500, 400, 1299.9, 1300], dtype=np.float32)
    assert BONE_WINDOW.grey_levels(values).tolist() == [0, 0, 128, 255, 255]


def test_slices_are_of_one_millimetre_around_the_middle_with_air_beyond() -> None:
    grid = Geometry((60, 50, 4), (0.8, 0.8, 5.0), (-20.0, 10.0, 3.0))
    voxels = np.random.default_rng(0).normal(size=grid.shape_zyx).astype(np.float32)
    slices = axial_slices(Scan(voxels, grid, "ct"))
    assert slices.geometry.size_xyz == (512, 512, 4)
    assert slices.geometry.spacing_mm == (1.0, 1.0, 5.0)
    middle = (np.array([512, 512, 4]) - 1) / 2
    own = (np.array(grid.size_xyz) - 1) / 2
    np.testing.assert_allclose(slices.geometry.to_point_mm(middle), grid.to_point_mm(own))
    inside = slices.voxels != -1024
    assert inside.sum() == 4 * 48 * 40
    assert np.isin(slices.voxels[inside], voxels).all()  # nearest: no new value


def test_a_wide_scan_is_cropped_at_its_sides() -> None:
    grid = Geometry((400, 10, 2), (2.0, 2.0, 5.0))
    slices = axial_slices(Scan(np.zeros(grid.shape_zyx, np.float32), grid))
    assert (slices.voxels[0, 256] == 0).all()


@settings(max_examples=25, deadline=None)
@given(masks(min_size=2))
def test_there_and_back_is_the_same_mask_where_pixels_are_not_finer(mask: Mask) -> None:
    grid = Geometry(mask.geometry.size_xyz, (2.0, 3.0, 4.0), (5.0, 6.0, 7.0))
    mask = Mask(mask.voxels, grid)
    there = mask_on(mask, axial_slices_grid(grid))
    np.testing.assert_array_equal(mask_on(there, grid).voxels, mask.voxels)
