"""A sample in a few numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Summary:
    """Description of the finite values of a sample; nothing where they are too few.

    ``n`` counts the finite values and ``not_finite`` those that are infinite or missing (NaN):
    they are in none of the figures and must be shown beside them.
    """

    n: int
    not_finite: int
    mean: float | None
    sd: float | None
    median: float | None
    q1: float | None
    q3: float | None
    least: float | None
    greatest: float | None


def summarise(values: ArrayLike) -> Summary:
    """Mean, SD, median, quartiles and range of the finite values.

    The SD has the denominator n - 1 and needs two values; quartiles are linear between ranks
    (type 7 of Hyndman and Fan, the default of R and NumPy).

    References
    ----------
    Hyndman and Fan, Am Stat 1996;50:361-365, doi:10.1080/00031305.1996.10473566.
    """
    sample = np.asarray(values, dtype=np.float64).ravel()
    finite = sample[np.isfinite(sample)]
    n, not_finite = len(finite), len(sample) - len(finite)
    if n == 0:
        return Summary(0, not_finite, None, None, None, None, None, None, None)
    least, q1, median, q3, greatest = map(float, np.percentile(finite, (0, 25, 50, 75, 100)))
    return Summary(
        n=n,
        not_finite=not_finite,
        mean=float(finite.mean()),
        sd=float(finite.std(ddof=1)) if n > 1 else None,
        median=median,
        q1=q1,
        q3=q3,
        least=least,
        greatest=greatest,
    )
