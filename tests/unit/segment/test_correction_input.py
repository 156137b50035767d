import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.segment.correction_input import (
    CHANNELS,
    CUBE_VOXELS,
    LEAST_DEPTH_MM,
    MOST_DEPTH_MM,
    REACH,
    MarkedPoints,
    correction_input,
    depth_mm,
    marked_points,
    window,
)
from oncotrace.segment.voi import clicks_on_grid

GRID = Geometry((80, 70, 40), (1.0, 1.0, 2.0), (-40.0, 10.0, 5.0))
NOTHING = MarkedPoints(np.empty((0, 3)), np.empty(0, dtype=np.int8))


def ball(radius_mm=15.0, geometry=GRID):
    z, y, x = np.indices(geometry.shape_zyx) * np.reshape(geometry.spacing_zyx_mm, (3, 1, 1, 1))
    return Mask((x - 40) ** 2 + (y - 35) ** 2 + (z - 40) ** 2 <= radius_mm**2, geometry)


def at(x, y, z):
    return GRID.to_point_mm((x, y, z))


def seen_from(point_mm, *, is_tumour, before=NOTHING, mask=None, voxels=None):
    mask = mask or ball()
    image = mask.voxels * 100.0 if voxels is None else voxels
    scan = Scan(image.astype(np.float32), GRID, "mr-t1")
    probability = np.where(mask.voxels, 0.9, 0.2).astype(np.float32)
    return correction_input(scan, mask, probability, point_mm, is_tumour=is_tumour, before=before)


def channel(seen, name):
    return seen.channels[CHANNELS.index(name)]


def test_depth_is_the_distance_to_the_other_label():
    assert depth_mm(ball(), at(40 + 20, 35, 20)) == 5.0
    assert depth_mm(ball(), at(40 + 8, 35, 20)) == pytest.approx(7.5, abs=0.6)
    assert depth_mm(ball(), at(40, 35, 20)) == pytest.approx(15.5, abs=0.6)


def test_depth_has_a_least_and_a_most():
    fine = Geometry((40, 40, 40), (0.25, 0.25, 0.25))
    voxels = np.zeros(fine.shape_zyx, dtype=bool)
    voxels[:20] = True
    beside = fine.to_point_mm((20, 20, 20))
    assert depth_mm(Mask(voxels, fine), beside) == LEAST_DEPTH_MM
    assert depth_mm(Mask(np.zeros_like(voxels), fine), beside) == MOST_DEPTH_MM


def test_the_cube_lies_around_the_click_as_large_as_the_mistake_is_deep():
    point = at(60, 35, 20)
    seen = seen_from(point, is_tumour=True)
    middle = (CUBE_VOXELS - 1) / 2
    np.testing.assert_allclose(seen.cube.to_point_mm((middle,) * 3), point)
    assert seen.cube.spacing_mm == (2 * REACH * 5.0 / CUBE_VOXELS,) * 3
    assert seen.channels.shape == (len(CHANNELS), *(CUBE_VOXELS,) * 3)


def test_everything_is_told_from_the_side_of_the_click():
    point = at(60, 35, 20)
    marks = MarkedPoints(at(58, 35, 20)[None], np.array([1], dtype=np.int8))
    positive = seen_from(point, is_tumour=True, before=marks)
    negative = seen_from(point, is_tumour=False, before=marks)
    for name in ("log-odds", "border", "marks", "side"):
        assert np.abs(channel(positive, name)).max() > 0
        np.testing.assert_array_equal(channel(positive, name), -channel(negative, name))
    for name in ("image", "guidance", "radius", "scale"):
        np.testing.assert_array_equal(channel(positive, name), channel(negative, name))
    assert (positive.side, negative.side) == (1, -1)


def test_border_counts_in_depths_and_is_negative_on_the_wrong_side():
    border = channel(seen_from(at(60, 35, 20), is_tumour=True), "border")
    middle = CUBE_VOXELS // 2
    assert border[middle, middle, middle] == pytest.approx(-1.0, abs=0.6)
    assert border.min() >= -3
    assert border.max() > 1


def test_marks_stand_where_the_reader_clicked_before():
    clicks = Clicks(
        np.array([at(28, 35, 20), at(52, 35, 20), at(40, 23, 20), at(40, 47, 20), at(40, 35, 14)]),
        (Correction("negative", at(62, 35, 20)[None]),),
    )
    before = marked_points(clicks_on_grid(clicks, GRID))
    assert before.sides.tolist() == [1, 1, 1, 1, 1, -1]
    seen = seen_from(at(60, 35, 20), is_tumour=True, before=before)
    x, y, z = np.rint(seen.cube.to_index(at(62, 35, 20))).astype(int)
    assert channel(seen, "marks")[z, y, x] < -0.5


def test_far_from_the_click_its_word_counts_less_and_less():
    weight = window(seen_from(at(60, 35, 20), is_tumour=True).cube)
    middle = CUBE_VOXELS // 2
    assert (weight[4:-4, 4:-4, 4:-4] == 1).all()
    assert 0 < weight[2, middle, middle] < 1
    for axis in range(3):
        assert not np.take(weight, [0, -1], axis=axis).any()


def test_beyond_the_image_there_is_its_mean_and_no_tumour():
    seen = seen_from(at(0, 0, 0), is_tumour=True)
    assert np.isfinite(seen.channels).all()
    assert channel(seen, "log-odds")[0, 0, 0] == -2.0
    assert seen.box.start_xyz == (0, 0, 0)


def test_voxels_that_are_not_finite_are_refused_near_the_click_only():
    voxels = ball().voxels * 100.0
    voxels[0, 0, 0] = np.nan
    seen_from(at(56, 35, 20), is_tumour=True, voxels=voxels)
    with pytest.raises(InputError, match="not numbers"):
        seen_from(at(1, 1, 1), is_tumour=True, voxels=voxels)
