"""Recipes for slices: epochs become steps, and settings that make no sense are refused."""

import json

import pytest
from tests.unit.learning.builders import tiny_plan, tiny_recipe

from oncotrace.errors import SettingsError
from oncotrace.learning.recipe import Recipe, in_steps, parse_recipe, preset

SLICES = """
name = "mine"
preparation = "lung"
[channels]
images = ["ct"]
[grid]
size_xyz = [64, 64, 1]
[network]
kind = "unet-2d"
deep_supervision = false
"""


def test_epochs_are_rounds_over_all_samples():
    recipe = in_steps(preset("lung"), 1001)
    assert recipe.optimiser.steps == -(-300 * 1001 // 8)
    assert in_steps(tiny_recipe(), 1001) == tiny_recipe()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SLICES.replace("64, 1]", "64, 2]"), "one slice"),
        (SLICES.replace("deep_supervision = false", ""), "deep_supervision"),
        (SLICES + "dropout = 1.0\n", "network.dropout"),
    ],
)
def test_a_network_for_slices_needs_slices(text: str, complaint: str):
    with pytest.raises(SettingsError, match=complaint):
        parse_recipe(text, "mine.toml")


def test_slices_are_halved_in_plane_alone():
    recipe = parse_recipe(SLICES, "mine.toml")
    plan = tiny_plan(**{name: getattr(recipe, name) for name in ("channels", "grid", "network")})
    assert plan.strides_zyx == ((1, 1, 1), *((1, 2, 2),) * 4)
    assert plan.kernels_zyx == ((1, 3, 3),) * 5
    assert plan.grid_xyz == (64, 64, 1)


def test_what_is_off_is_not_written_so_that_old_plans_keep_their_digests():
    written = json.loads(preset("six-click").model_dump_json())
    assert not {"empty_targets"} & set(written)
    assert not {"dropout"} & set(written["network"])
    assert not {"dice_over_batch", "early_share", "early_cross_entropy_weight"} & set(
        written["loss"]
    )
    assert not {"epochs"} & set(written["optimiser"])
    assert not {"shift", "rotation_axes"} & set(written["augmentation"])
    lung = preset("lung")
    assert Recipe.model_validate(json.loads(lung.model_dump_json())) == lung
