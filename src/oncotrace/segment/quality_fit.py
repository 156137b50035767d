"""Fitting the constants of the predicted quality, and what they would have said unseen.

Ridge regression of the logit of Dice on the standardised features. The penalty is the one of
`PENALTIES` whose errors are least on patients left out, in five groups; the 10th and the 90th
percentile of those errors are the ends of the interval. The penalties are strong on purpose: rows
are many, but the patients that they come from are few.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from oncotrace.errors import InputError
from oncotrace.segment.quality import FeatureWeight, QualityModel

PENALTIES = (0.3, 1.0, 3.0)
GROUPS = 5
TAILS = (0.1, 0.9)
LEAST_DICE, GREATEST_DICE = 0.02, 0.99
"""Dice beyond these counts as these: its logit would outweigh all others."""

_LEAST_DEVIATION = 1e-9


@dataclass(frozen=True, eq=False)
class QualityTable:
    """Segmentations with their features and their real Dice.

    Parameters
    ----------
    names
        Names of the features.
    features
        Shape (n, k); finite.
    dice
        Shape (n,).
    patients
        Whose tumour each is, length n: rows of one patient are never on both sides of a split.

    Raises
    ------
    InputError
        The arrays do not fit each other, hold numbers that are not finite, or come from fewer than
        five patients.
    """

    names: tuple[str, ...]
    features: NDArray[np.float64]
    dice: NDArray[np.float64]
    patients: tuple[str, ...]

    def __post_init__(self) -> None:
        rows = len(self.patients)
        shapes = (self.features.shape, self.dice.shape)
        if shapes != ((rows, len(self.names)), (rows,)) or not (
            np.isfinite(self.features).all() and np.isfinite(self.dice).all()
        ):
            raise InputError(
                f"predicted quality needs finite features and a Dice for each of {rows} rows and "
                f"{len(self.names)} names, found arrays of {shapes[0]} and {shapes[1]}."
            )
        if len(set(self.patients)) < GROUPS:
            raise InputError(
                f"predicted quality needs at least {GROUPS} patients, found "
                f"{len(set(self.patients))}."
            )

    def rows(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the table of the chosen rows."""
        patients = tuple(p for p, keep in zip(self.patients, chosen, strict=True) if keep)
        return type(self)(self.names, self.features[chosen], self.dice[chosen], patients)


def fit_quality(table: QualityTable) -> QualityModel:
    """Constants that predict the Dice of segmentations like those of the table."""
    target = _logit(table.dice)
    errors = {penalty: target - _left_out(table, penalty) for penalty in PENALTIES}
    penalty = min(PENALTIES, key=lambda p: float(np.square(errors[p]).sum()))
    low, high = np.quantile(errors[penalty], TAILS)
    return replace(_ridge(table, penalty), residuals=(min(float(low), 0.0), max(float(high), 0.0)))


def cross_fitted(table: QualityTable, folds: Mapping[str, int]) -> NDArray[np.float64]:
    """Predicted Dice and interval, shape (n, 3), each by constants that never saw the patient.

    Parameters
    ----------
    folds
        Fold of every patient; penalty and interval too are found without the fold left out.
    """
    fold_of_row = np.array([folds[patient] for patient in table.patients])
    predicted = np.empty((len(fold_of_row), 3))
    for fold in np.unique(fold_of_row):
        unseen = fold_of_row == fold
        model = fit_quality(table.rows(~unseen))
        predicted[unseen] = model.predict(table.features[unseen])
    return predicted


def _left_out(table: QualityTable, penalty: float) -> NDArray[np.float64]:
    """Predicted logit of each row by the patients of the other groups."""
    group_of = {patient: n % GROUPS for n, patient in enumerate(sorted(set(table.patients)))}
    group_of_row = np.array([group_of[patient] for patient in table.patients])
    predicted = np.empty(len(group_of_row))
    for group in range(GROUPS):
        unseen = group_of_row == group
        predicted[unseen] = _ridge(table.rows(~unseen), penalty).logit(table.features[unseen])
    return predicted


def _ridge(table: QualityTable, penalty: float) -> QualityModel:
    """Constants for one penalty, without an interval.

    The weights w make  mean((y - z w)^2) + penalty |w|^2  least, where y are the centred logits and
    z the standardised features; a feature that never varies has no weight.
    """
    target = _logit(table.dice)
    means, spread = table.features.mean(axis=0), table.features.std(axis=0)
    deviations = np.where(spread > _LEAST_DEVIATION, spread, 1.0)
    z = (table.features - means) / deviations
    normal = z.T @ z / len(z) + penalty * np.eye(z.shape[1])
    weights = np.linalg.solve(normal, z.T @ (target - target.mean()) / len(z))
    columns = zip(table.names, means, deviations, weights, strict=True)
    return QualityModel(
        intercept=float(target.mean()),
        features={name: FeatureWeight(float(m), float(d), float(w)) for name, m, d, w in columns},
        residuals=(0.0, 0.0),
        fitted_on={"patients": len(set(table.patients)), "segmentations": len(table.dice)},
    )


def _logit(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    limited: NDArray[np.float64] = logit(np.clip(dice, LEAST_DICE, GREATEST_DICE))
    return limited
