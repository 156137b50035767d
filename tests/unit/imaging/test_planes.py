import numpy as np
import pytest

from oncotrace.domain.geometry import AXIS_ALIGNED, Geometry
from oncotrace.imaging.planes import patient_axes, tilt_deg

SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0)
FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)


@pytest.mark.parametrize(
    ("direction", "axes"),
    [
        (AXIS_ALIGNED, (0, 1, 2)),
        (FLIPPED, (0, 1, 2)),
        (SAGITTAL, (2, 0, 1)),
        (CORONAL, (0, 2, 1)),
    ],
)
def test_grid_axes_are_paired_with_patient_axes(
    direction: tuple[float, ...], axes: tuple[int, int, int]
) -> None:
    geometry = Geometry((3, 4, 5), direction=direction)
    assert patient_axes(geometry) == axes
    assert [tilt_deg(geometry, plane) for plane in range(3)] == pytest.approx([0, 0, 0])


def test_grid_half_way_between_two_poses_keeps_its_order() -> None:
    half = np.sqrt(0.5)
    geometry = Geometry((3, 4, 5), direction=(1, 0, 0, 0, half, -half, 0, half, half))
    assert patient_axes(geometry) == (0, 1, 2)
    assert tilt_deg(geometry, plane=2) == pytest.approx(45)
    assert tilt_deg(geometry, plane=0) == pytest.approx(0)
