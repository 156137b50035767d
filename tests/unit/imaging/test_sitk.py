"""Between oncotrace's grids and SimpleITK's images."""

import numpy as np
import pytest
import SimpleITK as sitk

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import InputError
from oncotrace.imaging.sitk import geometry_of, mask_from_sitk, scan_from_sitk, to_sitk

FLIPPED = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
GRID = Geometry((5, 4, 3), (0.5, 1.0, 3.0), (-10.0, 20.0, 30.0), FLIPPED)
RAMP = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def test_voxel_is_found_at_its_index_and_its_place() -> None:
    image = to_sitk(RAMP, GRID)
    assert image[4, 0, 2] == RAMP[2, 0, 4]
    assert image.TransformIndexToPhysicalPoint((4, 0, 2)) == tuple(GRID.to_point_mm((4, 0, 2)))
    assert geometry_of(image) == GRID


def test_booleans_become_zero_and_one() -> None:
    image = to_sitk(RAMP > 30, GRID)
    assert image.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), RAMP > 30)


def test_mask_is_what_is_not_zero() -> None:
    image = to_sitk((RAMP - 5).astype(np.int16), GRID)
    np.testing.assert_array_equal(mask_from_sitk(image).voxels, RAMP != 5)


def test_scan_outlives_its_image() -> None:
    scan = scan_from_sitk(to_sitk(RAMP, GRID), "ct")
    np.testing.assert_array_equal(scan.voxels, RAMP)
    assert scan.modality == "ct"


def test_image_that_is_not_three_dimensional_has_no_grid() -> None:
    with pytest.raises(InputError, match="three positive sizes"):
        geometry_of(sitk.Image(4, 4, sitk.sitkUInt8))
