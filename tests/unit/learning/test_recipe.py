"""Recipes are closed settings, read from TOML; the presets are recipes."""

import json

import pytest
from tests.unit.learning.builders import tiny_recipe

from oncotrace.errors import SettingsError
from oncotrace.learning.recipe import Recipe, parse_recipe, preset, preset_names, read_recipe

SMALLEST = 'name = "mine"\n[channels]\nimages = ["image"]\n[grid]\nsize_xyz = [32, 32, 32]\n'


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_a_recipe_of_its_name(name):
    assert preset(name).name == name


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(SettingsError, match="six-click") as caught:
        preset("seven-click")
    assert caught.value.code == "unknown-recipe"


def test_the_published_configuration_is_kept():
    recipe = preset("interactivenet")
    optimiser = recipe.optimiser
    assert recipe.grid.mode == "free"
    assert (optimiser.kind, optimiser.learning_rate, optimiser.momentum) == ("sgd", 0.01, 0.99)
    assert (optimiser.weight_decay, optimiser.schedule) == (3e-5, "poly")
    assert optimiser.steps * optimiser.batch_size == 500 * 32
    assert recipe.augmentation.zoom.range == (0.7, 1.4)
    assert recipe.augmentation.gamma.range == (0.65, 1.5)


def test_a_recipe_needs_a_name_channels_and_a_grid_alone():
    recipe = parse_recipe(SMALLEST, "mine.toml")
    assert recipe.channels.names == ("image",)
    assert recipe.augmentation.flip_axes == ()


def test_images_stand_before_cues():
    assert tiny_recipe().channels.names == ("image", "guidance")


def test_a_recipe_survives_json():
    recipe = preset("six-click")
    assert Recipe.model_validate(json.loads(recipe.model_dump_json())) == recipe


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SMALLEST + "[optimiser]\nlearningrate = 1.0\n", "optimiser.learningrate: Extra inputs"),
        (SMALLEST + "[optimiser]\nlearning_rate = nan\n", "optimiser.learning_rate"),
        (SMALLEST + "[optimiser]\nsteps = 0\n", "optimiser.steps"),
        (SMALLEST + "[augmentation]\nzoom = {probability = 1.0, range = [2, 1]}\n", "lower end"),
        (SMALLEST + "[augmentation]\nzoom = {range = [0, 1]}\n", "zoom must be 0.1 at least"),
        (SMALLEST + "[augmentation]\nnoise = {probability = 2.0, range = [0, 1]}\n", "noise"),
        (SMALLEST + "[loss]\ndice_weight = 0\ncross_entropy_weight = 0\n", "above 0"),
        (SMALLEST.replace("size_xyz", "size_zyx"), "grid.size_zyx: Extra inputs"),
        (SMALLEST.replace('["image"]', '["image", "image"]'), "stands twice"),
        (SMALLEST.replace('["image"]', "[]"), "channels.images"),
        (SMALLEST.replace("size_xyz", 'mode = "free"\nsize_xyz'), "unless mode is 'free'"),
        (SMALLEST.replace("size_xyz = [32, 32, 32]", 'mode = "patch"'), "unless mode is 'free'"),
        ("name = ", "not TOML"),
    ],
)
def test_a_wrong_setting_is_named(text, complaint, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=complaint) as caught:
        read_recipe(path)
    assert "mine.toml" in caught.value.message


def test_a_missing_recipe_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"gone\.toml cannot be read"):
        read_recipe(tmp_path / "gone.toml")
