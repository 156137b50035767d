"""Whether paired values differ, by how much, and what several tests together leave of it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from oncotrace.errors import InputError
from oncotrace.stats.samples import finite_sample

Correction = Literal["bonferroni", "holm", "bh"]

_LARGEST_EXACT = 50


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's signed-rank test of differences against 0, two-sided.

    ``statistic`` is the sum of the ranks of the positive differences (V in R); ``zeros`` counts
    the differences that are 0. Without any other difference the p value is 1. ``shift`` is the
    Hodges-Lehmann estimate of the centre of the differences.
    """

    n: int
    zeros: int
    statistic: float
    p_value: float
    method: Literal["exact", "approximate"]
    shift: float


def signed_rank(differences: ArrayLike) -> SignedRank:
    """Wilcoxon's signed-rank test, two-sided.

    Zeros are left out before ranking (Wilcoxon's way; Pratt's would rank them first) and counted.
    Equal absolute differences share their mean rank. The p value is exact up to 50 differences,
    also with equal ones: the share of all signs that these ranks could have had (R's
    ``wilcox.test`` gives the same without equal ones and the approximation with them). Beyond it
    is that of the normal approximation, corrected for equal ranks and for continuity. The test
    assumes that differences are independent and symmetric about their centre: give one per
    patient.

    Raises
    ------
    InputError
        No difference, or one that is not finite.

    References
    ----------
    Wilcoxon, Biometrics Bull 1945;1:80-83, doi:10.2307/3001968.
    """
    sample = finite_sample(differences, least=1, of="a signed-rank test")
    nonzero = sample[sample != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    statistic = float(ranks[nonzero > 0].sum())
    is_exact = len(nonzero) <= _LARGEST_EXACT
    if is_exact:
        p_value = _exact_p_value(ranks, statistic)
    else:
        p_value = float(stats.wilcoxon(nonzero, correction=True, method="approx").pvalue)
    return SignedRank(
        n=len(sample),
        zeros=len(sample) - len(nonzero),
        statistic=statistic,
        p_value=min(1.0, p_value),
        method="exact" if is_exact else "approximate",
        shift=hodges_lehmann(sample),
    )


def _exact_p_value(ranks: NDArray[np.float64], statistic: float) -> float:
    """Twice the smaller tail of the rank sum over all 2^n signs; ranks are whole or half."""
    doubled = np.round(2 * ranks).astype(int)
    ways = np.zeros(int(doubled.sum()) + 1)
    ways[0] = 1.0
    for rank in doubled:  # with each rank either left out or added
        ways[rank:] = ways[rank:] + ways[: len(ways) - rank]
    place = round(2 * statistic)
    tail = min(ways[: place + 1].sum(), ways[place:].sum())
    return float(2 * tail / ways.sum())


def hodges_lehmann(differences: ArrayLike) -> float:
    """Median of the means of all pairs of differences, each also paired with itself.

    Zeros count like other differences.

    Raises
    ------
    InputError
        No difference, or one that is not finite.

    References
    ----------
    Hodges and Lehmann, Ann Math Stat 1963;34:598-611, doi:10.1214/aoms/1177704172.
    """
    sample = finite_sample(differences, least=1, of="a Hodges-Lehmann estimate")
    first, second = np.triu_indices(len(sample))
    return float(np.median((sample[first] + sample[second]) / 2))


def holm(p_values: ArrayLike) -> list[float]:
    """P values adjusted for their number by Holm's step-down rule, in the order given.

    Raises
    ------
    InputError
        None, or one outside 0 to 1.

    References
    ----------
    Holm, Scand J Stat 1979;6:65-70.
    """
    sample = _probabilities(p_values)
    order = np.argsort(sample, kind="stable")
    stepped = np.maximum.accumulate(sample[order] * np.arange(len(sample), 0, -1))
    adjusted = np.empty(len(sample))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(p_value) for p_value in adjusted]


def bonferroni(p_values: ArrayLike) -> list[float]:
    """P values times their number, at most 1, in the order given.

    Raises
    ------
    InputError
        None, or one outside 0 to 1.

    References
    ----------
    Dunn, J Am Stat Assoc 1961;56:52-64, doi:10.1080/01621459.1961.10482090.
    """
    sample = _probabilities(p_values)
    return [min(1.0, float(p_value) * len(sample)) for p_value in sample]


def benjamini_hochberg(p_values: ArrayLike) -> list[float]:
    """P values adjusted to control the false discovery rate, in the order given.

    Those at most q are the discoveries of which a share of at most q is expected to be false, if
    the tests are independent or positively dependent.

    Raises
    ------
    InputError
        None, or one outside 0 to 1.

    References
    ----------
    Benjamini and Hochberg, J R Stat Soc B 1995;57:289-300, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    sample = _probabilities(p_values)
    return [float(p_value) for p_value in stats.false_discovery_control(sample, method="bh")]


def adjusted(p_values: ArrayLike, correction: Correction) -> list[float]:
    """P values adjusted for exactly as many tests as there are, in the order given.

    Raises
    ------
    InputError
        None, or one outside 0 to 1.
    """
    rules = {"bonferroni": bonferroni, "holm": holm, "bh": benjamini_hochberg}
    return rules[correction](p_values)


def _probabilities(p_values: ArrayLike) -> NDArray[np.float64]:
    sample = finite_sample(p_values, least=1, of="an adjustment of p values")
    if ((sample < 0) | (sample > 1)).any():
        raise InputError("a p value lies between 0 and 1.", code="not-a-probability")
    return sample


def mean_by_group(values: Sequence[float], groups: Sequence[Hashable]) -> Mapping[Hashable, float]:
    """Mean of the values of each group, such as of a patient's lesions, in order of appearance."""
    members: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(value)
    return {group: float(np.mean(numbers)) for group, numbers in members.items()}
