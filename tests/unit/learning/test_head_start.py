"""The head start is the linear model that explains the training cases best."""

import numpy as np
from tests.unit.learning.builders import GRID_XYZ, ball, tiny_plan

from oncotrace.learning.head_start import linear_head_start
from oncotrace.learning.sample import Sample, TrainingData

CASES = ("a", "b", "c")


def logistic(index: int, rng: np.random.Generator) -> Sample:
    """Voxels whose log-odds of tumour are 2 image - 1 guidance + 0.5."""
    channels = rng.normal(size=(2, *GRID_XYZ[::-1])).astype(np.float32)
    odds = 2 * channels[0] - channels[1] + 0.5
    target = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    target[0, 0, index] = True
    return Sample(channels, target)


def test_the_model_that_made_the_targets_is_found_again() -> None:
    model = linear_head_start(tiny_plan(), TrainingData(CASES, logistic))
    np.testing.assert_allclose([*model.weights, model.bias], [2.0, -1.0, 0.5], atol=0.15)


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = (linear_head_start(tiny_plan(), TrainingData(CASES, ball)) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert first.bias == second.bias
