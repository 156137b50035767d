"""Agreement on categories beyond chance: Cohen's, weighted and Fleiss' kappa."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from oncotrace.errors import InputError
from oncotrace.stats.agreement import Interval

Weights = Literal["none", "linear", "quadratic"]

_POWERS: dict[Weights, int] = {"linear": 1, "quadratic": 2}


@dataclass(frozen=True)
class Kappa:
    """Agreement as a share of what chance leaves possible, with its standard error.

    ``observed`` and ``expected`` are the shares of pairs that agree and would by chance. Value,
    error and interval are nothing where all readings are of one category: nothing is left to agree
    on. The interval is cut off at -1 and 1.
    """

    cases: int
    value: float | None
    standard_error: float | None
    interval: Interval | None
    observed: float
    expected: float


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    categories: Sequence[Hashable],
    weights: Weights = "none",
    confidence: float = 0.95,
) -> Kappa:
    """Cohen's kappa of two readers; see `kappa_of_table`.

    Parameters
    ----------
    categories
        All that there are; for weights in their order.

    Raises
    ------
    InputError
        No reading, not one of each reader for every case, or a category that there is not.
    """
    if len(first) != len(second) or not first:
        raise InputError(
            f"a kappa needs pairs of readings, found {len(first)} and {len(second)}.",
            code="not-paired",
        )
    place = {category: index for index, category in enumerate(categories)}
    if unknown := [one for one in (*first, *second) if one not in place]:
        raise InputError(f"{unknown[0]!r} is none of the categories.", code="unknown-category")
    table = np.zeros((len(place), len(place)))
    for a, b in zip(first, second, strict=True):
        table[place[a], place[b]] += 1
    return kappa_of_table(table, agreement_weights(len(place), weights), confidence=confidence)


def agreement_weights(categories: int, weights: Weights) -> NDArray[np.float64]:
    """Weights of agreement, shape (categories, categories): 1 on the diagonal, 0 farthest from it.

    ``linear`` are those of Cicchetti and Allison, ``quadratic`` of Fleiss and Cohen: these make
    kappa an intraclass correlation.

    References
    ----------
    Cicchetti and Allison, Am J EEG Technol 1971;11:101-110; Fleiss and Cohen, Educ Psychol Meas
    1973;33:613-619, doi:10.1177/001316447303300309.
    """
    place = np.arange(categories)
    apart = np.abs(place[:, None] - place[None, :]) / max(1, categories - 1)
    if weights == "none":
        return np.eye(categories)
    return np.asarray(1 - apart ** _POWERS[weights], dtype=np.float64)


def kappa_of_table(
    counts: ArrayLike, weights: ArrayLike | None = None, *, confidence: float = 0.95
) -> Kappa:
    """Cohen's kappa, weighted if weights are given, of a table of two readers' categories.

    The interval is that of the normal approximation: about right for 100 cases, too narrow for 20,
    where it holds the true value in 90 % of simulations (``benchmarks/interval_coverage_icc.py``).

    Parameters
    ----------
    counts
        Cases by the first reader's category (row) and the second's (column), shape (k, k).
    weights
        Weight of agreement of each cell, 1 where readers agree; see `agreement_weights`.

    Raises
    ------
    InputError
        The table is not square or empty.

    References
    ----------
    Cohen, Educ Psychol Meas 1960;20:37-46, doi:10.1177/001316446002000104; weighted: Psychol Bull
    1968;70:213-220, doi:10.1037/h0026256.

    Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323-327, doi:10.1037/h0028106, equation 13, for
    the standard error.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.sum() <= 0:
        raise InputError(
            "a kappa needs a square table of counts with a case in it.", code="not-counts"
        )
    n = float(table.sum())
    share = table / n
    weight = np.eye(len(table)) if weights is None else np.asarray(weights, dtype=np.float64)
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed = float((weight * share).sum())
    expected = float(rows @ weight @ columns)
    if expected >= 1:
        return Kappa(int(n), None, None, None, observed, expected)
    value = (observed - expected) / (1 - expected)
    around = (weight @ columns)[:, None] + (rows @ weight)[None, :]
    squares = float((share * (weight - around * (1 - value)) ** 2).sum())
    variance = (squares - (value - expected * (1 - value)) ** 2) / (n * (1 - expected) ** 2)
    error = math.sqrt(max(0.0, variance))
    reach = float(stats.norm.ppf((1 + confidence) / 2)) * error
    interval = _cut_off(value - reach, value + reach)
    return Kappa(int(n), value, error, interval, observed, expected)


def fleiss_kappa(counts: ArrayLike, *, confidence: float = 0.95) -> Kappa:
    """Fleiss' kappa of many readers, who need not be the same nor equally many for all cases.

    Observed agreement is that of the cases read at least twice; the share of categories is that of
    all cases. The standard error is Gwet's by linearisation over cases, valid whether or not there
    is agreement (Fleiss' own of 1979 is for testing kappa = 0 and no basis of an interval); the
    interval is Student's.

    Parameters
    ----------
    counts
        How many readers put each case into each category, shape (cases, categories).

    Raises
    ------
    InputError
        Fewer than two cases, or none read twice.

    References
    ----------
    Fleiss, Psychol Bull 1971;76:378-382, doi:10.1037/h0031619.

    Gwet, Psychometrika 2008;73:407-430, doi:10.1007/s11336-007-9054-8; with missing readings:
    Handbook of Inter-Rater Reliability, 4th edition, 2014, section 5.3.
    """
    table = np.asarray(counts, dtype=np.float64)
    readers = table.sum(axis=1)
    table, readers = table[readers > 0], readers[readers > 0]
    is_repeated = readers > 1
    if len(table) < 2 or not is_repeated.any():
        raise InputError(
            f"Fleiss' kappa needs two cases and one read twice, found {len(table)} cases, "
            f"{np.count_nonzero(is_repeated)} read twice.",
            code="too-few-readings",
        )
    shares = (table / readers[:, None]).mean(axis=0)
    agree = np.zeros(len(table))
    both = (table * (table - 1)).sum(axis=1)
    agree[is_repeated] = (both / np.maximum(1, readers * (readers - 1)))[is_repeated]
    observed, expected = float(agree[is_repeated].mean()), float(shares @ shares)
    n = len(table)
    if expected >= 1:
        return Kappa(n, None, None, None, observed, expected)
    value = (observed - expected) / (1 - expected)
    by_case = np.where(is_repeated, n / is_repeated.sum() * (agree - expected), 0)
    chance = table @ shares / readers - expected
    linear = (by_case - 2 * (1 - value) * chance) / (1 - expected)
    error = math.sqrt(float(((linear - value) ** 2).sum()) / (n * (n - 1)))
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Kappa(n, value, error, _cut_off(value - reach, value + reach), observed, expected)


def _cut_off(low: float, high: float) -> Interval:
    return max(-1.0, low), min(1.0, high)
