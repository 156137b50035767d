"""What must hold for planes and joined views on every grid."""

from itertools import permutations, product

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.property.strategies import geometries

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.view import VIEWS, acquisition_plane
from oncotrace.segment.joining import laid_onto, mean_where_seen

ORDERS = list(permutations(range(3)))
SIGNS = list(product((False, True), repeat=3))


def restored(geometry: Geometry, order: tuple[int, ...], flips: tuple[bool, ...]) -> Geometry:
    """Return the same voxels stored along other axes and from other ends."""
    signs = np.where(flips, -1.0, 1.0)
    first = np.where(flips, np.asarray(geometry.size_xyz) - 1, 0)
    ox, oy, oz = (float(mm) for mm in geometry.to_point_mm(first))
    x, y, z = (geometry.size_xyz[axis] for axis in order)
    dx, dy, dz = (geometry.spacing_mm[axis] for axis in order)
    axes = (geometry.axes * signs)[:, list(order)]
    return Geometry((x, y, z), (dx, dy, dz), (ox, oy, oz), tuple(map(float, axes.ravel())))


def restored_array(voxels, order, flips):
    """Return the same voxels [z, y, x] for `restored`."""
    xyz = np.flip(voxels.transpose(2, 1, 0), [axis for axis in range(3) if flips[axis]])
    return np.ascontiguousarray(xyz.transpose(order).transpose(2, 1, 0))


@given(geometries(), st.sampled_from(ORDERS), st.sampled_from(SIGNS))
def test_the_plane_of_thick_slices_does_not_depend_on_how_they_are_stored(grid, order, flips):
    plane = acquisition_plane(grid)
    again = acquisition_plane(restored(grid, order, flips))
    assert again.is_thick_sliced == plane.is_thick_sliced
    assume(plane.is_thick_sliced)
    assert again.nearest == plane.nearest
    assert abs(again.tilt_deg - plane.tilt_deg) < 1e-4


@given(geometries(), st.sampled_from(SIGNS))
def test_flips_never_change_a_plane(grid, flips):
    plane, again = acquisition_plane(grid), acquisition_plane(restored(grid, (0, 1, 2), flips))
    assert (again.nearest, again.is_thick_sliced) == (plane.nearest, plane.is_thick_sliced)


@given(geometries())
def test_a_plane_is_nearest_to_one_of_the_patients_and_suits_its_own_view_alone(grid):
    plane = acquisition_plane(grid)
    assert 0 <= plane.tilt_deg <= 54.74  # the body's diagonal
    suited = [view for view in VIEWS if plane.suits(view)]
    if not plane.is_thick_sliced:
        assert suited == list(VIEWS)
    else:
        assert suited == ([] if plane.is_oblique else [plane.nearest])


@given(
    geometries(2, 6),
    geometries(2, 6),
    st.sampled_from(ORDERS),
    st.sampled_from(SIGNS),
    st.integers(0, 1000),
)
def test_what_a_view_adds_does_not_depend_on_how_it_is_stored(first, other, order, flips, seed):
    centre = np.asarray(first.to_point_mm((np.asarray(first.size_xyz) - 1) / 2))
    own = np.asarray(other.to_point_mm((np.asarray(other.size_xyz) - 1) / 2))
    x, y, z = (float(mm) for mm in np.asarray(other.origin_mm) + centre - own)
    other = Geometry(other.size_xyz, other.spacing_mm, (x, y, z), other.direction)
    values = np.random.default_rng(seed).random(other.shape_zyx, dtype=np.float32)
    there = laid_onto(first, values, other)
    again = laid_onto(first, restored_array(values, order, flips), restored(other, order, flips))
    both = (there >= 0) & (again >= 0)  # a centre just on the edge may be seen one way only
    np.testing.assert_allclose(there[both], again[both], atol=1e-3)
    apart = (there >= 0) != (again >= 0)
    z_y_x = np.argwhere(apart)[:, ::-1]
    index = other.to_index(first.to_point_mm(z_y_x))
    edges = np.minimum(np.abs(index + 0.5), np.abs(index - np.asarray(other.size_xyz) + 0.5))
    assert (edges.min(axis=1) < 1e-3).all() if len(index) else True


@given(st.integers(1, 3), st.integers(0, 1000))
def test_the_mean_lies_between_the_views_and_is_the_first_where_no_other_sees(others, seed):
    rng = np.random.default_rng(seed)
    first = rng.random((3, 4, 5), dtype=np.float32)
    seen = [
        np.where(rng.random(first.shape) < 0.5, rng.random(first.shape), -1).astype(np.float32)
        for _ in range(others)
    ]
    mean = mean_where_seen(first, seen)
    stack = np.array([first, *seen])
    alone = (stack[1:] < 0).all(axis=0)
    np.testing.assert_array_equal(mean[alone], first[alone])
    low, high = np.where(stack < 0, np.inf, stack).min(axis=0), stack.max(axis=0)
    assert ((mean >= low - 1e-6) & (mean <= high + 1e-6)).all()
