"""The reader's marks, voxel by voxel."""

import numpy as np

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.segment.marks import BACKGROUND, TUMOUR, hard_marks
from oncotrace.segment.voi import clicks_on_grid

GRID = Geometry((40, 40, 20), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0))
SIX_XYZ = [(10, 20, 10), (30, 20, 10), (20, 10, 10), (20, 30, 10), (20, 20, 7), (20, 20, 13)]


def marks(*corrections, geometry=GRID):
    clicks = Clicks(GRID.to_point_mm(SIX_XYZ), corrections)
    return hard_marks(clicks_on_grid(clicks, GRID), geometry)


def at(*indices_xyz):
    return GRID.to_point_mm(indices_xyz)


def test_every_click_marks_its_voxel():
    found = marks()
    assert (found == TUMOUR).sum() == 6
    assert found[10, 20, 30] == TUMOUR
    assert not (found == BACKGROUND).any()


def test_a_brush_marks_the_voxels_within_its_radius_in_millimetres():
    found = marks(Correction("negative", at((25, 25, 10)), radius_mm=3.0))
    z, y, x = np.nonzero(found == BACKGROUND)
    distance = np.sqrt((x - 25) ** 2 + (y - 25) ** 2 + (3 * (z - 10)) ** 2)
    assert distance.max() == 3.0
    assert (np.ptp(x), np.ptp(y), np.ptp(z)) == (6, 6, 2)


def test_a_brush_without_radius_marks_one_voxel():
    assert (marks(Correction("negative", at((25, 25, 10)))) == BACKGROUND).sum() == 1


def test_a_stroke_marks_every_voxel_along_its_line():
    found = marks(Correction("stroke", at((12, 25, 10), (28, 25, 10)), paints=False))
    assert (found[10, 25, 12:29] == BACKGROUND).all()
    assert (found == BACKGROUND).sum() == 17


def test_a_stroke_that_paints_marks_tumour():
    found = marks(Correction("stroke", at((12, 25, 10), (28, 25, 10)), radius_mm=1.0))
    assert (found[10, 24:27, 12:29] == TUMOUR).all()


def test_the_later_mark_counts():
    away = Correction("negative", at((30, 20, 10)))
    back = Correction("positive", at((30, 20, 10)))
    assert marks(away)[10, 20, 30] == BACKGROUND
    assert marks(away, back)[10, 20, 30] == TUMOUR


def test_what_was_taken_back_marks_nothing():
    away = Correction("negative", at((25, 25, 10)), radius_mm=5.0)
    assert not (marks(away, Correction("undo", np.empty((0, 3)))) == BACKGROUND).any()


def test_marks_outside_a_part_of_the_grid_are_left_out():
    part = GRID.crop((0, 0, 0), (15, 40, 20))
    found = marks(Correction("negative", at((25, 25, 10)), radius_mm=2.0), geometry=part)
    assert (found == TUMOUR).sum() == 1
    assert not (found == BACKGROUND).any()


def test_an_enormous_brush_covers_the_whole_grid():
    found = marks(Correction("negative", at((0, 0, 0)), radius_mm=1e6))
    assert (found == BACKGROUND).all()
