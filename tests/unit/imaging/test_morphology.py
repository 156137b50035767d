"""Binary volumes grown, shrunk and filled."""

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.imaging.morphology import (
    ball_xyz,
    closed,
    depth_mm,
    dilated,
    disc_xyz,
    eroded,
    filled_slices,
)


def dot() -> np.ndarray:
    voxels = np.zeros((7, 9, 11), dtype=bool)
    voxels[3, 4, 5] = True
    return voxels


def test_radii_are_whole_voxels_of_each_axis() -> None:
    grid = Geometry((4, 4, 4), (1.0, 2.0, 5.0))
    assert ball_xyz(10, grid) == (10, 5, 2)
    assert disc_xyz(10, grid) == (10, 5, 0)


def test_a_dot_grows_to_an_ellipsoid_and_shrinks_back() -> None:
    grown = dilated(dot(), (2, 1, 0))
    z, y, x = np.nonzero(grown)
    assert set(z) == {3}
    assert (y.min(), y.max(), x.min(), x.max()) == (3, 5, 3, 7)
    np.testing.assert_array_equal(eroded(grown, (2, 1, 0)), dot())


def test_what_the_image_cuts_off_is_not_eroded_from_there() -> None:
    voxels = np.ones((3, 6, 6), dtype=bool)
    assert eroded(voxels, (2, 2, 1)).all()


def test_closing_fills_gaps_and_leaves_the_edge_alone() -> None:
    voxels = np.zeros((3, 12, 12), dtype=bool)
    voxels[:, 2:9, 1:4] = voxels[:, 2:9, 6:9] = True
    both = closed(voxels, (2, 2, 0))
    assert both[1, 5, 4:6].all()
    assert both[voxels].all()
    assert not both[:, :, 10:].any()


def test_depth_is_positive_inside_and_in_millimetres() -> None:
    voxels = np.zeros((5, 5, 41), dtype=bool)
    voxels[:, :, 10:31] = True
    depth = depth_mm(voxels, Geometry((41, 5, 5), (2.0, 2.0, 2.0)))
    assert depth[2, 2, 20] == 20
    assert depth[2, 2, 10] == 0
    assert depth[2, 2, 5] == -10


def test_holes_are_filled_slice_by_slice() -> None:
    ring = np.zeros((3, 7, 7), dtype=bool)
    ring[:, 1:6, 1:6] = True
    ring[:, 2:5, 2:5] = False
    ring[2, 1, 3] = False  # open here
    filled = filled_slices(ring)
    assert filled[:2, 3, 3].all()
    assert not filled[2, 3, 3]
    assert not filled[:, 0].any()
