"""How well a score tells those with a finding from those without."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from oncotrace.errors import InputError
from oncotrace.stats.agreement import Interval
from oncotrace.stats.bootstrap import bootstrap_interval
from oncotrace.stats.samples import finite_pairs


@dataclass(frozen=True)
class Detection:
    """Area under the ROC curve, and what a threshold on the score does.

    A figure is nothing where there are no positives or no negatives to take it from; an interval
    is, where there are fewer than three groups. Intervals are 95 % bootstrap intervals
    (percentile), groups drawn whole.
    """

    n: int
    positives: int
    threshold: float
    auc: float | None
    auc_interval: Interval | None
    sensitivity: float | None
    sensitivity_interval: Interval | None
    specificity: float | None
    specificity_interval: Interval | None


def detection(
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    groups: Sequence[Hashable],
    threshold: float,
    seed: int,
) -> Detection:
    """Judge a score; at the threshold and above is positive.

    Parameters
    ----------
    truth
        1 where there is a finding, 0 where there is none.
    groups
        What each observation belongs to: patients, so that the two lungs of one stay together.

    Raises
    ------
    InputError
        Nothing to judge, values that are not finite, or a truth that is neither 0 nor 1.
    """
    score, finding = finite_pairs(scores, truth, least=1, of="a detection")
    if not np.isin(finding, (0, 1)).all():
        raise InputError("the truth of a detection is 0 or 1.", code="not-a-truth")
    rows = np.stack([score, finding], axis=1)

    def at_threshold(pairs: NDArray[np.float64], *, of: int) -> float:
        of_kind = pairs[pairs[:, 1] == of, 0] >= threshold
        share = float(of_kind.mean()) if len(of_kind) else float("nan")
        return share if of else 1 - share

    def sensitivity(pairs: NDArray[np.float64]) -> float:
        return at_threshold(pairs, of=1)

    def specificity(pairs: NDArray[np.float64]) -> float:
        return at_threshold(pairs, of=0)

    figures = [
        (
            _known(statistic(rows)),
            bootstrap_interval(rows, statistic, groups=groups, seed=seed, method="percentile"),
        )
        for statistic in (_auc_of_rows, sensitivity, specificity)
    ]
    (auc_value, auc_interval), (sens, sens_interval), (spec, spec_interval) = figures
    return Detection(
        n=len(score),
        positives=int(finding.sum()),
        threshold=threshold,
        auc=auc_value,
        auc_interval=auc_interval,
        sensitivity=sens,
        sensitivity_interval=sens_interval,
        specificity=spec,
        specificity_interval=spec_interval,
    )


def auc(scores: ArrayLike, truth: ArrayLike) -> float | None:
    """Chance that a positive scores higher than a negative, equal scores counting half.

    Nothing without a positive or without a negative.

    Raises
    ------
    InputError
        Different lengths, nothing, or values that are not finite.

    References
    ----------
    Hanley and McNeil, Radiology 1982;143:29-36, doi:10.1148/radiology.143.1.7063747.
    """
    score, finding = finite_pairs(scores, truth, least=1, of="an area under the curve")
    is_positive = finding == 1
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if not positives or not negatives:
        return None
    ranks = float(rankdata(score)[is_positive].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def _auc_of_rows(pairs: NDArray[np.float64]) -> float:
    value = auc(pairs[:, 0], pairs[:, 1])
    return float("nan") if value is None else value


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
