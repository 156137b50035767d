"""Grids that make sense, and those that are refused."""

import numpy as np
import pytest

from oncotrace.domain.geometry import AXIS_ALIGNED, Geometry
from oncotrace.errors import GeometryMismatchError, InputError

GRID = Geometry((4, 5, 6), (0.5, 1.0, 3.0), (-10.0, 20.0, 30.0))


def test_array_axes_are_the_reverse_of_grid_axes() -> None:
    assert GRID.shape_zyx == (6, 5, 4)
    assert GRID.spacing_zyx_mm == (3.0, 1.0, 0.5)
    assert GRID.voxel_volume_mm3 == 1.5


def test_position_of_a_voxel_on_a_sagittal_grid_is_the_one_worked_out_by_hand() -> None:
    # columns run to posterior, rows to inferior, slices to the left
    sagittal = Geometry((9, 9, 9), (2, 3, 4), (1, 2, 3), (0, 0, 1, 1, 0, 0, 0, -1, 0))
    np.testing.assert_allclose(sagittal.to_point_mm((1, 0, 0)), (1, 4, 3))
    np.testing.assert_allclose(sagittal.to_point_mm((0, 1, 0)), (1, 2, 0))
    np.testing.assert_allclose(sagittal.to_point_mm((0, 0, 1)), (5, 2, 3))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"size_xyz": (4, 5)}, "three positive sizes"),
        ({"size_xyz": (4, 0, 6)}, "three positive sizes"),
        ({"spacing_mm": (1.0, 1.0)}, "3 spacings"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "spacing must be positive"),
        ({"spacing_mm": (1.0, -1.0, 1.0)}, "spacing must be positive"),
        ({"origin_mm": (0.0, float("nan"), 0.0)}, "all finite"),
        ({"direction": AXIS_ALIGNED[:8]}, "9 direction cosines"),
        ({"spacing_mm": (1.0,) * 4, "direction": AXIS_ALIGNED[:8]}, "3 spacings"),
        ({"direction": (2.0, *AXIS_ALIGNED[1:])}, "not orthonormal"),
        ({"direction": (1.0, 0.01, *AXIS_ALIGNED[2:])}, "not orthonormal"),
    ],
)
def test_impossible_grid_is_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Geometry(**{"size_xyz": (4, 5, 6), **arguments})


def test_rounded_direction_cosines_become_exact() -> None:
    degrees = np.radians(20)
    rounded = np.round([np.cos(degrees), -np.sin(degrees), 0, np.sin(degrees), np.cos(degrees)], 4)
    grid = Geometry((4, 5, 6), direction=(*rounded.tolist(), 0.0, 0.0, 0.0, 1.0))
    np.testing.assert_allclose(grid.axes.T @ grid.axes, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(grid.axes[0, :2], [np.cos(degrees), -np.sin(degrees)], atol=1e-4)


def test_exact_direction_cosines_are_kept_as_they_are() -> None:
    flipped = (0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    assert Geometry((4, 5, 6), direction=flipped).direction == flipped


def test_grids_of_other_size_do_not_match() -> None:
    assert not GRID.matches(Geometry((4, 5, 7), GRID.spacing_mm, GRID.origin_mm))


def test_mismatch_describes_both_grids_and_says_what_to_do() -> None:
    other = Geometry((4, 5, 7), direction=(0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    with pytest.raises(
        GeometryMismatchError,
        match=r"the mask and the image lie on different grids: mask 4 x 5 x 6 voxels of "
        r"0\.5 x 1 x 3 mm from \(-10\.00, 20\.00, 30\.00\), image 4 x 5 x 7 .* axes .* "
        r"Resample the mask onto the image's grid first",
    ):
        GRID.require_match(other, this="mask", that="image")


def test_matching_grids_pass() -> None:
    GRID.require_match(GRID, this="mask", that="image")
