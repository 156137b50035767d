"""What planning learns of the cases, and what a network is shown of them."""

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_recipe

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.learning.fingerprint import fingerprint
from oncotrace.learning.plan import make_plan
from oncotrace.pipeline.training_cases import (
    TrainingCase,
    case_summary,
    fingerprint_for,
    training_data,
)
from oncotrace.segment.planned_input import input_for


def case(spacing_mm=(1.0, 1.0, 1.0)):
    geometry = Geometry((60, 56, 52), spacing_mm)
    inside = np.zeros(geometry.shape_zyx, dtype=bool)
    inside[15:35, 18:40, 20:44] = True
    rng = np.random.default_rng(0)
    voxels = (100 * inside + rng.normal(300, 20, inside.shape)).astype(np.float32)
    return TrainingCase("a/mr-t1", "a", Scan(voxels, geometry, "mr-t1"), Mask(inside, geometry))


def test_on_a_fixed_grid_the_region_is_the_crop():
    cases = [case()]
    assert fingerprint_for(tiny_recipe(), cases) == fingerprint(map(case_summary, cases))


def test_on_a_free_grid_the_region_is_the_outline():
    found = fingerprint_for(tiny_recipe(grid={"mode": "free"}), [case((0.5, 1.0, 2.0))])
    assert found.median_extent_mm == (12.0, 22.0, 40.0)
    assert found.target_spacing_mm == (0.5, 1.0, 2.0)


def test_published_samples_have_exact_clicks_drawn_from_the_generator():
    recipe = tiny_recipe(grid={"mode": "free"})
    cases = [case()]
    plan = make_plan(recipe, fingerprint_for(recipe, cases))
    data = training_data(cases, plan)
    made = data.sample(0, np.random.default_rng(7))
    clicks = exact_clicks(cases[0].mask, rng=np.random.default_rng(7))
    seen = input_for(plan, cases[0].scan, clicks)
    np.testing.assert_array_equal(made.channels, seen.channels)
    x, y, z = seen.box.start_xyz
    nx, ny, nz = seen.box.size_xyz
    expected = cases[0].mask.voxels[z : z + nz, y : y + ny, x : x + nx]
    np.testing.assert_array_equal(made.target, expected)
    other = data.sample(0, np.random.default_rng(8))
    assert made.channels.shape != other.channels.shape or (made.channels != other.channels).any()


@pytest.mark.parametrize("spacing", [0.8, 1.3])
def test_the_target_keeps_its_volume_when_the_spacing_is_another(spacing):
    recipe = tiny_recipe(grid={"mode": "free"})
    one = case((spacing, spacing, spacing))
    plan = make_plan(recipe, fingerprint_for(recipe, [case()]))
    made = training_data([one], plan).sample(0, np.random.default_rng(0))
    assert made.spacing_zyx_mm == (1.0, 1.0, 1.0)
    assert made.target.sum() == pytest.approx(one.mask.voxels.sum() * spacing**3, rel=0.08)
