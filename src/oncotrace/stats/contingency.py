"""Whether counts differ between groups, such as the grades of masks between hospitals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from oncotrace.errors import InputError

LEAST_EXPECTED = 5.0
"""Below this, in any cell, the chi-square distribution is not trusted."""
DRAWS = 99_999


@dataclass(frozen=True)
class ContingencyTest:
    """Test of independence of the rows and columns of a table of counts, two-sided.

    ``statistic`` is Pearson's chi-square without continuity correction, with its degrees of
    freedom; ``least_expected`` the smallest count that independence lets expect. ``shape`` is what
    is left of the table without empty rows and columns, ``n`` the sum. ``method`` says where the p
    value is from; without two rows and two columns there is nothing to test and it is 1.
    """

    n: int
    shape: tuple[int, int]
    statistic: float
    degrees_of_freedom: int
    least_expected: float
    p_value: float
    method: Literal["chi-square", "Fisher", "permutation", "none"]


def contingency(counts: ArrayLike, *, seed: int) -> ContingencyTest:
    """Test of independence in a table of counts (rows, columns).

    Empty rows and columns are left out. The p value is that of the chi-square distribution where
    every expected count is at least `LEAST_EXPECTED`. Otherwise it is, for two rows and two
    columns, that of Fisher's exact test, and for larger tables the share, among `DRAWS` random
    tables with the same sums, of those whose chi-square is at least as large, this one counted
    among them.

    Parameters
    ----------
    seed
        Of the random tables.

    Raises
    ------
    InputError
        It is not a table of counts, or the table is empty.

    References
    ----------
    Cochran, Biometrics 1954;10:417-451, doi:10.2307/3001616 (expected counts). Fisher, J R Stat Soc
    1922;85:87-94, doi:10.2307/2340521. Phipson and Smyth, Stat Appl Genet Mol Biol 2010;9:39,
    doi:10.2202/1544-6115.1585 (the table itself is counted).
    """
    table = counts_of(counts)
    expected = _expected(table)
    least = float(expected.min())
    statistic = float(_chi_square(table, expected))
    rows, columns = table.shape
    degrees = (rows - 1) * (columns - 1)
    method: Literal["chi-square", "Fisher", "permutation", "none"]
    if degrees == 0:
        method, p_value = "none", 1.0
    elif least >= LEAST_EXPECTED:
        method, p_value = "chi-square", float(stats.chi2.sf(statistic, degrees))
    elif degrees == 1:
        method, p_value = "Fisher", float(stats.fisher_exact(table).pvalue)
    else:
        method, p_value = "permutation", _permutation_p_value(table, expected, statistic, seed)
    return ContingencyTest(
        n=int(table.sum()),
        shape=(rows, columns),
        statistic=statistic,
        degrees_of_freedom=degrees,
        least_expected=least,
        p_value=min(1.0, p_value),
        method=method,
    )


def counts_of(counts: ArrayLike) -> NDArray[np.int64]:
    """Return a table of counts (rows, columns) without its empty rows and columns.

    Raises
    ------
    InputError
        It is not a table of counts, or the table is empty.
    """
    return _without_empty(_counts(counts))


def _counts(counts: ArrayLike) -> NDArray[np.int64]:
    given = np.asarray(counts, dtype=np.float64)
    if given.ndim != 2:
        raise InputError(
            f"counts are tested in rows and columns, found {given.ndim} axes.", code="not-counts"
        )
    if not np.isfinite(given).all() or (given < 0).any() or (given != np.round(given)).any():
        raise InputError("counts are whole numbers from 0 on.", code="not-counts")
    if not given.any():
        raise InputError("a table without any case cannot be tested.", code="not-counts")
    return given.astype(np.int64)


def _without_empty(table: NDArray[np.int64]) -> NDArray[np.int64]:
    return table[table.any(axis=1)][:, table.any(axis=0)]


def _expected(table: NDArray[np.int64]) -> NDArray[np.float64]:
    sums = np.outer(table.sum(axis=1), table.sum(axis=0)).astype(np.float64)
    expected: NDArray[np.float64] = sums / table.sum()
    return expected


def _chi_square(
    table: NDArray[np.int64] | NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pearson's statistic of tables (..., rows, columns); shape (...)."""
    squares = (table - expected) ** 2 / expected
    statistic: NDArray[np.float64] = squares.sum(axis=(-2, -1))
    return statistic


def _permutation_p_value(
    table: NDArray[np.int64], expected: NDArray[np.float64], statistic: float, seed: int
) -> float:
    tables = stats.random_table(table.sum(axis=1), table.sum(axis=0))
    drawn = _chi_square(tables.rvs(size=DRAWS, random_state=seed), expected)
    as_extreme = np.count_nonzero(drawn >= statistic * (1 - 1e-9))
    return float((1 + as_extreme) / (1 + DRAWS))
