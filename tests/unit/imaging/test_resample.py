"""Resampling puts values where they are in the patient."""

import numpy as np
import pytest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.resample import resample_array, resample_scan, with_spacing

TURN = np.radians(30)
OBLIQUE = (np.cos(TURN), -np.sin(TURN), 0, np.sin(TURN), np.cos(TURN), 0, 0, 0, -1)
SOURCE = Geometry((20, 18, 12), (1.0, 1.5, 3.0), (-10.0, 20.0, 30.0), OBLIQUE)


def gradient(grid: Geometry) -> np.ndarray:
    """Return values that are a linear function of the place in the patient."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij")
    places = grid.to_point_mm(np.stack([x, y, z], axis=-1))
    return (places @ [0.5, -2.0, 3.0] + 7).astype(np.float32)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_linear_values_are_exact_between_voxels(interpolation: str) -> None:
    inner = SOURCE.to_point_mm([9.3, 8.1, 5.2])
    target = Geometry((3, 3, 3), (0.7, 0.6, 1.1), tuple(inner.tolist()))
    values = resample_array(
        gradient(SOURCE), SOURCE, target, interpolation=interpolation, outside=-99
    )
    # A cubic spline feels the mirrored borders a little.
    tolerance = 1e-3 if interpolation == "linear" else 0.2
    np.testing.assert_allclose(values, gradient(target), atol=tolerance)


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
def test_same_grid_gives_the_same_values(interpolation: str) -> None:
    scan = Scan(gradient(SOURCE), SOURCE, "mr-t1")
    same = resample_scan(scan, SOURCE, interpolation=interpolation, outside=0)
    np.testing.assert_allclose(same.voxels, scan.voxels, rtol=1e-5, atol=1e-3)
    assert same.modality == "mr-t1"
    assert same.voxels.dtype == np.float32


def test_nearest_makes_no_new_values() -> None:
    labels = (gradient(SOURCE) > 50).astype(np.float32)
    target = with_spacing(SOURCE, (0.8, 0.8, 0.8))
    values = resample_array(labels, SOURCE, target, interpolation="nearest", outside=0)
    assert set(np.unique(values)) == {0, 1}


def test_places_outside_the_source_get_the_outside_value() -> None:
    far = Geometry((2, 2, 2), origin_mm=(5000.0, 0.0, 0.0))
    values = resample_array(gradient(SOURCE), SOURCE, far, interpolation="linear", outside=-1024)
    np.testing.assert_array_equal(values, np.full((2, 2, 2), -1024))


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
def test_volume_of_two_slices_can_be_resampled(interpolation: str) -> None:
    thin = Geometry((6, 6, 2), (1.0, 1.0, 5.0))
    target = with_spacing(thin, (1.0, 1.0, 2.5))
    values = resample_array(
        np.ones(thin.shape_zyx, np.float32), thin, target, interpolation=interpolation, outside=0
    )
    np.testing.assert_allclose(values, 1, atol=1e-5)


def test_new_spacing_fills_the_same_volume_by_whole_voxels() -> None:
    finer = with_spacing(Geometry((10, 10, 4), (1.0, 1.0, 5.0)), (1.0, 2.0, 1.0))
    assert finer.size_xyz == (10, 5, 20)
    assert finer.origin_mm == (0.0, 0.5, -2.0)


def test_grid_never_loses_its_last_voxel() -> None:
    assert with_spacing(Geometry((2, 2, 2)), (50.0, 50.0, 50.0)).size_xyz == (1, 1, 1)


def test_a_cosine_that_nearly_vanishes_hides_no_image() -> None:
    nearly = -4.45014771704e-313
    upright = Geometry((2, 2, 2), (0.375, 1.0, 1.0), (0.0, 0.0, 0.0), (0, 1, 0, -1, 0, 0, 0, 0, 1))
    tilted = (0.0, 1.0, 0.0, -1.0, 0.0, nearly, nearly, 0.0, 1.0)
    same = Geometry((2, 2, 2), (0.375, 1.0, 1.0), (0.0, 0.0, 0.0), tilted)
    voxels = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    for source, target in ((same, upright), (upright, same)):
        found = resample_array(voxels, source, target, interpolation="linear", outside=-1.0)
        np.testing.assert_array_equal(found, voxels)
