import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.measure.tumour_size import tumour_size


def block(direction: tuple[float, ...]) -> Mask:
    voxels = np.zeros((6, 8, 10), dtype=bool)
    voxels[2:4, 2:6, 3:9] = True
    return Mask(voxels, Geometry((10, 8, 6), (0.5, 0.5, 4.0), (1.0, 2.0, 3.0), direction))


def test_size_holds_what_is_measured_one_by_one() -> None:
    size = tumour_size(block((1, 0, 0, 0, 1, 0, 0, 0, 1)))
    assert size.volume_ml == pytest.approx(48 / 1000)
    assert size.longest_axial.length_mm == pytest.approx(0.5 * np.hypot(6, 3))
    assert size.longest_3d.length_mm == pytest.approx(np.sqrt(2.5**2 + 1.5**2 + 8**2))
    assert size.axial_slice == 2
    assert (size.axial_axis, size.axial_tilt_deg) == (2, 0.0)


def test_tilt_of_the_slice_is_told() -> None:
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    size = tumour_size(block((1, 0, 0, 0, cos, -sin, 0, sin, cos)))
    assert size.axial_tilt_deg == pytest.approx(20)


def test_empty_mask_has_no_size() -> None:
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        tumour_size(Mask(np.zeros((2, 2, 2), dtype=bool), Geometry((2, 2, 2))))
