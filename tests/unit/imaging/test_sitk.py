"""From oncotrace's grids to SimpleITK's images."""

import numpy as np
import SimpleITK as sitk

from oncotrace.domain.geometry import Geometry
from oncotrace.imaging.sitk import to_sitk

FLIPPED = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
GRID = Geometry((5, 4, 3), (0.5, 1.0, 3.0), (-10.0, 20.0, 30.0), FLIPPED)
RAMP = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def test_voxel_is_found_at_its_index_and_its_place() -> None:
    image = to_sitk(RAMP, GRID)
    assert image[4, 0, 2] == RAMP[2, 0, 4]
    assert image.TransformIndexToPhysicalPoint((4, 0, 2)) == tuple(GRID.to_point_mm((4, 0, 2)))
    assert image.GetSpacing() == GRID.spacing_mm
    assert image.GetDirection() == GRID.direction


def test_booleans_become_zero_and_one() -> None:
    image = to_sitk(RAMP > 30, GRID)
    assert image.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), RAMP > 30)
