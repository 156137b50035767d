"""Several views of a tumour become one mask, against what can be worked out by hand."""

import numpy as np
import pytest
from scipy.special import expit

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import ClickError
from oncotrace.imaging.overlap import dice
from oncotrace.segment.joining import laid_onto, mean_where_seen, tidied

GRID = Geometry((60, 60, 60), (1.0, 1.0, 1.0), (-29.5, -29.5, -29.5))
RADII_MM = np.array([20.0, 14.0, 10.0])
SIDES = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
CLICKS = Clicks(SIDES * (RADII_MM - 3))


def points_of(grid):
    z, y, x = np.indices(grid.shape_zyx)
    return grid.to_point_mm(np.stack([x, y, z], axis=-1))


def ellipsoid(grid, radii_mm=RADII_MM):
    """Log-odds of about 1 per mm from the surface of an ellipsoid around the origin."""
    distance = np.linalg.norm(points_of(grid) / radii_mm, axis=-1)
    return (1 - distance) * float(np.mean(radii_mm))


def probability(log_odds):
    return expit(log_odds).astype(np.float32)


def test_two_views_that_each_know_a_half_know_the_whole():
    x = points_of(GRID)[..., 0]
    truth = ellipsoid(GRID)
    left = probability(np.where(x > 0, truth, 0.0))  # hardly knows what it does not see: one half
    right = probability(np.where(x <= 0, truth, 0.0))
    mask, _ = tidied(mean_where_seen(left, [right]), GRID, CLICKS, None)
    np.testing.assert_array_equal(mask.voxels, truth >= 0)


def test_the_mean_of_two_sizes_is_where_their_log_odds_cancel():
    small, large = ellipsoid(GRID, RADII_MM - 2), ellipsoid(GRID, RADII_MM + 2)
    mean = mean_where_seen(probability(small), [probability(large)])
    mask, joined = tidied(mean, GRID, CLICKS, None)
    # Probabilities of log-odds a and -a add up to one.
    np.testing.assert_array_equal(mask.voxels, small + large >= 0)
    np.testing.assert_array_equal(mask.voxels, joined >= 0.5)


def test_thick_slices_of_two_planes_know_more_together_than_alone():
    truth = Mask(ellipsoid(GRID) >= 0, GRID)
    axial = Geometry((60, 60, 5), (1.0, 1.0, 12.0), (-29.5, -29.5, -24.0))
    sagittal = Geometry(
        (60, 60, 5), (1.0, 1.0, 12.0), (-24.0, -29.5, -29.5), (0, 0, 1, 1, 0, 0, 0, 1, 0)
    )
    there = [laid_onto(GRID, probability(ellipsoid(grid) * 3), grid) for grid in (axial, sagittal)]
    first = np.maximum(there[0], 0)
    alone = [dice(Mask(values >= 0.5, GRID), truth) for values in there]
    together = dice(tidied(mean_where_seen(first, there[1:]), GRID, CLICKS, None)[0], truth)
    assert together > max(alone)


def test_beyond_the_field_of_view_of_the_others_the_first_counts_alone():
    part = Geometry((20, 60, 60), (1.0, 1.0, 1.0), (-29.5, -29.5, -29.5))
    there = laid_onto(GRID, np.zeros(part.shape_zyx, np.float32), part)
    np.testing.assert_array_equal(there >= 0, points_of(GRID)[..., 0] < -9.5)
    first = probability(ellipsoid(GRID))
    mean = mean_where_seen(first, [there])
    np.testing.assert_array_equal(mean[:, :, 20:], first[:, :, 20:])
    np.testing.assert_array_equal(mean[:, :, :20], first[:, :, :20] / 2)


def test_the_field_of_view_reaches_to_the_edges_of_thick_voxels():
    slab = Geometry((60, 60, 2), (1.0, 1.0, 10.0), (-29.5, -29.5, -5.0))
    there = laid_onto(GRID, np.ones(slab.shape_zyx, np.float32), slab)
    np.testing.assert_array_equal(there >= 0, np.abs(points_of(GRID)[..., 2]) < 10)
    assert set(np.unique(there)) == {-1.0, 1.0}


def test_pieces_without_clicks_are_left_out_and_holes_filled():
    log_odds = ellipsoid(GRID)
    log_odds[0:3, 0:3, 0:3] = 5.0  # another object
    log_odds[30, 30, 30] = -5.0  # a hole
    mask, joined = tidied(probability(log_odds), GRID, CLICKS, None)
    np.testing.assert_array_equal(mask.voxels, ellipsoid(GRID) >= 0)
    np.testing.assert_array_equal(mask.voxels, joined >= 0.5)


@pytest.mark.parametrize(("kind", "kept"), [("none", True), ("largest", False), (None, True)])
def test_without_clicks_the_post_processing_of_the_plan_decides(kind, kept):
    log_odds = ellipsoid(GRID)
    log_odds[0:3, 0:3, 0:3] = 5.0
    mask, joined = tidied(probability(log_odds), GRID, None, kind)
    assert mask.voxels[1, 1, 1] == kept
    np.testing.assert_array_equal(mask.voxels, joined >= 0.5)


def test_a_click_is_tumour_whatever_the_views_say():
    mask, joined = tidied(np.zeros(GRID.shape_zyx, np.float32), GRID, CLICKS, None)
    assert int(mask.voxels.sum()) == 6
    np.testing.assert_array_equal(mask.voxels, joined >= 0.5)


def test_clicks_beside_the_first_image_are_refused():
    with pytest.raises(ClickError, match="outside the image"):
        tidied(np.zeros((10, 10, 10), np.float32), Geometry((10, 10, 10)), CLICKS, None)
