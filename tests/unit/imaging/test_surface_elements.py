import numpy as np
import pytest
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.surface_elements import surface_elements

SPACING_MM = (0.5, 1.0, 3.0)
GRID = Geometry((9, 8, 7), SPACING_MM)
EDGE = np.sqrt(2) / 2  # of the cut that takes off an edge of a unit cell
CORNER = np.sqrt(3) / 8  # area of the triangle that cuts off a corner of a unit cell


def mask_of(*voxels_xyz: tuple[int, int, int], geometry: Geometry = GRID) -> Mask:
    voxels: NDArray[np.bool_] = np.zeros(geometry.shape_zyx, dtype=bool)
    for x, y, z in voxels_xyz:
        voxels[z, y, x] = True
    return Mask(voxels, geometry)


def unit_grid(size: int) -> Geometry:
    return Geometry((size, size, size), (1.0, 1.0, 1.0))


def test_a_single_voxel_is_an_octahedron() -> None:
    elements = surface_elements(mask_of((3, 3, 3), geometry=unit_grid(7)))
    assert len(elements.area_mm2) == 8
    np.testing.assert_allclose(elements.area_mm2, CORNER)
    np.testing.assert_allclose(elements.position_mm.mean(axis=0), [3, 3, 3])
    np.testing.assert_allclose(np.abs(elements.position_mm - 3), 0.5)


def test_a_box_has_flat_sides_and_cut_edges_and_corners() -> None:
    voxels = np.zeros((9, 9, 9), dtype=bool)
    voxels[2:6, 2:6, 2:6] = True
    area = surface_elements(Mask(voxels, unit_grid(9))).area_mm2.sum()
    assert area == pytest.approx(6 * 3 * 3 + 12 * 3 * EDGE + 8 * CORNER)


@pytest.mark.parametrize("axis_zyx", [0, 1, 2])
def test_a_plane_has_its_area_on_any_spacing(axis_zyx: int) -> None:
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    half = [slice(None)] * 3
    half[axis_zyx] = slice(0, 3)
    voxels[tuple(half)] = True
    elements = surface_elements(Mask(voxels, GRID))
    step = np.asarray(SPACING_MM[::-1])
    last = np.array(GRID.shape_zyx) - 1.5
    inner = (elements.position_mm > 0).all(axis=1) & (elements.position_mm <= last * step).all(
        axis=1
    )
    assert inner.any()
    np.testing.assert_allclose(elements.position_mm[inner, axis_zyx], 2.5 * step[axis_zyx])
    np.testing.assert_allclose(elements.area_mm2[inner], step.prod() / step[axis_zyx])


def test_a_diagonal_plane_has_its_area() -> None:
    z, y, _ = np.indices((12, 12, 12))
    elements = surface_elements(Mask(z + y < 10, unit_grid(12)))
    inner = np.all((elements.position_mm > 1) & (elements.position_mm < 8), axis=1)
    across = len(np.unique(elements.position_mm[inner][:, 2]))
    rows = len(np.unique(elements.position_mm[inner][:, 1]))
    on_plane = np.isclose(elements.position_mm[inner][:, :2].sum(axis=1), 9)
    assert on_plane.sum() == across * rows
    assert elements.area_mm2[inner].sum() == pytest.approx(across * rows * np.sqrt(2), rel=0.2)


def test_a_ball_has_nearly_its_area() -> None:
    # Of a staircase surface marching cubes on a binary mask finds some 5 % too much.
    z, y, x = np.indices((50, 50, 50)) - 24.7
    ball = Mask(z**2 + y**2 + x**2 <= 20**2, unit_grid(50))
    assert surface_elements(ball).area_mm2.sum() == pytest.approx(4 * np.pi * 20**2, rel=0.08)


def test_two_voxels_that_touch_at_a_corner_are_two_octahedra() -> None:
    together = surface_elements(mask_of((2, 2, 2), (3, 3, 3), geometry=unit_grid(7)))
    assert together.area_mm2.sum() == pytest.approx(16 * CORNER)


def test_mask_and_hole_have_the_same_surface() -> None:
    voxels = np.ones((9, 9, 9), dtype=bool)
    voxels[4, 4, 4] = False
    elements = surface_elements(Mask(voxels, unit_grid(9)))
    around_hole = np.abs(elements.position_mm - 4).max(axis=1) < 1
    np.testing.assert_allclose(elements.area_mm2[around_hole], CORNER)
    assert around_hole.sum() == 8


def test_an_empty_mask_has_no_surface() -> None:
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        surface_elements(mask_of())
