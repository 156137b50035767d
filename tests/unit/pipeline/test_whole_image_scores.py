"""Images whose ends tell nothing, and the post-processing that is chosen on them."""

import numpy as np
from tests.unit.learning.builders import tiny_plan
from tests.unit.segment.test_whole_image_input import T1_GRID, patient

from oncotrace.imaging.recrop import random_sides_mm
from oncotrace.pipeline.whole_image_scores import (
    WholeImageScore,
    as_out_of_fold,
    best_post_processing,
    judged_sets,
    with_moved_sides,
)
from oncotrace.segment.published_finish import EVERY_POST_PROCESSING


def test_all_images_end_where_the_first_one_now_ends():
    scans, masks = patient()
    sides = random_sides_mm(40.0, np.random.default_rng(0))
    moved, outline = with_moved_sides(scans, masks["mr-t1"], sides)
    assert list(moved) == ["mr-t1", "ct"]
    for name, scan in moved.items():
        assert scan.geometry.matches(outline.geometry)
        assert scan.modality == name
    assert outline.voxels.sum() == masks["mr-t1"].voxels.sum()
    assert not outline.geometry.matches(T1_GRID)
    dark = moved["mr-t1"].voxels == 400
    np.testing.assert_array_equal(dark, outline.voxels)


def test_without_moving_the_first_image_stays_as_it_is():
    scans, masks = patient()
    moved, outline = with_moved_sides(scans, masks["ct"], np.zeros((3, 2)))
    np.testing.assert_array_equal(moved["mr-t1"].voxels, scans["mr-t1"].voxels)
    assert outline.geometry.matches(T1_GRID)
    assert outline.voxels.any()


def score(case, **dices):
    features = {kind: {"log_volume": value} for kind, value in dices.items()}
    return WholeImageScore(case, case, ("mr-t1", "ct"), 0, dices, features)


def test_the_post_processing_with_the_best_mean_is_chosen():
    scores = [
        score("a", none=0.5, fill=0.5, largest=0.9, both=0.9, surest=0.8),
        score("b", none=0.8, fill=0.9, largest=0.8, both=0.7, surest=0.8),
    ]
    assert best_post_processing(scores) == "largest"
    mask = as_out_of_fold(scores[0], "largest")
    assert (mask.dice, mask.modality) == (0.9, "mr-t1+ct")
    assert mask.features == {"log_volume": 0.9}


def test_of_equals_the_one_that_does_least_is_chosen():
    equal = dict.fromkeys(EVERY_POST_PROCESSING, 0.5)
    assert best_post_processing([score("a", **equal)]) == "none"


def plan_of(images, cues=(), dropout=0.5):
    plan = tiny_plan()
    channels = plan.recipe.channels.model_copy(update={"images": images, "cues": cues})
    settings = plan.recipe.augmentation.model_copy(update={"channel_dropout": dropout})
    recipe = plan.recipe.model_copy(update={"channels": channels, "augmentation": settings})
    return plan.model_copy(update={"recipe": recipe})


def test_a_network_is_judged_on_every_set_of_sequences_that_it_can_do_with():
    both = ("mr-t1", "pet")
    any_missing = plan_of(both, ("has-mr-t1", "has-pet"))
    assert judged_sets(both, any_missing) == [both, ("mr-t1",), ("pet",)]
    assert judged_sets(both, plan_of(both, ("has-pet",))) == [both, ("mr-t1",)]
    never_missing = plan_of(both, ("has-mr-t1", "has-pet"), dropout=0.0)
    assert judged_sets(both, never_missing) == [both]


def test_of_many_sequences_the_sets_do_not_multiply():
    many = ("mr-t1", "mr-t2", "ct", "pet")
    sets = judged_sets(many, plan_of(many, tuple(f"has-{name}" for name in many)))
    assert sets[0] == many
    assert sorted(map(len, sets)) == [1, 1, 1, 1, 3, 3, 3, 3, 4]
