import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from oncotrace.domain.geometry import AXIS_ALIGNED, Geometry
from oncotrace.domain.mask import Mask
from oncotrace.report.slices import (
    PLANES,
    Plane,
    View,
    frame_around,
    largest_slice,
    middle_slice,
    orientation_letters,
    spread_slices,
)

SAGITTAL = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # x runs to P, y to S, z to L
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0)  # x runs to L, y to S, z to A
ALL_FLIPPED = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)
FEET_FIRST_PRONE = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)
OBLIQUE = tuple(
    float(v) for v in Rotation.from_euler("xyz", [25, -8, 12], degrees=True).as_matrix().ravel()
)
DIRECTIONS = [AXIS_ALIGNED, SAGITTAL, CORONAL, ALL_FLIPPED, FEET_FIRST_PRONE, OBLIQUE]
NO_POINTS = np.empty((0, 3))


def grid(direction: tuple[float, ...]) -> Geometry:
    return Geometry((9, 7, 5), (0.6, 1.1, 4.0), (3.0, -20.0, 55.0), direction)


def view_of(plane: Plane, direction: tuple[float, ...]) -> View:
    geometry = grid(direction)
    return View(plane, geometry, geometry.to_point_mm((4.2, 3.0, 1.7)))


def mask_of(voxels: NDArray[np.bool_], direction: tuple[float, ...] = AXIS_ALIGNED) -> Mask:
    return Mask(voxels, grid(direction))


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, -1, 0), "A"),
        ((0, 0, 1), "H"),
        ((0, 0, -1), "F"),
        ((0.05, 0.0, 0.99), "H"),
        ((0.6, 0.8, 0.0), "PL"),
        ((-0.9, 0.0, -0.43), "RF"),
        ((0.577, -0.6, 0.55), "ALH"),
    ],
)
def test_letters_name_where_a_direction_points(
    direction: tuple[float, float, float], letters: str
) -> None:
    assert orientation_letters(direction) == letters


@pytest.mark.parametrize("direction", DIRECTIONS[:-1])
@pytest.mark.parametrize(
    ("plane", "letters"),
    [("axial", "RLAP"), ("coronal", "RLHF"), ("sagittal", "APHF")],
)
def test_every_grid_is_shown_the_radiologists_way(
    direction: tuple[float, ...], plane: Plane, letters: str
) -> None:
    assert "".join(view_of(plane, direction).letters()) == letters
    assert view_of(plane, direction).name == plane.capitalize()


def test_oblique_plane_says_so() -> None:
    geometry = Geometry(
        (4, 4, 4),
        direction=tuple(
            float(v) for v in Rotation.from_euler("x", 12, degrees=True).as_matrix().ravel()
        ),
    )
    centre = geometry.to_point_mm((1, 1, 1))
    assert View("axial", geometry, centre).name == "Axial-oblique (12°)"
    assert View("sagittal", geometry, centre).name == "Sagittal"


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_voxel_is_drawn_where_its_point_is(direction: tuple[float, ...], plane: Plane) -> None:
    view = view_of(plane, direction)
    x, y, z = 6, 2, 3
    voxels = np.zeros(view.geometry.shape_zyx)
    voxels[z, y, x] = 1
    image = view.image(voxels, (x, y, z)[view.across])
    ((row, column),) = np.argwhere(image)

    left, right, bottom, top = view.extent_mm()
    rows, columns = image.shape
    drawn = (
        left + (column + 0.5) / columns * (right - left),
        top + (row + 0.5) / rows * (bottom - top),
    )
    point_mm = view.geometry.to_point_mm((x, y, z))
    np.testing.assert_allclose(view.to_screen_mm(point_mm), drawn, atol=1e-5)
    assert view.distance_mm(point_mm, (x, y, z)[view.across]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_screen_is_measured_in_millimetres(direction: tuple[float, ...], plane: Plane) -> None:
    view = view_of(plane, direction)
    right, down = (view.geometry.axes[:, axis] for axis in view.screen_axes)
    points = np.array([view.centre_mm, view.centre_mm + 7 * right, view.centre_mm + 7 * down])
    centre, one, other = view.to_screen_mm(points)
    np.testing.assert_allclose(centre, 0, atol=1e-5)
    np.testing.assert_allclose(np.abs(one), (7, 0), atol=1e-5)
    np.testing.assert_allclose(np.abs(other), (0, 7), atol=1e-5)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_outline_surrounds_the_voxel(direction: tuple[float, ...], plane: Plane) -> None:
    view = view_of(plane, direction)
    voxels = np.zeros(view.geometry.shape_zyx, dtype=bool)
    voxels[3, 2, 6] = True
    outline = view.outline_mm(Mask(voxels, view.geometry), (6, 2, 3)[view.across])
    assert len(outline) == 4
    centre = view.to_screen_mm(view.geometry.to_point_mm((6, 2, 3)))
    np.testing.assert_allclose(outline.mean(axis=(0, 1)), centre, atol=1e-5)
    spacing = [view.geometry.spacing_mm[axis] for axis in view.screen_axes]
    np.testing.assert_allclose(np.ptp(outline.reshape(-1, 2), axis=0), spacing, atol=1e-5)


def test_position_is_the_patient_coordinate() -> None:
    assert view_of("axial", AXIS_ALIGNED).position_mm(2) == pytest.approx(55 + 8)
    assert view_of("axial", ALL_FLIPPED).position_mm(2) == pytest.approx(55 - 8)
    assert view_of("sagittal", SAGITTAL).position_mm(3) == pytest.approx(3 + 12)


def test_slices_run_from_head_to_feet() -> None:
    voxels = np.zeros((5, 7, 9), dtype=bool)
    voxels[1:5] = True
    for direction, expected in ((AXIS_ALIGNED, [4, 3, 2, 1]), (ALL_FLIPPED, [1, 2, 3, 4])):
        view = view_of("axial", direction)
        assert spread_slices(view, mask_of(voxels, direction), 9) == expected
        assert spread_slices(view, mask_of(voxels, direction), 2) == [expected[0], expected[-1]]


def test_slices_skip_gaps_of_the_mask() -> None:
    voxels = np.zeros((5, 7, 9), dtype=bool)
    voxels[[0, 4], 3, 3] = True
    view = view_of("axial", AXIS_ALIGNED)
    assert spread_slices(view, mask_of(voxels), 7) == [4, 0]
    assert middle_slice(view, mask_of(voxels)) == 4


def test_largest_slice_has_most_voxels() -> None:
    voxels = np.zeros((5, 7, 9), dtype=bool)
    voxels[1, 3, 3:6] = True
    voxels[2, 3, 3] = True
    assert largest_slice(view_of("axial", AXIS_ALIGNED), mask_of(voxels)) == 1


def test_frame_holds_masks_and_points_inside_the_grid() -> None:
    voxels = np.zeros((5, 7, 9), dtype=bool)
    voxels[2, 3, 4] = True
    geometry = grid(AXIS_ALIGNED)
    inside, outside = geometry.to_point_mm([(8, 3, 2), (40, 3, 2)])
    alone = frame_around(geometry, [mask_of(voxels)], NO_POINTS)
    np.testing.assert_allclose(alone.extent_mm, geometry.spacing_mm)
    both = frame_around(geometry, [mask_of(voxels)], np.array([inside, outside]))
    np.testing.assert_allclose(both.extent_mm, (4.5 * 0.6, 1.1, 4.0))


def test_frame_without_anything_is_the_grid() -> None:
    geometry = grid(OBLIQUE)
    frame = frame_around(geometry, [], NO_POINTS)
    np.testing.assert_allclose(frame.extent_mm, (9 * 0.6, 7 * 1.1, 5 * 4.0))
    np.testing.assert_allclose(geometry.to_index(frame.centre_mm), (4, 3, 2), atol=1e-9)
    assert frame.crop(np.zeros(geometry.shape_zyx)).shape == geometry.shape_zyx


def test_crop_holds_the_frame_and_a_margin() -> None:
    geometry = Geometry((200, 200, 50), (1.0, 1.0, 4.0))
    voxels = np.zeros((50, 200, 200), dtype=bool)
    voxels[20:30, 80:120, 90:110] = True
    frame = frame_around(geometry, [Mask(voxels, geometry)], NO_POINTS)
    part = frame.crop(voxels)
    assert part.sum() == voxels.sum()
    # 40 mm, 40 mm, 20 mm and 12, 12, 10 mm on either side, in whole voxels.
    assert part.shape == (10 + 2 * 3, 40 + 2 * 12, 20 + 2 * 10)
