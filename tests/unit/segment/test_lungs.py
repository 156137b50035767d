"""Lungs of a synthetic chest: where they are, whose side, and what is not lung."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tests.unit.segment.chest_phantom import GRID, SHAPE_ZYX, SPACING_MM, Chest, chest, on_grid

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.resample import with_spacing
from oncotrace.segment.lungs import Lungs, find_lungs


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


@pytest.fixture(scope="module")
def patient() -> Chest:
    return chest()


@pytest.fixture(scope="module")
def found(patient: Chest) -> Lungs:
    return find_lungs(patient.ct)


def test_lungs_are_found_with_their_vessels_on_the_patients_sides(
    patient: Chest, found: Lungs
) -> None:
    assert overlap(found.labels == 1, patient.left) > 0.95
    assert overlap(found.labels == 2, patient.right) > 0.95
    assert found.geometry == GRID


def test_volumes_are_those_of_the_labels(found: Lungs) -> None:
    ellipsoid_ml = 4 / 3 * np.pi * 55 * 75 * 95 / 1000
    assert found.left_ml == pytest.approx(ellipsoid_ml, rel=0.05)
    assert found.left_ml == (found.labels == 1).sum() * SPACING_MM**3 / 1000
    assert found.right_ml == (found.labels == 2).sum() * SPACING_MM**3 / 1000


def test_trachea_bowel_and_the_air_outside_are_no_lungs(patient: Chest, found: Lungs) -> None:
    assert found.airway_found
    between = patient.airway & ~patient.left & ~patient.right
    assert (found.labels[between] != 0).mean() < 0.05
    elsewhere = (patient.ct.voxels < -900) & ~patient.lungs.voxels & ~patient.airway
    assert not found.labels[elsewhere].any()


@pytest.mark.slow
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(1, 1, -1), (-1, -1, 1), (-1, 1, 1)])
def test_the_order_and_sense_of_the_grids_axes_do_not_matter(
    axes: tuple[int, int, int], flips: tuple[int, int, int], patient: Chest, found: Lungs
) -> None:
    turn = tuple(slice(None, None, flip) for flip in flips)
    other = Scan(patient.ct.voxels.transpose(axes)[turn], turned(axes, flips), "ct")
    np.testing.assert_array_equal(find_lungs(other).labels, found.labels.transpose(axes)[turn])


def turned(axes: tuple[int, int, int], flips: tuple[int, int, int]) -> Geometry:
    """Grid of the phantom's array after it is transposed and flipped; both in z, y, x."""
    first = np.zeros(3)
    direction = np.zeros((3, 3))
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        direction[2 - old, 2 - new] = flip
        first[2 - old] = 0 if flip > 0 else SHAPE_ZYX[old] - 1
    x, y, z = (float(value) for value in GRID.to_point_mm(first))
    nz, ny, nx = (SHAPE_ZYX[old] for old in axes)
    return Geometry((nx, ny, nz), GRID.spacing_mm, (x, y, z), tuple(direction.ravel().tolist()))


@pytest.mark.slow
def test_an_oblique_grid_shows_the_same_lungs(patient: Chest) -> None:
    straight = find_lungs(on_grid(patient.ct, posed(turn_deg=0, tilt_deg=0)))
    oblique = find_lungs(on_grid(patient.ct, posed(turn_deg=20, tilt_deg=12)))
    assert oblique.airway_found
    assert oblique.left_ml == pytest.approx(straight.left_ml, rel=0.01)
    assert oblique.right_ml == pytest.approx(straight.right_ml, rel=0.01)
    z, y, x = np.nonzero(oblique.labels == 1)
    points = oblique.geometry.to_point_mm(np.stack([x, y, z], axis=1))
    np.testing.assert_allclose(points.mean(axis=0), [78, 0, 20], atol=3)


def posed(*, turn_deg: float, tilt_deg: float) -> Geometry:
    """Grid around the patient, turned about the long axis and tilted towards the head."""
    about_z = Rotation.from_euler("z", turn_deg, degrees=True).as_matrix()
    axes = about_z @ Rotation.from_euler("x", tilt_deg, degrees=True).as_matrix()
    size = (128, 104, 112)
    x, y, z = (float(value) for value in -axes @ (np.array(size) - 1) / 2 * SPACING_MM)
    return Geometry(size, GRID.spacing_mm, (x, y, z), tuple(axes.ravel().tolist()))


@pytest.mark.slow
@pytest.mark.parametrize("spacing_mm", [(1.5, 1.5, 1.0), (2.0, 2.0, 8.0)])
def test_thin_and_thick_slices_show_the_same_lungs(
    spacing_mm: tuple[float, float, float], patient: Chest, found: Lungs
) -> None:
    lungs = find_lungs(on_grid(patient.ct, with_spacing(GRID, spacing_mm)))
    assert lungs.left_ml == pytest.approx(found.left_ml, rel=0.04)
    assert lungs.right_ml == pytest.approx(found.right_ml, rel=0.04)


@pytest.mark.slow
def test_lungs_that_touch_are_parted_along_the_line_between_them() -> None:
    patient = chest(touching=True)
    lungs = find_lungs(patient.ct)
    assert overlap(lungs.labels == 1, patient.left) > 0.95
    assert overlap(lungs.labels == 2, patient.right) > 0.95
    both = patient.left & (lungs.labels == 2) | patient.right & (lungs.labels == 1)
    assert both.sum() < 0.002 * (patient.left | patient.right).sum()


@pytest.mark.slow
def test_one_lung_alone_keeps_its_side(patient: Chest) -> None:
    voxels = patient.ct.voxels.copy()
    voxels[patient.left] = 40
    lungs = find_lungs(Scan(voxels, GRID, "ct"))
    assert lungs.left_ml == 0
    assert overlap(lungs.labels == 2, patient.right) > 0.94


@pytest.mark.slow
def test_a_lung_that_the_image_cuts_off_at_the_side_is_found(patient: Chest) -> None:
    columns = slice(0, 84)  # the left lung's outer half is missing
    part = Scan(patient.ct.voxels[:, :, columns], GRID.crop((0, 0, 0), (84, 84, 100)), "ct")
    lungs = find_lungs(part)
    assert overlap(lungs.labels == 1, patient.left[:, :, columns]) > 0.9
    assert overlap(lungs.labels == 2, patient.right[:, :, columns]) > 0.95


@pytest.mark.slow
def test_a_ct_without_lungs_gives_no_voxel() -> None:
    lungs = find_lungs(chest(lungs=False).ct)
    assert not lungs.found
    assert (lungs.left_ml, lungs.right_ml) == (0.0, 0.0)
    assert lungs.labels.shape == GRID.shape_zyx


@pytest.mark.parametrize("value", [-1000.0, 0.0, 40.0])
def test_an_image_of_one_value_shows_no_lungs(value: float) -> None:
    grid = Geometry((20, 18, 9), (2.0, 2.0, 5.0))
    voxels = np.full(grid.shape_zyx, value, dtype=np.float32)
    assert not find_lungs(Scan(voxels, grid, "ct")).found


@pytest.mark.slow
def test_padding_far_below_air_changes_nothing(patient: Chest, found: Lungs) -> None:
    voxels = patient.ct.voxels.copy()
    voxels[:, :3] = voxels[:, -3:] = -3024
    np.testing.assert_array_equal(find_lungs(Scan(voxels, GRID, "ct")).labels, found.labels)
