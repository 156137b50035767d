"""Which structures a recipe may tell apart, and which of them a voxel takes."""

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_fingerprint, tiny_recipe

from oncotrace.errors import SettingsError
from oncotrace.learning.label_shares import labels_by_log_odds, labels_by_share
from oncotrace.learning.labels import Label, described, label_from_text
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import Recipe, parse_recipe, preset, with_labels

TWO = (Label(name="tumour", value=1), Label(name="oedema", value=2, optional=True))

TOML = """
name = "two"
preparation = "whole-image"
[channels]
images = ["mr-t1"]
[grid]
mode = "patch"
size_xyz = [8, 8, 8]
[[labels]]
name = "tumour"
value = 1
[[labels]]
name = "oedema"
value = 2
optional = true
"""


def test_labels_come_from_a_file_or_are_given():
    assert parse_recipe(TOML, "two.toml").labels == TWO
    given = with_labels(preset("automatic"), TWO)
    assert (given.labels, given.outputs, given.label_axis) == (TWO, 2, (2,))
    assert given.model_copy(update={"labels": ()}) == preset("automatic")
    assert with_labels(given, ()).labels == TWO
    assert label_from_text("tumour=1", is_optional=False) == TWO[0]
    assert described(TWO) == "tumour = 1, oedema = 2"


def test_a_recipe_of_one_structure_is_written_as_before():
    recipe = preset("automatic")
    assert (recipe.outputs, recipe.label_axis) == (1, ())
    assert "labels" not in recipe.model_dump()
    assert (
        '"optional"'
        not in with_labels(recipe, (TWO[0], Label(name="b", value=2))).model_dump_json()
    )


def test_a_plan_of_labels_is_written_and_read_and_has_a_digest_of_its_own():
    recipe = tiny_recipe(preparation="whole-image", grid={"mode": "patch", "size_xyz": (8, 16, 24)})
    plan = make_plan(with_labels(recipe, TWO), tiny_fingerprint())
    assert Plan.model_validate_json(plan.model_dump_json(), strict=True) == plan
    without = make_plan(recipe, tiny_fingerprint())
    assert plan.training_digest() != without.training_digest()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (TWO[:1], "give 2 to 16"),
        (tuple(Label(name=f"l{n}", value=n) for n in range(1, 18)), "there are 17 labels"),
        ((*TWO, Label(name="tumour", value=3)), "the same name"),
        ((*TWO, Label(name="cyst", value=2)), "the same value"),
        (TWO[::-1], "oedema, is the tumour and cannot be optional"),
    ],
)
def test_labels_that_do_not_go_together_are_refused(labels, said):
    with pytest.raises(SettingsError, match=said) as caught:
        with_labels(preset("automatic"), labels)
    assert caught.value.code == "labels-not-possible"


@pytest.mark.parametrize("name", ["six-click", "interactivenet", "coarse-to-fine", "lung"])
def test_only_recipes_for_whole_images_tell_structures_apart(name):
    with pytest.raises(SettingsError, match="only a recipe without clicks on whole images"):
        with_labels(preset(name), TWO)


def test_a_linear_skip_and_labels_of_a_locator_are_refused():
    with pytest.raises(SettingsError, match="no unet-2d and has no linear_skip"):
        parse_recipe(TOML + "[network]\nlinear_skip = true\n", "two.toml")
    located = preset("coarse-to-fine").model_dump()
    located["locator"]["recipe"] |= {"preparation": "whole-image", "labels": TWO}
    with pytest.raises(ValueError, match="has no labels"):
        Recipe.model_validate(located)


@pytest.mark.parametrize("text", ["tumour", "tumour=", "=1", "Tumour=1", "a b=1", "t=0", "t=256"])
def test_a_label_must_be_a_name_and_a_value(text):
    with pytest.raises(SettingsError, match="NAME=VALUE") as caught:
        label_from_text(text, is_optional=False)
    assert caught.value.code == "not-a-label"


def voxels(*values: tuple[float, ...]) -> np.ndarray:
    """Return one voxel after the other, each with a value for every label, as [l, 1, 1, n]."""
    return np.array(values, np.float32).T[:, None, None, :]


def test_no_gap_opens_where_two_structures_touch():
    shares = voxels((1, 0), (0.6, 0.4), (0.4, 0.45), (0.3, 0.1), (0.5, 0.5), (0, 0))
    first, second = labels_by_share(shares)[:, 0, 0]
    np.testing.assert_array_equal(first, [True, True, False, False, True, False])
    np.testing.assert_array_equal(second, [False, False, True, False, False, False])
    np.testing.assert_array_equal(labels_by_share(shares[0]), shares[0] >= 0.5)


def test_a_voxel_takes_the_most_probable_of_the_labels_above_one_half():
    first, second = labels_by_log_odds(voxels((2, 1), (1, 2), (-1, -2), (-1, 0), (3, 3)))[:, 0, 0]
    np.testing.assert_array_equal(first, [True, False, False, False, True])
    np.testing.assert_array_equal(second, [False, True, False, True, False])
