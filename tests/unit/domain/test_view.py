"""The plane of an image's slices, whatever way they are stored."""

import numpy as np
import pytest

from oncotrace.domain.geometry import AXIS_ALIGNED, Geometry
from oncotrace.domain.view import AcquisitionPlane, acquisition_plane, view_named
from oncotrace.errors import SettingsError

# Columns are the directions of grid x, y and z, as scanners store slices of each plane.
SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0)


def tilted(degrees: float) -> tuple[float, ...]:
    """Axes turned about the patient's left-right axis, from axial towards coronal."""
    turn = np.deg2rad(degrees)
    return (1, 0, 0, 0, np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn))


@pytest.mark.parametrize(
    ("direction", "name"), [(AXIS_ALIGNED, "axial"), (SAGITTAL, "sagittal"), (CORONAL, "coronal")]
)
@pytest.mark.parametrize("slice_mm", [1.0, 6.0])
def test_slices_as_scanners_store_them_have_the_plane_of_their_normal(direction, name, slice_mm):
    plane = acquisition_plane(Geometry((4, 5, 6), (1.0, 1.0, slice_mm), direction=direction))
    assert (plane.name, plane.tilt_deg, plane.is_thick_sliced) == (name, 0.0, slice_mm == 6.0)
    assert plane.describe() == name


def test_the_thickest_axis_tells_the_plane_of_slices_that_are_stored_in_another_order():
    plane = acquisition_plane(Geometry((4, 5, 6), (6.0, 1.0, 1.0)))
    assert plane == AcquisitionPlane("sagittal", 0.0, is_thick_sliced=True)


def test_an_image_that_is_hardly_thicker_along_one_axis_is_of_any_view():
    nearly_cubes = acquisition_plane(Geometry((4, 5, 6), (1.4, 1.0, 1.0)))
    assert nearly_cubes.name == "axial"
    assert all(nearly_cubes.suits(view) for view in ("axial", "sagittal", "coronal"))
    # Long along two axes: no slices can be told.
    assert not acquisition_plane(Geometry((4, 5, 6), (3.0, 1.0, 3.0))).is_thick_sliced


@pytest.mark.parametrize(
    ("degrees", "name", "words"),
    [
        (20, "axial", "axial, tilted by 20 degrees"),
        (36, "axial", "axial, tilted by 36 degrees"),
        (38, "oblique", "oblique, 38 degrees from axial"),
        (52, "oblique", "oblique, 38 degrees from coronal"),
        (70, "coronal", "coronal, tilted by 20 degrees"),
    ],
)
def test_a_plane_is_oblique_if_it_is_far_from_all_of_the_patients(degrees, name, words):
    geometry = Geometry((4, 5, 6), (1.0, 1.0, 5.0), direction=tilted(degrees))
    plane = acquisition_plane(geometry)
    assert (plane.name, plane.describe()) == (name, words)
    assert plane.suits("axial") == (name == "axial")
    assert not plane.suits("sagittal")


def test_an_unknown_view_is_refused():
    assert view_named("coronal") == "coronal"
    with pytest.raises(SettingsError, match=r"no view 'transverse'.*axial, sagittal, coronal"):
        view_named("transverse")
