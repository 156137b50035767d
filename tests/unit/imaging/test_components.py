"""Pieces and holes of binary volumes."""

import numpy as np

from oncotrace.imaging.components import components_with, filled, largest_component


def two_pieces():
    voxels = np.zeros((5, 8, 8), dtype=bool)
    voxels[1:4, 1:4, 1:4] = True
    voxels[1:3, 6, 6] = True
    return voxels


def test_the_largest_piece_is_kept():
    kept = largest_component(two_pieces())
    assert kept.sum() == 27
    assert not kept[1, 6, 6]


def test_voxels_that_touch_by_a_corner_are_one_piece():
    voxels = np.zeros((3, 3, 3), dtype=bool)
    voxels[0, 0, 0] = voxels[1, 1, 1] = True
    assert largest_component(voxels).sum() == 2


def test_nothing_has_no_largest_piece():
    assert not largest_component(np.zeros((2, 2, 2), dtype=bool)).any()


def test_pieces_with_a_seed_are_kept_however_small():
    kept = components_with(two_pieces(), np.array([[1, 6, 6]]))
    assert kept.sum() == 2


def test_several_seeds_keep_several_pieces():
    kept = components_with(two_pieces(), np.array([[1, 6, 6], [2, 2, 2]]))
    assert kept.sum() == 29


def test_seeds_in_the_background_fall_back_to_the_largest_piece():
    assert components_with(two_pieces(), np.array([[0, 0, 0]])).sum() == 27
    assert components_with(two_pieces(), np.empty((0, 3), dtype=int)).sum() == 27


def test_an_enclosed_hole_is_filled():
    voxels = np.zeros((5, 5, 5), dtype=bool)
    voxels[1:4, 1:4, 1:4] = True
    voxels[2, 2, 2] = False
    assert filled(voxels).sum() == 27


def test_a_hole_that_is_open_to_the_edge_stays():
    voxels = np.ones((3, 3, 3), dtype=bool)
    voxels[1, 1, :2] = False
    assert not filled(voxels)[1, 1, 1]


def test_a_hole_that_is_open_by_a_corner_only_is_filled():
    voxels = np.ones((4, 4, 4), dtype=bool)
    voxels[1, 1, 1] = voxels[0, 0, 0] = False
    assert filled(voxels)[1, 1, 1]
    assert not filled(voxels)[0, 0, 0]


def test_full_and_empty_volumes_stay_as_they_are():
    assert filled(np.ones((3, 3, 3), dtype=bool)).all()
    assert not filled(np.zeros((3, 3, 3), dtype=bool)).any()
