"""Fisher's exact test of a table of counts, also with more than two rows or columns."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from oncotrace.stats.contingency import DRAWS, counts_of

_MOST_STEPS = 500_000  # about half a second
_SLACK = 1e-7  # of the logarithm, so that equally probable tables count as such

_Column = tuple[int, ...]
_Paths = dict[_Column, dict[float, float]]


@dataclass(frozen=True)
class ExactTest:
    """P value of Fisher's test, two-sided: all tables with these sums that are no more probable.

    ``method`` is ``exact``, or ``random tables`` where there are too many to count.
    """

    n: int
    shape: tuple[int, int]
    p_value: float
    method: Literal["exact", "random tables"]


def fisher(counts: ArrayLike, *, seed: int) -> ExactTest:
    """Fisher's exact test, in the form of Freeman and Halton for larger tables.

    Empty rows and columns are left out; without two of each there is nothing to test and p is 1.
    Where there are too many tables to count, `DRAWS` random ones with the same sums stand for them,
    this one counted among them.

    Raises
    ------
    InputError
        It is not a table of counts, or the table is empty.

    References
    ----------
    Freeman and Halton, Biometrika 1951;38:141-149, doi:10.2307/2332323. Mehta and Patel, J Am Stat
    Assoc 1983;78:427-434, doi:10.2307/2288652 (paths through the columns).
    """
    table = counts_of(counts)
    shape = (table.shape[0], table.shape[1])
    n = int(table.sum())
    if min(shape) < 2:
        return ExactTest(n, shape, 1.0, "exact")
    if shape == (2, 2):
        return ExactTest(n, shape, min(1.0, float(stats.fisher_exact(table).pvalue)), "exact")
    by_columns = table if table.shape[0] <= table.shape[1] else table.T
    p_value = _exact_p_value(by_columns)
    if p_value is None:
        return ExactTest(n, shape, _drawn_p_value(table, seed), "random tables")
    return ExactTest(n, shape, min(1.0, p_value), "exact")


def _exact_p_value(table: np.ndarray) -> float | None:
    """Share of the tables that are no more probable; nothing if there are too many.

    Tables are built column by column. What remains of the row sums, in any order, and the
    probability so far are all that the next columns depend on, so that paths that agree in both
    are followed once, with their number.
    """
    paths: _Paths = {tuple(sorted(table.sum(axis=1).tolist())): {0.0: 1.0}}
    for total in table.sum(axis=0).tolist()[:-1]:
        longer = _with_column(paths, total)
        if longer is None:
            return None
        paths = longer
    observed = -float(gammaln(table + 1.0).sum())
    every = as_rare = 0.0
    for column, weights in paths.items():  # the last column is what remains
        last = _log_weight(column)
        for weight, ways in weights.items():
            probability = ways * math.exp(weight + last - observed)
            every += probability
            if weight + last <= observed + _SLACK:
                as_rare += probability
    return as_rare / every


def _with_column(paths: _Paths, total: int) -> _Paths | None:
    """Return the paths with one more column; nothing if it takes too many steps."""
    found: _Paths = defaultdict(lambda: defaultdict(float))
    steps = 0
    for remaining, weights in paths.items():
        for column in _columns(remaining, total):
            left = tuple(sorted(a - b for a, b in zip(remaining, column, strict=True)))
            step = _log_weight(column)
            into = found[left]
            steps += len(weights)
            if steps > _MOST_STEPS:
                return None
            for weight, ways in weights.items():
                into[round(weight + step, 9)] += ways
    return found


def _columns(limits: _Column, total: int) -> Iterator[_Column]:
    """All columns with that total whose counts stay within the limits."""
    first, rest = limits[0], limits[1:]
    if not rest:
        if total <= first:
            yield (total,)
        return
    for count in range(max(0, total - sum(rest)), min(first, total) + 1):
        for others in _columns(rest, total - count):
            yield (count, *others)


def _log_weight(column: _Column) -> float:
    return -sum(math.lgamma(count + 1) for count in column)


def _drawn_p_value(table: np.ndarray, seed: int) -> float:
    tables = stats.random_table(table.sum(axis=1), table.sum(axis=0))
    drawn = -gammaln(tables.rvs(size=DRAWS, random_state=seed) + 1.0).sum(axis=(-2, -1))
    as_rare = np.count_nonzero(drawn <= -gammaln(table + 1.0).sum() + _SLACK)
    return float((1 + as_rare) / (1 + DRAWS))
