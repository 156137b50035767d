"""The cut is the labelling of least energy."""

from itertools import product

import numpy as np
import pytest

from oncotrace.errors import InputError
from oncotrace.imaging.graph_cut import MAXIMUM_VOXELS, contrast_weights, grid_cut


def energy(labels, log_odds, weights, smoothness):
    total = -float((log_odds * labels).sum())
    for axis, weight in enumerate(weights):
        total += smoothness * float((weight * (np.diff(labels.astype(int), axis=axis) != 0)).sum())
    return total


def even_weights(shape):
    return contrast_weights(np.zeros(shape, dtype=np.float32), 1.0)


@pytest.mark.parametrize("smoothness", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("seed", range(5))
def test_no_labelling_of_a_small_grid_costs_less(seed, smoothness):
    rng = np.random.default_rng(seed)
    shape = (2, 2, 3)
    odds = np.round(rng.normal(0, 1, shape), 2).astype(np.float32)
    weights = contrast_weights(rng.normal(0, 1, shape).astype(np.float32), 1.0)
    every = (np.array(bits).reshape(shape) for bits in product((0, 1), repeat=12))
    least = min(energy(labels, odds, weights, smoothness) for labels in every)
    found = energy(grid_cut(odds, weights, smoothness), odds, weights, smoothness)
    assert found == pytest.approx(least, abs=0.12)  # capacities are rounded to hundredths


def test_without_smoothness_the_sign_decides():
    odds = np.array([[[1.0, -1.0, 0.0, 2.0]]], dtype=np.float32)
    cut = grid_cut(odds, even_weights(odds.shape), 0.0)
    np.testing.assert_array_equal(cut, odds > 0)


def test_smoothness_removes_a_lone_voxel():
    odds = np.full((5, 5, 5), -1.0, dtype=np.float32)
    odds[2, 2, 2] = 2.0
    assert grid_cut(odds, even_weights(odds.shape), 0.2).sum() == 1
    assert grid_cut(odds, even_weights(odds.shape), 1.0).sum() == 0


def test_hard_seeds_cannot_be_outvoted():
    odds = np.full((5, 5, 5), -3.0, dtype=np.float32)
    odds[2, 2, 2] = np.inf
    odds[0] = -np.inf
    cut = grid_cut(odds, even_weights(odds.shape), 50.0)
    assert cut[2, 2, 2]
    assert not cut[0].any()


def test_the_border_follows_the_edge_of_the_image():
    image = np.zeros((1, 1, 10), dtype=np.float32)
    image[..., 6:] = 5.0
    odds = np.zeros(image.shape, dtype=np.float32)
    odds[..., 0], odds[..., -1] = np.inf, -np.inf
    cut = grid_cut(odds, contrast_weights(image, 1.0), 1.0)
    np.testing.assert_array_equal(cut[0, 0], np.arange(10) < 6)


def test_all_tumour_and_all_background_are_possible():
    odds = np.ones((2, 3, 4), dtype=np.float32)
    assert grid_cut(odds, even_weights(odds.shape), 1.0).all()
    assert not grid_cut(-odds, even_weights(odds.shape), 1.0).any()


def test_too_large_a_grid_is_refused():
    shape = (1, 1, MAXIMUM_VOXELS + 1)
    with pytest.raises(InputError, match="at most"):
        grid_cut(np.zeros(shape, dtype=np.float32), even_weights(shape), 1.0)
