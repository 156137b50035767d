"""Arrays turned to the patient's axes and back, and the coarse grid along them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.property.strategies import geometries, scans

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.patient_grid import on_patient_grid
from oncotrace.imaging.patient_pose import patient_pose


@given(scans())
def test_turning_there_and_back_changes_nothing(scan: Scan) -> None:
    pose = patient_pose(scan.geometry)
    np.testing.assert_array_equal(pose.turn_back(pose.turn(scan.voxels)), scan.voxels)


@given(geometries(), st.data())
def test_every_voxel_stays_where_it_is_in_the_patient(grid: Geometry, data: st.DataObject) -> None:
    index = tuple(data.draw(st.integers(0, n - 1)) for n in grid.size_xyz)
    voxels = np.zeros(grid.shape_zyx, dtype=bool)
    voxels[index[::-1]] = True
    pose = patient_pose(grid)
    (found,) = np.argwhere(pose.turn(voxels))
    np.testing.assert_allclose(
        pose.turned.to_point_mm(found[::-1]), grid.to_point_mm(index), atol=1e-6
    )


@given(geometries())
def test_turned_axes_run_to_the_left_the_back_and_the_head(grid: Geometry) -> None:
    assert (np.diag(patient_pose(grid).turned.axes) >= 0).all()


@given(geometries(min_size=2))
def test_the_patient_grid_covers_every_voxel(grid: Geometry) -> None:
    spacing_mm = 2 * max(grid.spacing_mm)
    coarse = on_patient_grid(
        Scan(np.ones(grid.shape_zyx, np.float32), grid), spacing_mm, outside=0.0
    )
    assert coarse.geometry.contains(grid.corners_mm()).all()
    np.testing.assert_array_equal(coarse.geometry.axes, np.eye(3))


def test_positions_survive_the_way_onto_the_patient_grid() -> None:
    grid = Geometry((40, 30, 20), (1.0, 1.0, 2.0), (7.0, -3.0, 11.0))
    z, y, x = np.indices(grid.shape_zyx)
    points = grid.to_point_mm(np.stack([x, y, z], axis=-1))
    coarse = on_patient_grid(Scan(points[..., 0].astype(np.float32), grid), 2.5, outside=np.nan)
    z, y, x = np.nonzero(np.isfinite(coarse.voxels))
    expected = coarse.geometry.to_point_mm(np.stack([x, y, z], axis=1))[:, 0]
    inner = np.abs(expected - 26.5) < 15  # beyond, whole groups of voxels are missing
    np.testing.assert_allclose(coarse.voxels[z, y, x][inner], expected[inner], atol=1e-3)
