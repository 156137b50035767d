"""The ellipsoid that the clicks imply."""

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ClickError, GeometryMismatchError, InputError
from oncotrace.segment.ellipsoid import EllipsoidSegmenter, ellipsoid_of

GRID = Geometry((80, 70, 60), (1.0, 1.0, 1.0), (10.0, 20.0, 30.0))
SIX_XYZ = [(24, 35, 30), (56, 35, 30), (40, 23, 30), (40, 47, 30), (40, 35, 22), (40, 35, 38)]


def request_on(geometry, indices_xyz=SIX_XYZ):
    scan = Scan(np.zeros(geometry.shape_zyx, dtype=np.float32), geometry, "ct")
    return SegmentationRequest({"ct": scan}, Clicks(geometry.to_point_mm(indices_xyz)), 0)


def test_half_axes_are_half_the_extent_plus_four_millimetres():
    ellipsoid = ellipsoid_of(GRID.to_point_mm(SIX_XYZ), GRID)
    np.testing.assert_allclose(ellipsoid.centre_xyz_mm, (40, 35, 30))
    np.testing.assert_allclose(ellipsoid.half_axes_xyz_mm, (20, 16, 12))
    assert ellipsoid.mean_half_axis_mm == pytest.approx((20 * 16 * 12) ** (1 / 3))


def test_thick_slices_add_half_a_voxel_where_that_is_more():
    thick = Geometry((80, 70, 12), (1.0, 1.0, 10.0))
    points = [(24, 35, 6), (56, 35, 6), (40, 23, 6), (40, 47, 6), (40, 35, 5), (40, 35, 7)]
    half = ellipsoid_of(thick.to_point_mm(points), thick).half_axes_xyz_mm
    np.testing.assert_allclose(half, (20, 16, 15))


def test_the_mask_has_the_volume_of_the_ellipsoid():
    made = EllipsoidSegmenter().segment(request_on(GRID))
    assert made.maker == "ellipsoid"
    assert made.mask.voxels.sum() == pytest.approx(4 / 3 * np.pi * 20 * 16 * 12, rel=0.01)


def test_the_clicks_belong_to_the_mask_even_outside_the_ellipsoid():
    corner = [*SIX_XYZ, (55, 46, 37)]
    made = EllipsoidSegmenter().segment(request_on(GRID, corner))
    assert made.mask.voxels[37, 46, 55]


def test_a_request_without_clicks_is_refused():
    scan = Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "ct")
    with pytest.raises(ClickError, match="the segmenter ellipsoid needs clicks"):
        EllipsoidSegmenter().segment(SegmentationRequest({"ct": scan}, None, 0))


def test_a_request_without_an_image_is_refused():
    with pytest.raises(InputError, match="there is no image"):
        EllipsoidSegmenter().segment(SegmentationRequest({}, None, 0))


def test_channels_on_different_grids_are_refused():
    other = Geometry((80, 70, 60), (1.0, 1.0, 1.0), (11.0, 20.0, 30.0))
    channels = {
        "mr-t1": Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), GRID, "mr-t1"),
        "mr-t2": Scan(np.zeros(GRID.shape_zyx, dtype=np.float32), other, "mr-t2"),
    }
    clicks = Clicks(GRID.to_point_mm(SIX_XYZ))
    with pytest.raises(GeometryMismatchError, match="mr-t2 image and the mr-t1 image"):
        EllipsoidSegmenter().segment(SegmentationRequest(channels, clicks, 0))
