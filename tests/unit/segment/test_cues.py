"""The cues say what the module says they say."""

import csv
from pathlib import Path

import numpy as np
import pytest

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.segment.cues import CueWeights, tumour_cues
from oncotrace.segment.voi import clicks_on_grid
from oncotrace.segment.working_grid import WORKING_VOXELS, on_working_grid

GRID = Geometry((61, 61, 61), (1.0, 1.0, 1.0))
SIX_XYZ = [(15, 30, 30), (45, 30, 30), (30, 15, 30), (30, 45, 30), (30, 30, 15), (30, 30, 45)]


def cues_of(voxels, *corrections):
    clicks = Clicks(GRID.to_point_mm(SIX_XYZ), corrections)
    return tumour_cues(Scan(voxels.astype(np.float32), GRID, "mr-t1"), clicks_on_grid(clicks, GRID))


def ball(radius=20.0):
    z, y, x = np.ogrid[-30:31, -30:31, -30:31]
    return (x * x + y * y + z * z <= radius**2) * 100.0


def test_the_ellipsoid_cue_is_one_in_the_centre_and_zero_five_millimetres_beyond_the_clicks():
    cue = cues_of(ball()).ellipsoid
    assert cue[30, 30, 30] == pytest.approx(1.0)
    assert cue[30, 30, 50] == pytest.approx(0.0, abs=1e-6)


def test_the_hull_cue_is_the_depth_below_a_surface_five_millimetres_outside_the_hull():
    cue = cues_of(ball()).hull
    for x, y, z in SIX_XYZ:
        assert cue[z, y, x] == pytest.approx(5 / 20, abs=1e-5)
    assert cue[30, 30, 30] == pytest.approx((15 / np.sqrt(3) + 5) / 20, abs=1e-5)
    assert cue[0, 0, 0] < 0


def test_the_appearance_cues_speak_for_the_intensity_inside_the_clicks():
    cues = cues_of(ball())
    for cue in (cues.likelihood, cues.typical, cues.geodesic):
        assert cue[30, 30, 40] > cue[30, 30, 59]
    assert cues.typical.max() == pytest.approx(0.0, abs=1e-5)


def test_the_geodesic_cue_jumps_at_the_edge_of_the_tumour():
    cue = cues_of(ball(21.0)).geodesic
    assert cue[30, 30, 50] > 0.9
    assert cue[30, 30, 53] < -0.9


def test_an_image_without_contrast_has_no_likelihood_and_no_atypical_voxel():
    cues = cues_of(np.full(GRID.shape_zyx, 3.0))
    assert not cues.likelihood.any()
    assert not cues.typical.any()
    assert np.isfinite(cues.geodesic).all()


def test_log_odds_are_the_weighted_sum():
    cues = cues_of(ball())
    weights = CueWeights(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    expected = (
        1
        + 2 * cues.ellipsoid
        + 3 * cues.hull
        + 4 * cues.likelihood
        + 5 * cues.typical
        + 6 * cues.geodesic
    )
    np.testing.assert_allclose(cues.log_odds(weights), expected, rtol=1e-4, atol=1e-4)


def test_the_weights_are_those_that_the_benchmark_fitted():
    table = Path(__file__).parents[3] / "benchmarks" / "results" / "six_clicks" / "weights.csv"
    with table.open(encoding="utf-8") as stream:
        fitted = next(row for row in csv.DictReader(stream) if row.pop("fold") == "all")
    assert CueWeights(**{name: float(value) for name, value in fitted.items()}) == CueWeights()


@pytest.mark.parametrize(
    ("size_xyz", "spacing_mm"),
    [
        ((300, 250, 24), (0.39, 0.39, 4.0)),
        ((512, 512, 40), (0.39, 0.39, 4.0)),
        ((20, 20, 20), (1.0, 1.0, 1.0)),
        ((400, 3, 3), (1.0, 1.0, 1.0)),
    ],
)
def test_the_working_grid_is_bounded_and_fills_the_same_volume(size_xyz, spacing_mm):
    geometry = Geometry(size_xyz, spacing_mm, (5.0, 6.0, 7.0))
    part = Scan(np.ones(geometry.shape_zyx, dtype=np.float32), geometry, "ct")
    working = on_working_grid(part)
    assert working.voxels.size <= 1.1 * WORKING_VOXELS
    np.testing.assert_allclose(
        np.multiply(working.geometry.size_xyz, working.geometry.spacing_mm),
        np.multiply(size_xyz, spacing_mm),
    )
    assert (working.voxels == 1).all()


def test_the_working_grid_averages_what_it_cannot_resolve():
    geometry = Geometry((300, 300, 30), (0.4, 0.4, 4.0))
    stripes = np.zeros(geometry.shape_zyx, dtype=np.float32)
    stripes[:, :, ::2] = 100.0
    working = on_working_grid(Scan(stripes, geometry, "mr-t1")).voxels
    assert np.abs(working[1:-1, 1:-1, 1:-1] - 50).max() < 10
