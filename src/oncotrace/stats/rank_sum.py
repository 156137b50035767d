"""Whether the values of two separate groups differ, and by how much."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from oncotrace.errors import InputError

_LARGEST_EXACT = 50


@dataclass(frozen=True)
class RankSum:
    """Mann-Whitney's test of two independent samples, two-sided.

    ``statistic`` is U of the first sample (W in R): the pairs of one value of each in which the
    first is greater, equal ones counting one half. ``shift`` is the Hodges-Lehmann estimate of how
    far the first lies above the second: the median of all differences between them; none where
    infinite values leave it undefined.
    """

    n_first: int
    n_second: int
    statistic: float
    p_value: float
    method: Literal["exact", "approximate"]
    shift: float | None


def rank_sum(first: ArrayLike, second: ArrayLike) -> RankSum:
    """Mann-Whitney's U test (Wilcoxon's rank-sum test), two-sided.

    Equal values share their mean rank. The p value is exact up to 50 values together, also with
    equal ones: twice the smaller tail among all ways to draw a first sample of this size from all
    values (R's ``wilcox.test`` gives the same without equal ones and the approximation with them).
    Beyond it is that of the normal approximation, corrected for equal ranks and for continuity.
    Values may be infinite, such as the distance to a tumour that was not found: they rank last.
    The test assumes that values are independent: give one per patient.

    Raises
    ------
    InputError
        A sample is empty, or a value is missing (NaN).

    References
    ----------
    Mann and Whitney, Ann Math Stat 1947;18:50-60, doi:10.1214/aoms/1177730491. Hodges and Lehmann,
    Ann Math Stat 1963;34:598-611, doi:10.1214/aoms/1177704172.
    """
    one, other = _sample(first), _sample(second)
    ranks = stats.rankdata(np.concatenate([one, other]))
    least = len(one) * (len(one) + 1) / 2
    statistic = float(ranks[: len(one)].sum() - least)
    is_exact = len(ranks) <= _LARGEST_EXACT
    if is_exact:
        p_value = _exact_p_value(ranks, len(one), statistic + least)
    elif np.ptp(ranks) == 0:
        p_value = 1.0
    else:
        p_value = float(stats.mannwhitneyu(one, other, method="asymptotic").pvalue)
    return RankSum(
        n_first=len(one),
        n_second=len(other),
        statistic=statistic,
        p_value=min(1.0, p_value),
        method="exact" if is_exact else "approximate",
        shift=_shift(one, other),
    )


def _sample(values: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not len(sample):
        raise InputError("a rank-sum test needs values in both groups.", code="too-few-values")
    if np.isnan(sample).any():
        raise InputError(
            f"a rank-sum test takes no missing values, found {np.count_nonzero(np.isnan(sample))}.",
            hint="Leave them out and say how many there were.",
            code="not-finite-values",
        )
    return sample


def _exact_p_value(ranks: NDArray[np.float64], n_first: int, rank_total: float) -> float:
    """Twice the smaller tail of the rank sum over all samples of ``n_first`` of these ranks."""
    doubled = np.round(2 * ranks).astype(int)  # ranks are whole or half
    ways = np.zeros((n_first + 1, int(doubled.sum()) + 1))  # [values drawn, doubled rank sum]
    ways[0, 0] = 1.0
    for rank in doubled:  # with each value either left out or drawn
        ways[1:, rank:] = ways[1:, rank:] + ways[:-1, : ways.shape[1] - rank]
    sums, place = ways[n_first], round(2 * rank_total)
    tail = min(sums[: place + 1].sum(), sums[place:].sum())
    return float(2 * tail / sums.sum())


def _shift(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    with np.errstate(invalid="ignore"):  # infinite minus infinite
        shift = float(np.median(one[:, None] - other[None, :]))
    return shift if math.isfinite(shift) else None
