"""Lin's concordance correlation coefficient."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.stats.agreement import Interval
from oncotrace.stats.samples import finite_pairs


@dataclass(frozen=True)
class Concordance:
    """Concordance correlation and its two factors: ``value`` = ``r`` x ``bias_factor``.

    ``r`` is Pearson's correlation (precision); ``bias_factor`` is 1 if both samples have one mean
    and one SD (accuracy). ``location_shift`` and ``scale_shift`` say which of them differs. All are
    nothing where a sample is constant; then the value is 0, or nothing if both are the same
    constant.
    """

    n: int
    value: float | None
    interval: Interval | None
    r: float | None
    bias_factor: float | None
    location_shift: float | None
    scale_shift: float | None


def concordance(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> Concordance:
    """Concordance correlation coefficient of pairs: how near they lie to the line of equality.

    Variances have the denominator n, as in the paper of 1989. The interval is that of Fisher's z
    transform, with the variance as corrected in 2000; nothing where the coefficient is 0.

    Raises
    ------
    InputError
        Fewer than three pairs, or values that are not finite.

    References
    ----------
    Lin, Biometrics 1989;45:255-268, doi:10.2307/2532051; corrected 2000;56:324-325,
    doi:10.1111/j.0006-341X.2000.00324.x.
    """
    a, b = finite_pairs(first, second, least=3, of="a concordance correlation")
    n, shift = len(a), float(a.mean() - b.mean())
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        same = np.ptp(a) == np.ptp(b) and shift == 0
        return Concordance(n, None if same else 0.0, None, None, None, None, None)
    sd_a, sd_b = float(a.std()), float(b.std())
    r = float(np.corrcoef(a, b)[0, 1])
    value = 2 * r * sd_a * sd_b / (sd_a**2 + sd_b**2 + shift**2)
    location_shift = shift / math.sqrt(sd_a * sd_b)
    return Concordance(
        n=n,
        value=value,
        interval=_interval(n, value, r, location_shift, confidence),
        r=r,
        bias_factor=2 * sd_a * sd_b / (sd_a**2 + sd_b**2 + shift**2),
        location_shift=location_shift,
        scale_shift=sd_a / sd_b,
    )


def _interval(n: int, value: float, r: float, shift: float, confidence: float) -> Interval | None:
    if abs(value) >= 1:
        return value, value
    if value == 0:
        return None
    variance = (
        (1 - r**2) * value**2 * (1 - value**2) / r**2
        + 2 * value**3 * (1 - value) * shift**2 / r
        - value**4 * shift**4 / (2 * r**2)
    ) / (n - 2)
    middle = math.atanh(value)
    sd = math.sqrt(max(0.0, variance)) / (1 - value**2)
    reach = float(stats.norm.ppf((1 + confidence) / 2)) * sd
    return math.tanh(middle - reach), math.tanh(middle + reach)
