import numpy as np
import pytest

from oncotrace.imaging.surface_areas import CORNERS, areas_by_code_mm2


def code(*corners: tuple[int, int, int]) -> int:
    return sum(1 << CORNERS.index(corner) for corner in corners)


def test_only_cells_that_the_surface_crosses_have_an_area() -> None:
    areas = areas_by_code_mm2((1.0, 1.0, 1.0))
    assert (areas[0], areas[255]) == (0, 0)
    assert (areas[1:255] > 0).all()


def test_inside_and_outside_have_the_same_surface() -> None:
    areas = areas_by_code_mm2((3.0, 1.5, 0.5))
    np.testing.assert_allclose(areas, areas[::-1])


@pytest.mark.parametrize(("axis", "area_mm2"), [(0, 0.75), (1, 1.5), (2, 4.5)])
def test_a_flat_surface_has_the_area_of_the_side(axis: int, area_mm2: float) -> None:
    areas = areas_by_code_mm2((3.0, 1.5, 0.5))
    side = code(*[corner for corner in CORNERS if corner[axis] == 0])
    assert areas[side] == pytest.approx(area_mm2)


def test_a_corner_is_cut_off_by_a_triangle() -> None:
    a, b, c = 3.0 / 2, 1.5 / 2, 0.5 / 2  # from the corner to the middles of its edges
    triangle = np.linalg.norm(np.cross([-a, b, 0], [-a, 0, c])) / 2
    areas = areas_by_code_mm2((3.0, 1.5, 0.5))
    for corner in CORNERS:
        assert areas[code(corner)] == pytest.approx(triangle)
