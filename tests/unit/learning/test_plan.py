"""A plan completes a recipe by what the data decide."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest
from pydantic import ValidationError
from tests.unit.learning.builders import GRID_XYZ, tiny_fingerprint, tiny_plan, tiny_recipe

from oncotrace.errors import SettingsError
from oncotrace.learning.fingerprint import CaseSummary, fingerprint
from oncotrace.learning.plan import Plan, make_plan, strides_and_kernels

CUBE = (1.0, 1.0, 1.0)


def data(spacing_mm, size_xyz):
    return fingerprint([CaseSummary("a", spacing_mm, size_xyz, np.ones(3, dtype=np.float32))])


def test_an_axis_is_halved_while_it_has_eight_voxels():
    strides, kernels = strides_and_kernels((48, 48, 16), CUBE, None)
    assert strides == ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 1))
    assert kernels == ((3, 3, 3),) * 4


def test_a_coarse_axis_waits_until_the_others_are_as_coarse():
    strides, kernels = strides_and_kernels((32, 64, 64), (5.0, 1.0, 1.0), None)
    assert strides == ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 1, 1))
    assert kernels == ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))


def test_a_spacing_of_twice_the_finest_is_not_coarse():
    strides, kernels = strides_and_kernels((16, 16, 16), (2.0, 1.0, 1.0), 3)
    assert strides[1] == (2, 2, 2)
    assert kernels[0] == (3, 3, 3)


def test_levels_limit_the_depth():
    strides, kernels = strides_and_kernels((96, 96, 96), CUBE, 3)
    assert len(strides) == len(kernels) == 3


def test_widths_double_up_to_the_largest():
    plan = make_plan(
        tiny_recipe(
            grid={"size_xyz": (64, 64, 64)},
            network={"first_channels": 16, "max_channels": 40, "levels": 4},
        ),
        tiny_fingerprint(),
    )
    assert plan.widths == (16, 32, 40, 40)


def test_all_but_the_output_and_the_two_coarsest_levels_are_supervised():
    grid = {"size_xyz": (64, 64, 64)}
    deep = {"levels": 5}
    assert tiny_plan(grid=grid, network=deep).supervised_levels == 2
    assert tiny_plan(grid=grid, network={**deep, "deep_supervision": False}).supervised_levels == 0
    assert tiny_plan(grid=grid, network={"levels": 3}).supervised_levels == 0


def test_a_fixed_grid_has_the_spacing_of_the_median_case():
    plan = make_plan(tiny_recipe(), data((0.5, 1.0, 3.0), (32, 16, 12)))
    assert plan.grid_xyz == (8, 16, 24)
    assert plan.spacing_mm == (2.0, 1.0, 1.5)


def test_a_free_grid_has_the_target_spacing_and_any_size():
    free = tiny_recipe(grid={"mode": "free"}, network={})
    plan = make_plan(free, data((1.0, 1.0, 5.0), (64, 64, 32)))
    assert plan.grid_xyz is None
    assert plan.spacing_mm == (1.0, 1.0, 5.0)
    assert plan.stride_zyx == (8, 16, 16)


def test_patches_have_the_target_spacing_and_cases_any_size():
    grid = {"mode": "patch", "size_xyz": (16, 16, 16)}
    plan = make_plan(tiny_recipe(grid=grid), data((1.0, 1.0, 3.0), (64, 64, 32)))
    assert plan.spacing_mm == (1.0, 1.0, 3.0)
    assert plan.grid_xyz == (16, 16, 16)
    assert plan.sample_grid_zyx is None


def test_a_grid_that_cannot_be_halved_evenly_is_refused():
    with pytest.raises(SettingsError, match=r"\(50, 48, 48\) voxels cannot be halved evenly"):
        tiny_plan(grid={"size_xyz": (50, 48, 48)})


def test_a_grid_too_small_for_its_levels_is_refused():
    with pytest.raises(SettingsError, match="allows 2 levels, 3 are needed"):
        tiny_plan(grid={"size_xyz": (4, 8, 8)})


def test_a_plan_survives_json():
    plan = tiny_plan()
    assert Plan.model_validate_json(plan.model_dump_json(), strict=True) == plan


def test_the_digest_changes_with_what_decides_the_weights_alone():
    digest = tiny_plan().training_digest()
    assert digest == tiny_plan().model_copy(update={"made_by": "9.9.9"}).training_digest()
    assert digest != tiny_plan(seed=1).training_digest()
    assert digest != make_plan(tiny_recipe(), tiny_fingerprint(), {"a": 1}).training_digest()


def test_settings_that_are_not_used_are_not_written_and_change_no_digest():
    plan = tiny_plan()
    written = plan.model_dump(mode="json")
    assert "preparation" not in written["recipe"]
    assert "spacing_mm" not in written["recipe"]["grid"]
    assert not {"recrop_mm", "channel_dropout"} & written["recipe"]["augmentation"].keys()
    used = tiny_plan(augmentation={"recrop_mm": 40}).model_dump(mode="json")
    assert used["recipe"]["augmentation"]["recrop_mm"] == 40


@pytest.mark.parametrize("folder", ["trained_models/six-click", "correction_model"])
def test_models_of_before_keep_the_digest_of_their_training(folder):
    path = files("oncotrace") / folder / "plan.json"
    written = json.loads(path.read_text())
    plan = Plan.model_validate_json(path.read_text(), strict=True)
    settings = {k: v for k, v in written.items() if k not in ("files", "made_by", "oldest_reader")}
    text = json.dumps(settings, sort_keys=True)
    assert plan.training_digest() == hashlib.sha256(text.encode()).hexdigest()


def test_a_recipe_may_fix_the_spacing_of_patches():
    grid = {"mode": "patch", "size_xyz": GRID_XYZ, "spacing_mm": (4.0, 4.0, 3.0)}
    assert tiny_plan(grid=grid).spacing_mm == (4.0, 4.0, 3.0)
    with pytest.raises(ValidationError, match="unless mode is 'fixed'"):
        tiny_recipe(grid={"size_xyz": GRID_XYZ, "spacing_mm": (1.0, 1.0, 1.0)})
