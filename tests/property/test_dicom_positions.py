"""Whatever the grid, a voxel read from DICOM lies where it was written."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from tests.unit.io.dicom_factory import enhanced, series, values, write

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.io.dicom_series import read_series

SIZE_XYZ = (6, 5, 4)


@st.composite
def grids(draw: st.DrawFn) -> Geometry:
    """Oblique, anisotropic grids, right- and left-handed."""
    turn = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    axes = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    axes[:, 2] *= draw(st.sampled_from([1, -1]))
    spacing_mm = draw(st.tuples(*[st.floats(0.2, 8)] * 3))
    origin_mm = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return Geometry(SIZE_XYZ, spacing_mm, origin_mm, tuple(map(float, axes.ravel())))


def assert_same_voxels_at_same_positions(scan: Scan, grid: Geometry) -> None:
    indices = np.stack(np.meshgrid(*map(np.arange, SIZE_XYZ), indexing="ij"), axis=-1)
    found = scan.geometry.to_index(grid.to_point_mm(indices))
    nearest = np.rint(found).astype(int)
    np.testing.assert_allclose(found, nearest, atol=1e-4)
    x, y, z = np.moveaxis(nearest, -1, 0)
    np.testing.assert_array_equal(
        scan.voxels[z, y, x], values(grid)[tuple(np.moveaxis(indices, -1, 0)[::-1])]
    )


@settings(max_examples=25, deadline=None)
@given(grid=grids(), numbers=st.permutations(range(SIZE_XYZ[2])))
def test_voxels_of_a_classic_series_keep_their_positions(
    grid: Geometry, numbers: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, dataset in zip(numbers, series(values(grid), grid, modality="MR"), strict=True):
            write(dataset, Path(folder) / f"{number}.dcm")
        assert_same_voxels_at_same_positions(read_series(Path(folder)).scan, grid)


@settings(max_examples=25, deadline=None)
@given(grid=grids(), order=st.permutations(range(SIZE_XYZ[2])))
def test_voxels_of_an_enhanced_object_keep_their_positions(
    grid: Geometry, order: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(enhanced(values(grid), grid, order=order), Path(folder) / "multi.dcm")
        assert_same_voxels_at_same_positions(read_series(path).scan, grid)
