"""Recipes of two stages, and the folder of the first."""

import pytest
from tests.unit.learning.builders import tiny_plan

from oncotrace.errors import ModelError, OutputError, SettingsError
from oncotrace.learning.locator_folder import LOCATOR, copy_locator, naming_locator, read_locator
from oncotrace.learning.model_folder import write_model
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import parse_recipe, preset

TWO_STAGES = """
name = "two"
preparation = "located"
[channels]
images = ["mr-t1"]
[grid]
size_xyz = [16, 16, 16]
[locator]
recipe = {recipe}
"""


def test_a_file_may_name_the_locator_or_spell_it_out():
    by_name = parse_recipe(TWO_STAGES.format(recipe='"automatic"'), "two.toml")
    assert by_name.locator.recipe == preset("automatic")
    assert by_name.locator.margin_mm == 20


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        ('"nothing"', "there is no recipe called 'nothing'"),
        ('"coarse-to-fine"', "a locator has no locator of its own"),
        ('"six-click"', "a locator's grid needs spacing_mm"),
    ],
)
def test_a_locator_that_cannot_be_one_is_refused(recipe, complaint):
    with pytest.raises(SettingsError, match=complaint):
        parse_recipe(TWO_STAGES.format(recipe=recipe), "two.toml")


def test_a_plan_with_a_locator_is_read_as_it_was_written():
    plan = tiny_plan(locator={"recipe": preset("automatic").model_dump()})
    assert Plan.model_validate_json(plan.model_dump_json(), strict=True) == plan


def test_recipes_without_a_locator_are_written_as_before():
    assert "locator" not in preset("automatic").model_dump(mode="json")


def two_stages(folder):
    """Write a locator into a model folder; returns the plan of the model."""
    write_model(folder / "found", tiny_plan(), {}, card="finds")
    copy_locator(folder / "found", folder / "model")
    plan = tiny_plan(locator={"recipe": preset("automatic").model_dump()})
    return naming_locator(plan, folder / "found")


def test_a_locator_is_read_if_it_is_the_one_that_the_plan_names(tmp_path):
    plan = two_stages(tmp_path)
    assert read_locator(tmp_path / "model", plan, None).card == "finds"
    assert read_locator(tmp_path / "model", tiny_plan(), None) is None


def test_another_locator_or_none_is_refused(tmp_path):
    plan = two_stages(tmp_path)
    with pytest.raises(ModelError, match="the locator of elsewhere is not the one"):
        read_locator(tmp_path / "elsewhere", plan, None)
    write_model(tmp_path / "other" / LOCATOR, tiny_plan(seed=5), {}, card="other")
    with pytest.raises(ModelError, match="the locator of other is not the one"):
        read_locator(tmp_path / "other", plan, None)


def test_a_locator_that_is_incomplete_is_not_copied(tmp_path):
    two_stages(tmp_path)
    (tmp_path / "found" / "MODEL_CARD.md").unlink()
    with pytest.raises(OutputError, match=r"MODEL_CARD\.md of the locator cannot be read"):
        copy_locator(tmp_path / "found", tmp_path / "copy")
