"""The published ways to tidy a mask up, and back to the source grid."""

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import ModelError
from oncotrace.segment.published_finish import (
    POST_PROCESSING,
    plan_post_processing,
    post_processed,
    published_on_source_grid,
)

GRID = Geometry((16, 12, 12), (1.0, 1.0, 1.0))


def hollow_with_island():
    """A cube with a hole of one voxel, and a piece of eight voxels elsewhere."""
    inside = np.zeros(GRID.shape_zyx, dtype=bool)
    inside[2:7, 2:7, 2:7] = True
    inside[4, 4, 4] = False
    inside[9:11, 9:11, 12:14] = True
    return inside


@pytest.mark.parametrize(
    ("kind", "voxels"), [("none", 124 + 8), ("fill", 125 + 8), ("largest", 124), ("both", 125)]
)
def test_each_post_processing_does_what_it_says(kind, voxels):
    assert post_processed(hollow_with_island(), kind).sum() == voxels


def test_holes_are_filled_before_the_largest_piece_is_looked_for():
    inside = np.zeros((9, 9, 20), dtype=bool)
    inside[1:8, 1:8, 1:8] = True
    inside[2:7, 2:7, 2:7] = False  # a shell of 218 voxels around 125
    inside[1:8, 1:8, 12:18] = True  # 294 voxels
    assert post_processed(inside, "both")[4, 4, 4]
    assert not post_processed(inside, "largest")[1, 1, 1]


@pytest.mark.parametrize("kind", POST_PROCESSING)
def test_an_empty_mask_stays_empty(kind):
    assert not post_processed(np.zeros((3, 4, 5), dtype=bool), kind).any()


def test_a_plan_that_names_no_post_processing_has_none():
    assert plan_post_processing(tiny_plan()) == "none"
    chosen = tiny_plan().model_copy(update={"preparation": {"post_processing": "both"}})
    assert plan_post_processing(chosen) == "both"


def test_a_post_processing_that_is_not_known_is_refused():
    plan = tiny_plan().model_copy(update={"preparation": {"post_processing": "erode"}})
    with pytest.raises(ModelError, match=r"'erode'.*none, fill, largest, both"):
        plan_post_processing(plan)


def test_on_the_same_grid_the_mask_is_where_logits_are_not_negative():
    logits = np.random.default_rng(0).normal(size=GRID.shape_zyx).astype(np.float32)
    inside, probability = published_on_source_grid(logits, GRID, GRID, "none")
    np.testing.assert_array_equal(inside, logits >= 0)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-logits)), atol=1e-6)


@pytest.mark.parametrize("kind", POST_PROCESSING)
def test_the_mask_is_where_the_probability_is_at_least_one_half(kind):
    logits = np.where(hollow_with_island(), 2.0, -2.0).astype(np.float32)
    inside, probability = published_on_source_grid(logits, GRID, GRID, kind)
    np.testing.assert_array_equal(inside, post_processed(logits > 0, kind))
    np.testing.assert_array_equal(inside, probability >= 0.5)


def test_between_voxels_of_a_coarser_grid_logits_are_interpolated_linearly():
    working = Geometry((2, 1, 1), (4.0, 1.0, 1.0))
    source = Geometry((5, 1, 1), (1.0, 1.0, 1.0))
    logits = np.array([[[3.0, -1.0]]], dtype=np.float32)
    inside, probability = published_on_source_grid(logits, working, source, "none")
    expected = np.array([3.0, 2.0, 1.0, 0.0, -1.0])
    np.testing.assert_allclose(probability.ravel(), 1 / (1 + np.exp(-expected)), atol=1e-6)
    assert inside.ravel().tolist() == [True, True, True, True, False]


def test_beyond_the_volume_of_interest_there_is_no_tumour():
    source = Geometry((20, 12, 12), (1.0, 1.0, 1.0), (-2.0, 0.0, 0.0))
    logits = np.full(GRID.shape_zyx, 5.0, dtype=np.float32)
    inside, _ = published_on_source_grid(logits, GRID, source, "none")
    assert not inside[:, :, :2].any()
    assert inside[:, :, 2:18].all()


def test_the_surest_piece_wins_over_a_larger_one():
    log_odds = np.full((12, 12, 12), -3.0, dtype=np.float32)
    log_odds[1:7, 1:7, 1:7] = 0.1
    log_odds[8:11, 8:11, 8:11] = 4.0
    log_odds[9, 9, 9] = -1.0  # a hole
    kept = post_processed(log_odds >= 0, "surest", log_odds)
    assert kept[8:11, 8:11, 8:11].all()
    assert kept.sum() == 27
    assert not post_processed(np.zeros((3, 4, 5), dtype=bool), "surest", np.zeros((3, 4, 5))).any()
