"""Each feature is the quantity that its name says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.segment.quality_builders import (
    GRID,
    RADIUS_MM,
    distance_mm,
    evidence,
    six_clicks,
)

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.errors import EmptyMaskError
from oncotrace.segment.quality_features import FEATURES, quality_features


def test_a_certain_ball_has_the_features_of_a_ball():
    found = quality_features(evidence())
    assert tuple(found) == FEATURES
    assert found["expected_dice"] == pytest.approx(1.0)
    assert found["mass_outside"] == pytest.approx(0.0)
    assert found["ellipsoid_dice"] > 0.98
    assert found["ellipsoid_ratio"] == pytest.approx(0.0, abs=0.04)
    assert found["sphericity"] == pytest.approx(1.0, abs=0.06)
    assert found["log_volume"] == pytest.approx(np.log(4 / 3 * np.pi * 1.6**3), abs=0.02)
    assert found["is_ct"] == 0.0


@pytest.mark.parametrize("depth_mm", [2.0, 4.0, 9.0])
def test_clicks_are_as_deep_as_they_are(depth_mm):
    found = quality_features(evidence(clicks=six_clicks(depth_mm=depth_mm)))
    assert found["click_depth_mm"] == pytest.approx(depth_mm, abs=0.7)
    assert found["beyond_clicks_mm"] == pytest.approx(depth_mm + 0.5, abs=0.01)


def test_a_mask_larger_than_the_ellipsoid_has_a_positive_ratio():
    large = np.where(distance_mm() <= RADIUS_MM + 4, 8.0, -8.0)
    found = quality_features(evidence(odds=large))
    assert found["ellipsoid_ratio"] == pytest.approx(3 * np.log(20 / 16), abs=0.05)
    assert found["ellipsoid_dice"] == pytest.approx(2 / (1 + (20 / 16) ** 3), abs=0.02)


def test_expected_dice_and_mass_outside_follow_the_probabilities():
    ball = distance_mm() <= RADIUS_MM
    size = np.count_nonzero(ball)
    rest = ball.size - size
    found = quality_features(evidence([np.where(ball, 0.8, 0.1)]))
    whole = 0.8 * size + 0.1 * rest
    assert found["expected_dice"] == pytest.approx(1.6 * size / (whole + size), rel=1e-4)
    assert found["mass_outside"] == pytest.approx(0.1 * rest / size, rel=1e-4)


def test_an_ensemble_has_the_mean_of_what_its_networks_have_alone():
    far = distance_mm()
    networks = [1 / (1 + np.exp(far - radius)) for radius in (13.0, 16.0, 19.0)]
    alone = [quality_features(evidence([p])) for p in networks]
    together = quality_features(evidence(networks))
    for name in ("expected_dice", "mass_outside"):
        assert together[name] == pytest.approx(np.mean([of[name] for of in alone]))


def test_contrast_is_seen_across_the_border_only():
    far = distance_mm()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 10, far.shape)
    visible = quality_features(evidence(voxels=np.where(far <= RADIUS_MM, 20.0, 0.0) + noise))
    elsewhere = quality_features(evidence(voxels=np.where(far <= 8.0, 20.0, 0.0) + noise))
    assert visible["border_contrast"] == pytest.approx(2.0, abs=0.3)
    assert elsewhere["border_contrast"] < 0.2
    assert elsewhere["intensity_spread"] > visible["intensity_spread"]


def test_a_blank_image_has_neither_contrast_nor_spread():
    found = quality_features(evidence(voxels=np.full(GRID.shape_zyx, 40.0), modality="ct"))
    assert found["border_contrast"] == 0.0
    assert found["intensity_spread"] == 0.0
    assert found["is_ct"] == 1.0


def test_brightness_contrast_and_pose_of_the_scan_do_not_matter():
    turned = Geometry(GRID.size_xyz, GRID.spacing_mm, direction=(-1, 0, 0, 0, 0, 1, 0, 1, 0))
    first = quality_features(evidence(members=[np.full(GRID.shape_zyx, 0.7)]))
    voxels = 7 * np.where(distance_mm() <= RADIUS_MM, 100.0, 0.0) - 300
    again = evidence([np.full(GRID.shape_zyx, 0.7)], geometry=turned, voxels=voxels)
    assert quality_features(again) == pytest.approx(first, rel=1e-4, abs=1e-4)


def test_an_empty_mask_has_no_features():
    found = evidence(odds=np.full(GRID.shape_zyx, -8.0))
    unclicked = replace(found.clicks, seeds_mm=np.empty((0, 3)))  # as for a box
    with pytest.raises(EmptyMaskError, match="no voxel is set"):
        quality_features(replace(found, clicks=unclicked))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 12)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.4, 1.0, 8.0])] * 3),
    seed=st.integers(0, 1000),
    level=st.sampled_from([-100.0, -1.0, 0.0, 1.0, 100.0]),
)
def test_features_are_finite_whatever_the_mask_looks_like(size, spacing, seed, level):
    geometry = Geometry(tuple(n + 3 for n in size), spacing)
    rng = np.random.default_rng(seed)
    odds = rng.normal(level, 1, geometry.shape_zyx)
    low, high = np.zeros(3), np.asarray(geometry.size_xyz) - 1.0
    points = [
        np.where(np.arange(3) == axis, end, high / 2) for axis in range(3) for end in (low, high)
    ]
    found = quality_features(
        evidence(
            [1 / (1 + np.exp(-odds))],
            geometry=geometry,
            clicks=Clicks(geometry.to_point_mm(points)),
            voxels=rng.normal(0, 1, geometry.shape_zyx),
            odds=odds,
        )
    )
    assert np.isfinite(list(found.values())).all()
