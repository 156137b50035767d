"""A head start for a network: the best linear model of its channels, fitted to the training cases.

Where channels are cues that already say much, a voxelwise logistic model of them is a good
segmentation. A network that adds to it begins there instead of from nothing, which spares most of a
short training.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import TrainingData, checked_sample

VOXELS_PER_CASE = 2_000
RIDGE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Log-odds of tumour: ``weights`` [c] times the channels, plus ``bias``."""

    weights: NDArray[np.float32]
    bias: float


def linear_head_start(plan: Plan, data: TrainingData) -> LinearModel:
    """Fit the logistic model to one sample of every training case, drawn from the recipe's seed.

    Raises
    ------
    InputError
        A sample cannot be used.
    """
    features, targets = [], []
    for index in range(len(data.case_ids)):
        rng = np.random.default_rng([plan.recipe.seed, index])
        sample = checked_sample(data, index, rng, plan)
        chosen = rng.integers(0, sample.target.size, VOXELS_PER_CASE)
        features.append(sample.channels.reshape(len(sample.channels), -1)[:, chosen].T)
        targets.append(sample.target.ravel()[chosen])
    x = np.concatenate(features).astype(np.float64)
    y = np.concatenate(targets).astype(np.float64)
    best = minimize(_cost, np.zeros(x.shape[1] + 1), args=(x, y), jac=True, method="L-BFGS-B")
    return LinearModel(best.x[:-1].astype(np.float32), float(best.x[-1]))


def _cost(
    parameters: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Mean cross-entropy with a small ridge, and its gradient."""
    weights, bias = parameters[:-1], parameters[-1]
    odds = x @ weights + bias
    cost = float(np.mean(np.logaddexp(0.0, odds) - y * odds) + RIDGE * weights @ weights)
    error = (expit(odds) - y) / len(y)
    return cost, np.append(x.T @ error + 2 * RIDGE * weights, error.sum())
