"""Clicks are checked against the image, and the message says what is wrong with them."""

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.errors import ClickError
from oncotrace.segment.voi import clicks_on_grid, volume_of_interest, voxels_at

GRID = Geometry((60, 50, 40), (1.0, 1.0, 2.0), (-300.0, 100.0, 500.0))
SIX_XYZ = [(20, 25, 20), (40, 25, 20), (30, 15, 20), (30, 35, 20), (30, 25, 14), (30, 25, 26)]


def clicks_at(indices_xyz, geometry=GRID, **more):
    return Clicks(geometry.to_point_mm(indices_xyz), **more)


def test_six_points_pass_without_a_warning():
    found = clicks_on_grid(clicks_at(SIX_XYZ), GRID)
    assert len(found.seeds_mm) == len(found.outline_mm) == 6
    assert found.warnings == ()


def test_the_order_of_the_points_does_not_matter():
    shuffled = [SIX_XYZ[i] for i in (3, 1, 5, 0, 2, 4)]
    np.testing.assert_array_equal(
        clicks_on_grid(clicks_at(SIX_XYZ), GRID).seeds_mm,
        clicks_on_grid(clicks_at(shuffled), GRID).seeds_mm,
    )


def test_a_point_outside_is_named_with_the_extent_of_the_image():
    points = [*SIX_XYZ[:4], (30, 25, 45), SIX_XYZ[5]]
    with pytest.raises(
        ClickError,
        match=r"point 5 at \(-270\.0, 125\.0, 590\.0\) mm lies outside .* from "
        r"\(-300\.5, 99\.5, 499\.0\) to \(-240\.5, 149\.5, 579\.0\) mm",
    ) as caught:
        clicks_on_grid(clicks_at(points), GRID)
    assert caught.value.code == "click-outside"
    assert "voxel indices" not in (caught.value.hint or "")


def test_voxel_indices_given_as_millimetres_are_recognised():
    with pytest.raises(ClickError, match="look like voxel indices"):
        clicks_on_grid(Clicks(np.array(SIX_XYZ, dtype=float)), GRID)


def test_ras_points_given_as_lps_are_recognised():
    ras = GRID.to_point_mm(SIX_XYZ) * (-1, -1, 1)
    with pytest.raises(ClickError, match="look like RAS, not LPS"):
        clicks_on_grid(Clicks(ras), GRID)


def test_a_correction_outside_is_named():
    outside = Correction("positive", GRID.to_point_mm([(30, 25, 60)]))
    with pytest.raises(ClickError, match=r"correction 1, point 1 at .* lies outside"):
        clicks_on_grid(clicks_at(SIX_XYZ, corrections=(outside,)), GRID)


def test_a_correction_that_was_taken_back_is_not_checked():
    outside = Correction("positive", GRID.to_point_mm([(30, 25, 60)]))
    undo = Correction("undo", np.empty((0, 3)))
    found = clicks_on_grid(clicks_at(SIX_XYZ, corrections=(outside, undo)), GRID)
    assert found.corrections == ()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_than_four_points_are_too_few(count):
    with pytest.raises(ClickError, match=f"there are {count} different points; at least 4"):
        clicks_on_grid(clicks_at(SIX_XYZ[:count]), GRID)


def test_two_points_in_one_voxel_count_once_and_are_named():
    points = [*SIX_XYZ, (20.2, 25.1, 20.3)]
    found = clicks_on_grid(clicks_at(points), GRID)
    assert len(found.seeds_mm) == 6
    assert found.warnings == ("points 1 and 7 lie in the same voxel and count once.",)


def test_too_few_points_after_doubles_are_dropped_names_the_doubles():
    points = [SIX_XYZ[0], SIX_XYZ[1], SIX_XYZ[2], SIX_XYZ[0]]
    with pytest.raises(ClickError, match=r"there are 3 different points \(points 1 and 4 lie in"):
        clicks_on_grid(clicks_at(points), GRID)


def test_points_in_one_slice_are_taken_to_reach_one_slice_to_either_side():
    found = clicks_on_grid(clicks_at(SIX_XYZ[:4]), GRID)
    assert "all points lie in slice 20" in found.warnings[0]
    z = GRID.to_index(found.outline_mm)[:, 2]
    assert (z.min(), z.max()) == pytest.approx((19.0, 21.0))
    assert len(found.seeds_mm) == 4


@pytest.mark.parametrize(("axis", "name"), [(0, "x"), (1, "y")])
def test_points_in_another_plane_are_refused_with_the_missing_extent(axis, name):
    points = np.array(SIX_XYZ, dtype=float)
    points = np.concatenate([points, points[:, [0, 1, 2]] + (0, 0, 3)])
    points[:, axis] = 25
    with pytest.raises(ClickError, match=f"grid's {name} axis their extent is 0.0 mm"):
        clicks_on_grid(clicks_at(points), GRID)


def test_points_in_an_oblique_plane_are_refused():
    points = [(10, 10, 10), (30, 10, 15), (10, 30, 10), (30, 30, 15), (20, 20, 12.5)]
    with pytest.raises(ClickError, match="all points lie in one plane: along the direction"):
        clicks_on_grid(clicks_at(points), GRID)


def test_points_on_a_line_are_refused():
    points = [(10, 10, 10), (20, 10, 10), (30, 10, 10), (40, 10, 10)]
    with pytest.raises(ClickError, match="the 4 points lie on one line"):
        clicks_on_grid(clicks_at(points), GRID)


def test_a_box_stands_for_points_that_are_no_seeds():
    box = GRID.to_point_mm([(15, 10, 10), (45, 40, 30)])
    found = clicks_on_grid(Clicks(np.empty((0, 3)), box_mm=box[::-1]), GRID)
    assert len(found.seeds_mm) == 0
    index = GRID.to_index(found.outline_mm)
    np.testing.assert_allclose(index.min(axis=0), (19, 14, 12))  # 4 mm inside
    np.testing.assert_allclose(index.max(axis=0), (41, 36, 28))


def test_a_box_beyond_the_image_is_cut_and_a_box_outside_it_is_refused():
    reaching_out = GRID.to_point_mm([(-20, 10, 10), (45, 40, 30)])
    found = clicks_on_grid(Clicks(np.empty((0, 3)), box_mm=reaching_out), GRID)
    assert GRID.to_index(found.outline_mm)[:, 0].min() == pytest.approx(3.5)
    outside = GRID.to_point_mm([(-20, 10, 10), (-10, 40, 30)])
    with pytest.raises(ClickError, match="outside the image, along the grid's x axis"):
        clicks_on_grid(Clicks(np.empty((0, 3)), box_mm=outside), GRID)


def test_the_volume_of_interest_has_a_margin_of_ten_millimetres_clipped_at_the_image():
    box = volume_of_interest(clicks_on_grid(clicks_at(SIX_XYZ), GRID), GRID)
    assert box.start_xyz == (10, 5, 9)
    assert box.size_xyz == (41, 41, 23)
    low = [(x, y, max(0, z - 14)) for x, y, z in SIX_XYZ]
    assert volume_of_interest(clicks_on_grid(clicks_at(low), GRID), GRID).start_xyz[2] == 0


def test_the_volume_of_interest_grows_with_a_large_tumour():
    grid = Geometry((200, 200, 200))
    points = [(50, 100, 100), (150, 100, 100), (100, 50, 100), (100, 150, 100)]
    points += [(100, 100, 50), (100, 100, 150)]
    box = volume_of_interest(clicks_on_grid(clicks_at(points, grid), grid), grid)
    assert box.start_xyz == (35, 35, 35)
    assert box.size_xyz == (131, 131, 131)


def test_a_point_on_the_outer_edge_belongs_to_the_outermost_voxel():
    edge = GRID.to_point_mm([(-0.5, 49.5, 39.5)])
    np.testing.assert_array_equal(voxels_at(edge, GRID), [[39, 49, 0]])
