"""The field that the tumour network is shown, and the axis that it is mirrored about."""

import numpy as np
import pytest
from tests.unit.segment.chest_phantom import GRID, Chest, chest

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, GeometryMismatchError
from oncotrace.segment.lung_field import LungField, lung_field, mirrored
from oncotrace.segment.spine_axis import SpineAxis, spine_axis


@pytest.fixture(scope="module")
def patient() -> Chest:
    return chest(collapsed_left=True)


@pytest.fixture(scope="module")
def field(patient: Chest) -> LungField:
    return lung_field(patient.ct, patient.lungs)


def test_the_axis_runs_along_the_spine(patient: Chest) -> None:
    axis = spine_axis(patient.ct, 20, 80)
    assert len(axis.columns) == 61
    points = axis.points_mm(50, GRID)
    np.testing.assert_allclose(points[:, 0], 0, atol=1.5)  # half a voxel
    np.testing.assert_allclose(
        points[:, 2], GRID.to_point_mm([[0, 0, z] for z in range(20, 81)])[:, 2]
    )


def test_beyond_the_lungs_the_axis_is_that_of_the_nearest_lung_slice() -> None:
    axis = SpineAxis(10, np.array([4.0, 5.0, 6.0]))
    np.testing.assert_array_equal(axis.column_in(np.array([0, 10, 11, 40])), [4, 4, 5, 6])


def test_the_axis_follows_a_bent_spine_with_the_published_lag() -> None:
    grid = Geometry((201, 120, 30), (1.0, 1.0, 3.0))
    _, y, x = np.indices(grid.shape_zyx)
    bend = 100 + np.arange(30)[:, None, None] * 0.5
    bone = np.hypot(x - bend, y - 80) < 15
    axis = spine_axis(Scan(np.where(bone, 700, -1000).astype(np.float32), grid), 0, 29)
    # Exponential smoothing lags 0.7 / 0.3 slices behind a straight line, here towards the head.
    np.testing.assert_allclose(axis.columns[:15], bend[:15, 0, 0] + 0.5 * 0.7 / 0.3, atol=0.3)


def test_mirroring_twice_about_a_column_changes_nothing() -> None:
    voxels = np.random.default_rng(0).random((4, 5, 21)) > 0.5
    axis = SpineAxis(0, np.full(4, 10.0))
    np.testing.assert_array_equal(mirrored(mirrored(voxels, axis), axis), voxels)


def test_mirroring_moves_a_voxel_to_the_other_side_of_its_slices_spine() -> None:
    voxels = np.zeros((2, 3, 21), dtype=bool)
    voxels[0, 1, 4] = voxels[1, 1, 4] = True
    image = mirrored(voxels, SpineAxis(0, np.array([10.0, 8.5])))
    assert np.argwhere(image).tolist() == [[0, 1, 16], [1, 1, 13]]


@pytest.mark.slow
def test_a_collapsed_lobe_lies_within_the_field(patient: Chest, field: LungField) -> None:
    whole = chest()
    lost = whole.left & ~patient.left
    assert lost.sum() > 1000
    covered = field.on_source(field.field).voxels
    assert covered[lost].all()
    assert covered[patient.lungs.voxels].all()


def test_outside_the_field_lies_air(patient: Chest, field: LungField) -> None:
    assert field.slices.voxels.shape == (100, 512, 512)
    assert (field.slices.voxels[~field.field.voxels] == -1024).all()
    inside = field.slices.voxels[field.field.voxels]
    assert np.isin(inside, patient.ct.voxels).mean() > 0.99
    assert field.grey_levels.dtype == np.uint8
    assert (field.grey_levels[~field.field.voxels] == 55).all()  # (-1024 + 1350) / 1500 * 256


def test_the_field_is_wider_than_the_lungs_by_five_millimetres(field: LungField) -> None:
    row = field.slices.geometry.to_index([[-78.0, 0.0, 20.0]])[0].round().astype(int)
    columns = np.flatnonzero(field.field.voxels[row[2], row[1]])
    first_mm = field.slices.geometry.to_point_mm([columns[0], row[1], row[2]])[0]
    assert first_mm == pytest.approx(-78 - 55 - 5, abs=3)


def test_a_mask_on_the_slices_comes_back_to_its_place(field: LungField) -> None:
    slices = field.slices.geometry
    voxels = np.zeros(slices.shape_zyx, dtype=bool)
    low, high = (slices.to_index([p])[0].round().astype(int) for p in ((30, -20, 0), (60, 10, 30)))
    voxels[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = True
    back = field.on_source(Mask(voxels, slices))
    assert back.geometry == GRID
    z, y, x = back.box_zyx()
    np.testing.assert_allclose(
        GRID.to_point_mm([x.start, y.start, z.start]), [30, -20, 0], atol=GRID.spacing_mm[0]
    )
    volume = voxels.sum() * slices.voxel_volume_mm3
    assert back.voxels.sum() * GRID.voxel_volume_mm3 == pytest.approx(volume, rel=0.1)


def test_a_mask_of_another_grid_is_refused(patient: Chest, field: LungField) -> None:
    with pytest.raises(GeometryMismatchError, match="the mask and the slices"):
        field.on_source(patient.lungs)
    elsewhere = Mask(patient.left, Geometry(GRID.size_xyz, GRID.spacing_mm))
    with pytest.raises(GeometryMismatchError, match="the lungs and the image"):
        lung_field(patient.ct, elsewhere)


def test_without_lungs_there_is_no_field(patient: Chest) -> None:
    nothing = Mask(np.zeros(GRID.shape_zyx, dtype=bool), GRID)
    with pytest.raises(EmptyMaskError, match="no lungs") as caught:
        lung_field(patient.ct, nothing)
    assert caught.value.code == "no-lungs"
