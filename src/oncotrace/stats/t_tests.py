"""Whether means differ, by how much, and how sure that is: t tests and the correlation they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.errors import InputError
from oncotrace.stats.samples import finite_sample


@dataclass(frozen=True)
class MeanDifference:
    """A t test of a difference of means against 0, two-sided, with the difference's interval."""

    n_first: int
    n_second: int
    difference: float
    interval: tuple[float, float]
    statistic: float
    degrees_of_freedom: float
    p_value: float


@dataclass(frozen=True)
class PointBiserial:
    """Correlation of values with the group they are in, and its interval.

    Positive where the first group's values are the greater ones; ``interval`` is Fisher's, nothing
    for fewer than four values or a correlation of 1.
    """

    r: float
    interval: tuple[float, float] | None
    p_value: float


def welch_t(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> MeanDifference:
    """Welch's t test of two separate samples, whose variances may differ.

    Raises
    ------
    InputError
        Fewer than two values in a sample, one that is not finite, or no spread in either.

    References
    ----------
    Welch, Biometrika 1947;34:28-35, doi:10.1093/biomet/34.1-2.28.
    """
    one, other = (finite_sample(values, least=2, of="a t test") for values in (first, second))
    _require_spread(max(float(np.ptp(one)), float(np.ptp(other))))
    test = stats.ttest_ind(one, other, equal_var=False)
    low, high = test.confidence_interval(confidence)
    return MeanDifference(
        n_first=len(one),
        n_second=len(other),
        difference=float(one.mean() - other.mean()),
        interval=(float(low), float(high)),
        statistic=float(test.statistic),
        degrees_of_freedom=float(test.df),
        p_value=float(test.pvalue),
    )


def paired_t(differences: ArrayLike, *, confidence: float = 0.95) -> MeanDifference:
    """Student's t test of the mean of paired differences.

    Raises
    ------
    InputError
        Fewer than two differences, one that is not finite, or all equal.

    References
    ----------
    Student, Biometrika 1908;6:1-25, doi:10.1093/biomet/6.1.1.
    """
    sample = finite_sample(differences, least=2, of="a paired t test")
    _require_spread(float(np.ptp(sample)))
    test = stats.ttest_1samp(sample, 0.0)
    low, high = test.confidence_interval(confidence)
    return MeanDifference(
        n_first=len(sample),
        n_second=len(sample),
        difference=float(sample.mean()),
        interval=(float(low), float(high)),
        statistic=float(test.statistic),
        degrees_of_freedom=float(test.df),
        p_value=float(test.pvalue),
    )


def point_biserial(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95
) -> PointBiserial:
    """Pearson's correlation of the values with their group, the first counting 1, the second 0.

    Its p value is that of the t test with equal variances.

    Raises
    ------
    InputError
        A sample is empty, fewer than three values, one that is not finite, or all equal.

    References
    ----------
    Tate, Ann Math Stat 1954;25:603-607, doi:10.1214/aoms/1177728730.
    """
    one, other = (finite_sample(x, least=1, of="a correlation") for x in (first, second))
    together = finite_sample(np.concatenate([one, other]), least=3, of="a correlation")
    _require_spread(float(np.ptp(together)))
    group = np.repeat([1.0, 0.0], [len(one), len(other)])
    test = stats.pearsonr(group, together)
    interval = None
    if len(together) > 3 and abs(test.statistic) < 1:
        low, high = test.confidence_interval(confidence)
        interval = (float(low), float(high))
    return PointBiserial(r=float(test.statistic), interval=interval, p_value=float(test.pvalue))


def _require_spread(spread: float) -> None:
    if spread == 0:
        raise InputError(
            "all values are equal, which leaves nothing to compare means by.",
            hint="Use a test of ranks, or count the values.",
            code="no-spread",
        )
