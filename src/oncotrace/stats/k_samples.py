"""Whether any of several samples differs from the others, by ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.errors import InputError


@dataclass(frozen=True)
class RankTest:
    """A test of several samples by ranks; ``statistic`` is chi-square distributed if none differs.

    Where all values are equal there is nothing to test: the statistic is 0 and p is 1.
    """

    sizes: tuple[int, ...]
    statistic: float
    degrees_of_freedom: int
    p_value: float


def kruskal_wallis(samples: Sequence[ArrayLike]) -> RankTest:
    """Kruskal and Wallis's test of two or more separate samples, corrected for equal ranks.

    Values may be infinite: they rank last. The chi-square distribution is an approximation that
    wants about five values in each sample.

    Raises
    ------
    InputError
        Fewer than two samples, an empty one, or a missing value (NaN).

    References
    ----------
    Kruskal and Wallis, J Am Stat Assoc 1952;47:583-621, doi:10.1080/01621459.1952.10483441.
    """
    groups = [np.asarray(values, dtype=np.float64) for values in samples]
    if len(groups) < 2 or any(group.ndim != 1 or not len(group) for group in groups):
        raise InputError(
            f"a Kruskal-Wallis test needs values in two groups or more, found "
            f"{[int(group.size) for group in groups]}.",
            code="too-few-values",
        )
    ranks = stats.rankdata(_without_missing(np.concatenate(groups)))
    sizes = tuple(len(group) for group in groups)
    if np.ptp(ranks) == 0:
        return RankTest(sizes, 0.0, len(groups) - 1, 1.0)
    found = stats.kruskal(*np.split(ranks, np.cumsum(sizes)[:-1]))
    return RankTest(sizes, float(found.statistic), len(groups) - 1, float(found.pvalue))


def friedman(table: ArrayLike) -> RankTest:
    """Friedman's test of three or more values of the same cases, corrected for equal ranks.

    Parameters
    ----------
    table
        Shape (cases, conditions), nothing missing.

    Raises
    ------
    InputError
        Fewer than two cases or three conditions, or a missing value (NaN).

    References
    ----------
    Friedman, J Am Stat Assoc 1937;32:675-701, doi:10.1080/01621459.1937.10503522.
    """
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] < 3:
        raise InputError(
            f"Friedman's test needs two cases and three conditions, found {values.shape}.",
            code="too-few-values",
        )
    cases, conditions = values.shape
    ranks = stats.rankdata(_without_missing(values), axis=1)
    sizes = (cases,) * conditions
    if not np.ptp(ranks, axis=1).any():
        return RankTest(sizes, 0.0, conditions - 1, 1.0)
    found = stats.friedmanchisquare(*ranks.T)
    return RankTest(sizes, float(found.statistic), conditions - 1, float(found.pvalue))


def _without_missing(values: np.ndarray) -> np.ndarray:
    if np.isnan(values).any():
        raise InputError(
            f"a test of ranks takes no missing values, found {np.count_nonzero(np.isnan(values))}.",
            hint="Leave them out and say how many there were.",
            code="not-finite-values",
        )
    return values
