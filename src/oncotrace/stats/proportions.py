"""Whether two shares differ, and by how much."""

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from oncotrace.errors import InputError


@dataclass(frozen=True)
class ProportionDifference:
    """The z test of two independent proportions, two-sided; the difference and its interval."""

    first: float
    second: float
    difference: float
    interval: tuple[float, float]
    statistic: float
    p_value: float


def wilson_interval(count: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion; between 0 and 1 also for none or all of few.

    Raises
    ------
    InputError
        No case, or more hits than cases.

    References
    ----------
    Wilson, J Am Stat Assoc 1927;22:209-212, doi:10.1080/01621459.1927.10502953.
    """
    _check(count, n)
    z = float(ndtri((1 + confidence) / 2))
    share = count / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def two_proportions(
    first: int, n_first: int, second: int, n_second: int, *, confidence: float = 0.95
) -> ProportionDifference:
    """Test z with the pooled share, without continuity correction; Newcombe's interval.

    The square of z is Pearson's chi-square of the table. Where all are hits, or none, the shares
    do not differ: z is 0 and p is 1.

    Raises
    ------
    InputError
        A group without a case, or more hits than cases.

    References
    ----------
    Newcombe, Stat Med 1998;17:873-890, method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8<873.
    """
    _check(first, n_first)
    _check(second, n_second)
    one, other = first / n_first, second / n_second
    pooled = (first + second) / (n_first + n_second)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))
    z = (one - other) / error if error > 0 else 0.0
    low, high = (wilson_interval(k, n, confidence=confidence)
                 for k, n in ((first, n_first), (second, n_second)))  # fmt: skip
    difference = one - other
    return ProportionDifference(
        first=one,
        second=other,
        difference=difference,
        interval=(
            difference - math.hypot(one - low[0], high[1] - other),
            difference + math.hypot(low[1] - one, other - high[0]),
        ),
        statistic=z,
        p_value=min(1.0, 2 * float(ndtr(-abs(z)))),
    )


def _check(count: int, n: int) -> None:
    if n < 1 or not 0 <= count <= n:
        raise InputError(
            f"a proportion needs cases and at most as many hits, found {count} of {n}.",
            code="not-counts",
        )
