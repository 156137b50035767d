"""What a t test assumes of its samples: a normal distribution, and equal variances."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.stats.samples import finite_sample

_LEAST, _MOST = 3, 5000  # beyond 5000 Royston's p value is not known to be right


@dataclass(frozen=True)
class VarianceRatio:
    """F test of two variances, two-sided; ``ratio`` is the first's over the second's."""

    ratio: float
    degrees_of_freedom: tuple[int, int]
    p_value: float


def shapiro_wilk(values: ArrayLike) -> float | None:
    """P value of Shapiro and Wilk's test that a sample is normal.

    Nothing for fewer than 3 or more than 5000 values, or if all are equal.

    Raises
    ------
    InputError
        A value is not finite.

    References
    ----------
    Shapiro and Wilk, Biometrika 1965;52:591-611, doi:10.1093/biomet/52.3-4.591. Royston, J R Stat
    Soc C 1995;44:547-551, doi:10.2307/2986146.
    """
    sample = finite_sample(values, least=0, of="a test of normality")
    if not _LEAST <= len(sample) <= _MOST or np.ptp(sample) == 0:
        return None
    return float(stats.shapiro(sample).pvalue)


def variance_ratio(first: ArrayLike, second: ArrayLike) -> VarianceRatio | None:
    """F test of equal variances; it trusts that both samples are normal.

    Nothing for fewer than two values, or without spread, in a sample.

    Raises
    ------
    InputError
        A value is not finite.

    References
    ----------
    Snedecor and Cochran, Statistical Methods, 8th edition, 1989, section 6.12.
    """
    one, other = (finite_sample(x, least=0, of="a test of variances") for x in (first, second))
    if min(len(one), len(other)) < 2 or min(np.ptp(one), np.ptp(other)) == 0:
        return None
    ratio = float(one.var(ddof=1) / other.var(ddof=1))
    degrees = (len(one) - 1, len(other) - 1)
    tail = min(stats.f.sf(ratio, *degrees), stats.f.cdf(ratio, *degrees))
    return VarianceRatio(ratio, degrees, min(1.0, 2 * float(tail)))
