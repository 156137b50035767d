"""What must hold for every image, grid and set of clicks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.segment.refine import corrector, segmented
from oncotrace.segment.segmenters import BUILT_IN, segmenter
from oncotrace.segment.voi import voxels_at

EVERY = pytest.mark.parametrize("name", sorted(BUILT_IN))
TURN = np.deg2rad(25)
OBLIQUE = (np.cos(TURN), 0.0, np.sin(TURN), 0.0, 1.0, 0.0, -np.sin(TURN), 0.0, np.cos(TURN))
DIRECTIONS = [
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    OBLIQUE,
]


@st.composite
def requests(draw):
    """An image of any look on any small grid, with six clicks that span a volume."""
    spacing = tuple(draw(st.sampled_from([0.4, 1.0, 3.0, 8.0])) for _ in range(3))
    size = tuple(draw(st.integers(5, 28)) for _ in range(3))
    geometry = Geometry(size, spacing, (-40.0, 12.0, 900.0), draw(st.sampled_from(DIRECTIONS)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    voxels = rng.normal(0, 1, geometry.shape_zyx).astype(np.float32)
    voxels *= draw(st.sampled_from([0.0, 1.0, 1e6]))
    modality = draw(st.sampled_from(["ct", "mr-t1"]))
    low = np.array([draw(st.integers(0, n - 4)) for n in size])
    high = np.array([draw(st.integers(a + 3, n - 1)) for a, n in zip(low, size, strict=True)])
    points = np.tile(np.rint((low + high) / 2), (6, 1))
    for axis in range(3):
        points[2 * axis, axis], points[2 * axis + 1, axis] = low[axis], high[axis]
    scan = Scan(voxels, geometry, modality)
    return SegmentationRequest({modality: scan}, Clicks(geometry.to_point_mm(points)), seed=0)


def grid_of(request):
    return next(iter(request.channels.values())).geometry


def with_clicks(request, points_mm, corrections=()):
    return SegmentationRequest(request.channels, Clicks(points_mm, corrections), request.seed)


@EVERY
@settings(max_examples=40, deadline=None)
@given(request=requests())
def test_every_click_is_inside_the_mask(name, request):
    made = segmenter(name).segment(request)
    index = voxels_at(request.clicks.points_mm, grid_of(request))
    assert made.mask.voxels[tuple(index.T)].all()
    assert made.mask.geometry is grid_of(request)
    assert made.maker == name


@pytest.mark.slow
@EVERY
@settings(max_examples=20, deadline=None)
@given(request=requests(), order=st.permutations(range(6)))
def test_clicks_in_any_order_give_the_same_segmentation(name, request, order):
    shuffled = with_clicks(request, request.clicks.points_mm[order])
    first, second = (segmenter(name).segment(r) for r in (request, shuffled))
    np.testing.assert_array_equal(first.mask.voxels, second.mask.voxels)
    if first.probability is not None:
        np.testing.assert_array_equal(first.probability, second.probability)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(request=requests(), place=st.tuples(*[st.floats(0, 1)] * 3), order=st.permutations(range(6)))
def test_what_holds_for_every_segmenter_holds_for_a_network(request, place, order):
    geometry = grid_of(request)
    network = segmenter("six-click", fold=0)
    made = network.segment(request)
    index = voxels_at(request.clicks.points_mm, geometry)
    assert made.mask.voxels[tuple(index.T)].all()
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)
    shuffled = network.segment(with_clicks(request, request.clicks.points_mm[order]))
    np.testing.assert_array_equal(made.probability, shuffled.probability)
    point = geometry.to_point_mm([np.multiply(place, np.subtract(geometry.size_xyz, 1))])
    at = tuple(voxels_at(point, geometry)[0])
    for kind in ("negative", "positive"):
        corrected = with_clicks(request, request.clicks.points_mm, (Correction(kind, point),))
        made = segmented(network, corrected, corrector(0))
        assert made.mask.voxels[at] == (kind == "positive")


@settings(max_examples=20, deadline=None)
@given(request=requests())
def test_the_mask_is_where_the_probability_is_at_least_one_half(request):
    made = segmenter("six-click-graphcut").segment(request)
    assert made.probability.dtype == np.float32
    assert made.probability.min() >= 0
    assert made.probability.max() <= 1
    np.testing.assert_array_equal(made.mask.voxels, made.probability >= 0.5)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(request=requests(), place=st.tuples(*[st.floats(0, 1)] * 3), radius=st.floats(0, 5))
def test_a_negative_correction_is_outside_and_a_positive_one_inside(request, place, radius):
    geometry = grid_of(request)
    point = geometry.to_point_mm([np.multiply(place, np.subtract(geometry.size_xyz, 1))])
    at = tuple(voxels_at(point, geometry)[0])
    for kind in ("negative", "positive"):
        correction = Correction(kind, point, radius)
        corrected = with_clicks(request, request.clicks.points_mm, (correction,))
        made = segmented(segmenter("six-click-graphcut"), corrected, corrector(0))
        assert made.mask.voxels[at] == (kind == "positive")


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(request=requests(), axis=st.integers(0, 2))
def test_a_grid_stored_the_other_way_round_gives_the_same_mask(request, axis):
    geometry = grid_of(request)
    ((modality, scan),) = request.channels.items()
    last = [0, 0, 0]
    last[axis] = geometry.size_xyz[axis] - 1
    turned = geometry.axes.copy()
    turned[:, axis] *= -1
    flipped = Geometry(
        geometry.size_xyz,
        geometry.spacing_mm,
        tuple(float(v) for v in geometry.to_point_mm(last)),
        tuple(float(v) for v in turned.ravel()),
    )
    mirrored = np.flip(scan.voxels, axis=2 - axis)
    other = SegmentationRequest({modality: Scan(mirrored, flipped, modality)}, request.clicks, 0)
    first = segmenter("six-click-graphcut").segment(request).probability
    second = np.flip(segmenter("six-click-graphcut").segment(other).probability, axis=2 - axis)
    # Ties of the cut and of rounding may fall the other way in single voxels.
    assert np.mean((first >= 0.5) != (second >= 0.5)) < 0.02
