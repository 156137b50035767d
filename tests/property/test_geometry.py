"""What must hold for every grid, crop and box."""

from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from tests.property.strategies import geometries, scans

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.imaging.crop import Box, box_around, crop_scan, paste
from oncotrace.imaging.resample import with_spacing
from oncotrace.imaging.sitk import to_sitk

indices = st.tuples(*[st.integers(-20, 20)] * 3)


@given(geometries(), indices)
def test_index_survives_the_way_to_mm_and_back(grid: Geometry, index: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(grid.to_index(grid.to_point_mm(index)), index, atol=1e-6)


@given(geometries(), indices)
def test_affine_and_point_agree(grid: Geometry, index: tuple[int, int, int]) -> None:
    np.testing.assert_allclose((grid.affine @ [*index, 1])[:3], grid.to_point_mm(index), atol=1e-9)


@given(geometries(), indices, indices)
def test_steps_of_the_grid_have_the_length_of_its_spacing(
    grid: Geometry, start: tuple[int, int, int], step: tuple[int, int, int]
) -> None:
    moved = grid.to_point_mm(np.add(start, step)) - grid.to_point_mm(start)
    assert np.linalg.norm(moved) == pytest.approx(
        np.linalg.norm(np.multiply(step, grid.spacing_mm)), abs=1e-6
    )


@given(geometries(), st.integers(0, 2))
def test_a_grid_matches_itself_and_no_grid_a_tenth_of_a_voxel_away(
    grid: Geometry, axis: int
) -> None:
    origin = np.array(grid.origin_mm)
    origin[axis] += 0.1 * min(grid.spacing_mm)
    moved = Geometry(grid.size_xyz, grid.spacing_mm, tuple(origin.tolist()), grid.direction)
    assert grid.matches(grid.crop((0, 0, 0), grid.size_xyz))
    assert not grid.matches(moved)
    assert not moved.matches(grid)
    with pytest.raises(GeometryMismatchError, match="lie on different grids"):
        grid.require_match(moved, this="mask", that="image")


@given(geometries())
def test_grid_contains_its_voxels_up_to_their_edges_and_nothing_beyond(grid: Geometry) -> None:
    last = np.subtract(grid.size_xyz, 1)
    assert grid.contains(grid.corners_mm()).all()
    assert grid.contains(grid.to_point_mm([(-0.49,) * 3, last + 0.49])).all()
    assert not grid.contains(grid.to_point_mm([(-0.51,) * 3, last + 0.51])).any()


@given(scans(), st.data())
def test_crop_keeps_every_voxel_where_it_was(scan: Scan, data: st.DataObject) -> None:
    size = scan.geometry.size_xyz
    start = tuple(data.draw(st.integers(0, n - 1)) for n in size)
    length = tuple(data.draw(st.integers(1, n - s)) for n, s in zip(size, start, strict=True))
    box = Box(start, length)
    part = crop_scan(scan, box)
    np.testing.assert_allclose(
        part.geometry.corners_mm()[[0, -1]],
        scan.geometry.to_point_mm([start, np.add(start, length) - 1]),
        atol=1e-6,
    )
    whole = paste(part.voxels, box, scan.geometry, fill=7)
    np.testing.assert_array_equal(whole[box.slices_zyx], scan.voxels[box.slices_zyx])
    outside = np.ones(whole.shape, bool)
    outside[box.slices_zyx] = False
    assert (whole[outside] == 7).all()


@given(geometries(max_size=9), st.data())
def test_box_around_points_is_the_voxels_they_touch(grid: Geometry, data: st.DataObject) -> None:
    halves = st.tuples(*[st.integers(0, 2 * n - 2).map(lambda k: k / 2) for n in grid.size_xyz])
    points = np.array(data.draw(st.lists(halves, min_size=1, max_size=4)))
    margin = np.array(data.draw(st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 2.0])] * 3)))
    box = box_around(points, margin, grid)
    for axis in range(3):
        low, high = points[:, axis].min() - margin[axis], points[:, axis].max() + margin[axis]
        touched = [i for i in range(grid.size_xyz[axis]) if i + 0.5 >= low and i - 0.5 <= high]
        first, count = box.start_xyz[axis], box.size_xyz[axis]
        assert list(range(first, first + count)) == touched


@given(geometries(), st.tuples(*[st.floats(0.3, 5)] * 3))
def test_new_spacing_keeps_the_centre_and_the_axes(
    grid: Geometry, spacing_mm: tuple[float, float, float]
) -> None:
    other = with_spacing(grid, spacing_mm)
    assert other.spacing_mm == spacing_mm
    np.testing.assert_allclose(
        other.corners_mm().mean(axis=0), grid.corners_mm().mean(axis=0), atol=1e-6
    )
    np.testing.assert_allclose(other.axes, grid.axes)
    missing_mm = np.multiply(grid.size_xyz, grid.spacing_mm) - np.multiply(
        other.size_xyz, spacing_mm
    )
    assert (np.abs(missing_mm) <= np.multiply(spacing_mm, 0.5) + 1e-9).all() or 1 in other.size_xyz


@given(scans())
def test_simpleitk_finds_every_corner_where_we_do(scan: Scan) -> None:
    image = to_sitk(scan.voxels, scan.geometry)
    for corner in product(*((0, size - 1) for size in scan.geometry.size_xyz)):
        np.testing.assert_allclose(
            image.TransformIndexToPhysicalPoint(corner),
            scan.geometry.to_point_mm(corner),
            atol=1e-6,
        )
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), scan.voxels)


@given(geometries(max_size=4), indices)
def test_simpleitk_and_geometry_place_a_voxel_alike(
    grid: Geometry, index: tuple[int, int, int]
) -> None:
    image = to_sitk(np.zeros(grid.shape_zyx, np.uint8), grid)
    np.testing.assert_allclose(
        image.TransformIndexToPhysicalPoint(index), grid.to_point_mm(index), atol=1e-6
    )
