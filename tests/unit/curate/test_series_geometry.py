"""Planes and slices of a series, by closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.curate.series_geometry import (
    normal_of,
    plane_of,
    same_direction,
    slice_geometry,
)

AXIAL = (1.0, 0, 0, 0, 1, 0)
CORONAL = (1.0, 0, 0, 0, 0, -1)
SAGITTAL = (0.0, 1, 0, 0, 0, -1)


def tilted(degrees: float) -> tuple[float, ...]:
    """Axial, turned about the patient's x axis."""
    angle = np.radians(degrees)
    return (1.0, 0, 0, 0, float(np.cos(angle)), float(np.sin(angle)))


@pytest.mark.parametrize(
    ("orientation", "plane"), [(AXIAL, "axial"), (CORONAL, "coronal"), (SAGITTAL, "sagittal")]
)
def test_planes_have_their_names(orientation, plane) -> None:
    assert plane_of(normal_of(orientation)) == (plane, pytest.approx(0))


@given(st.floats(0, 45))
def test_tilt_is_measured_and_oblique_beyond_thirty_degrees(degrees) -> None:
    plane, angle = plane_of(normal_of(tilted(degrees)))
    assert angle == pytest.approx(degrees, abs=1e-5)
    if abs(degrees - 30) > 1e-6:
        assert plane == ("oblique" if degrees > 30 else "axial")


@pytest.mark.parametrize("orientation", [(1, 0, 0, 1, 0, 0), (0, 0, 0, 0, 0, 0), (1, 0, 0)])
def test_axes_that_span_no_plane_have_no_normal(orientation) -> None:
    assert normal_of(orientation) is None


def test_opposite_normals_are_one_plane() -> None:
    assert same_direction(normal_of(AXIAL), -normal_of(AXIAL))
    assert not same_direction(normal_of(AXIAL), normal_of(tilted(2)))


@given(st.permutations(range(12)), st.floats(0.5, 8), st.floats(-30, 30))
def test_distance_of_slices_does_not_depend_on_order_or_tilt(order, distance, degrees) -> None:
    normal = normal_of(tilted(degrees))
    positions = [tuple(np.array([5.0, -3, 2]) + distance * z * normal) for z in order]
    found = slice_geometry(positions, normal)
    assert (found.slices, found.images_at_a_position) == (12, 1)
    assert found.smallest_gap_mm == pytest.approx(distance)
    assert found.largest_gap_mm == pytest.approx(distance)
    assert found.extent_mm == pytest.approx(11 * distance)


def test_a_missing_slice_is_the_largest_gap() -> None:
    found = slice_geometry([(0, 0, 3.0 * z) for z in (0, 1, 2, 4)], normal_of(AXIAL))
    assert (found.slice_distance_mm, found.largest_gap_mm) == (3, 6)


def test_images_at_one_position_are_counted() -> None:
    found = slice_geometry([(0, 0, z) for z in (0, 0, 0, 2, 2)], normal_of(AXIAL))
    assert (found.slices, found.images_at_a_position) == (2, 3)


def test_no_positions_are_no_slices() -> None:
    assert slice_geometry([], normal_of(AXIAL)).slices == 0
    assert slice_geometry([(0, 0, 1)], normal_of(AXIAL)).slice_distance_mm is None
