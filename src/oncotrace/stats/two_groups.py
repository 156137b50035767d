"""One test of two groups under its name, with the difference, its interval and what it assumes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import InputError
from oncotrace.stats.bootstrap import Statistic, bootstrap_interval
from oncotrace.stats.compare import signed_rank
from oncotrace.stats.distribution import VarianceRatio, variance_ratio
from oncotrace.stats.rank_sum import rank_sum
from oncotrace.stats.t_tests import PointBiserial, paired_t, point_biserial, welch_t

Kind = Literal["rank", "t"]
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Sample:
    """Finite values of one group, shape (n,), and the case that each belongs to."""

    values: NDArray[np.float64]
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Resampling:
    """How intervals are drawn: see `oncotrace.stats.bootstrap.bootstrap_interval`."""

    seed: int
    method: Literal["percentile", "bca"] = "bca"
    resamples: int = 2000


@dataclass(frozen=True)
class TwoGroups:
    """A test of the first group against the second, two-sided.

    ``mean_difference`` and ``median_difference`` are first minus second (of pairs: mean and median
    of the differences), with bootstrap intervals that draw cases whole; ``shift`` is the
    Hodges-Lehmann estimate of a test of ranks. ``point_biserial`` and ``variances`` are of separate
    groups only, and nothing where they are not defined.
    """

    test: str
    method: str
    n_first: int
    n_second: int
    statistic: float
    degrees_of_freedom: float | None
    p_value: float
    shift: float | None
    mean_difference: float
    mean_interval: Interval
    median_difference: float
    median_interval: Interval
    point_biserial: PointBiserial | None = None
    variances: VarianceRatio | None = None


def compare_separate(first: Sample, second: Sample, kind: Kind, how: Resampling) -> TwoGroups:
    """Test two separate groups: Mann-Whitney by ranks, Welch by means.

    A case may have values in both, which the intervals heed and the tests do not.

    Raises
    ------
    InputError
        The values are too few for the test, or leave nothing to test.
    """
    one, other = first.values, second.values
    method: str
    if kind == "rank":
        ranks = rank_sum(one, other)
        name, method, statistic = "Mann-Whitney", ranks.method, ranks.statistic
        degrees, p_value, shift = None, ranks.p_value, ranks.shift
    else:
        means = welch_t(one, other)
        name, method, statistic = "Welch's t", "", means.statistic
        degrees, p_value, shift = means.degrees_of_freedom, means.p_value, None
    rows = np.column_stack(
        [np.concatenate([one, other]), np.repeat([1.0, 0.0], [len(one), len(other)])]
    )
    cases = first.cases + second.cases
    return TwoGroups(
        test=name,
        method=method,
        n_first=len(one),
        n_second=len(other),
        statistic=statistic,
        degrees_of_freedom=degrees,
        p_value=p_value,
        shift=shift,
        mean_difference=_mean_difference(rows),
        mean_interval=_interval(rows, _mean_difference, cases, how),
        median_difference=_median_difference(rows),
        median_interval=_interval(rows, _median_difference, cases, how),
        point_biserial=_correlation(one, other),
        variances=variance_ratio(one, other),
    )


def compare_paired(first: Sample, second: Sample, kind: Kind, how: Resampling) -> TwoGroups:
    """Test two values of each case: Wilcoxon's signed rank, or Student's paired t.

    Raises
    ------
    InputError
        The cases differ, are too few for the test, or leave nothing to test.
    """
    if first.cases != second.cases:
        raise InputError("pairs need the same cases in the same order.", code="not-paired")
    differences = first.values - second.values
    method: str
    if kind == "rank":
        ranks = signed_rank(differences)
        name, method, statistic = "Wilcoxon signed rank", ranks.method, ranks.statistic
        degrees, p_value, shift = None, ranks.p_value, ranks.shift
    else:
        means = paired_t(differences)
        name, method, statistic = "paired t", "", means.statistic
        degrees, p_value, shift = means.degrees_of_freedom, means.p_value, None
    return TwoGroups(
        test=name,
        method=method,
        n_first=len(differences),
        n_second=len(differences),
        statistic=statistic,
        degrees_of_freedom=degrees,
        p_value=p_value,
        shift=shift,
        mean_difference=_mean(differences),
        mean_interval=_interval(differences, _mean, first.cases, how),
        median_difference=_median(differences),
        median_interval=_interval(differences, _median, first.cases, how),
    )


def mean_and_median_intervals(sample: Sample, how: Resampling) -> tuple[Interval, Interval]:
    """Bootstrap intervals of a group's mean and of its median, cases drawn whole."""
    return (
        _interval(sample.values, _mean, sample.cases, how),
        _interval(sample.values, _median, sample.cases, how),
    )


def _interval(
    rows: NDArray[np.float64],
    statistic: Statistic,
    cases: Sequence[str],
    how: Resampling,
) -> Interval:
    return bootstrap_interval(
        rows,
        statistic,
        groups=cases,
        seed=how.seed,
        method=how.method,
        resamples=how.resamples,
    )


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> PointBiserial | None:
    together = np.concatenate([one, other])
    if len(together) < 3 or np.ptp(together) == 0:
        return None
    return point_biserial(one, other)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values))


def _mean_difference(rows: NDArray[np.float64]) -> float:
    """Difference of means of rows (value, whether in the first group); NaN without both groups."""
    is_first = rows[:, 1] == 1
    if is_first.all() or not is_first.any():
        return float("nan")
    return float(rows[is_first, 0].mean() - rows[~is_first, 0].mean())


def _median_difference(rows: NDArray[np.float64]) -> float:
    is_first = rows[:, 1] == 1
    if is_first.all() or not is_first.any():
        return float("nan")
    return float(np.median(rows[is_first, 0]) - np.median(rows[~is_first, 0]))
