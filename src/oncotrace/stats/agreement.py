"""How well measured values agree with reference values of the same subjects."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from oncotrace.errors import InputError
from oncotrace.stats.samples import finite_pairs

Interval = tuple[float, float]

_LIMIT_Z = 1.96  # Bland and Altman's; holds 95 % of normal differences


@dataclass(frozen=True)
class BlandAltman:
    """Bias, limits of agreement and trend of differences, each with its confidence interval.

    ``slope`` is that of the differences on the means: how much the bias grows with the size of
    what is measured. It is nothing where all means are equal.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_interval: Interval
    lower_interval: Interval
    upper_interval: Interval
    slope: float | None
    slope_interval: Interval | None
    slope_p_value: float | None


@dataclass(frozen=True)
class Correlation:
    """A correlation coefficient; nothing where one of the samples is constant."""

    n: int
    r: float | None
    interval: Interval | None


def percent_differences(
    measured: ArrayLike, reference: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences (measured - reference) in percent of the mean of both, and these means.

    Unlike a difference in percent of the reference it treats too large and too small alike: twice
    and half the reference are +67 % and -67 %, and nothing at all is -200 %.

    Raises
    ------
    InputError
        A mean is not positive, or see `oncotrace.stats.samples.finite_pairs`.

    References
    ----------
    Bland and Altman, Stat Methods Med Res 1999;8:135-160, section 3,
    doi:10.1191/096228099673819272.
    """
    a, b = finite_pairs(measured, reference, least=1, of="a difference in percent")
    means = (a + b) / 2
    if (means <= 0).any():
        raise InputError(
            "a difference in percent needs positive means of both values.", code="not-positive"
        )
    return 100 * (a - b) / means, means


def bland_altman(
    differences: ArrayLike, means: ArrayLike, *, confidence: float = 0.95
) -> BlandAltman:
    """Bland and Altman's analysis of differences between two ways of measuring.

    The limits of agreement are bias ± 1.96 SD (n - 1). Their confidence intervals are exact for
    normal differences, from the noncentral t distribution (Carkeet, for one limit at a time);
    they are not symmetric, unlike the approximation of 1986. Those of bias and slope are Student's.

    Parameters
    ----------
    differences
        Measured minus reference, in any unit or in percent (`percent_differences`).
    means
        Mean of both values of each subject. Not the reference alone: differences correlate with
        that even where the two ways are equally good.

    Raises
    ------
    InputError
        Fewer than three pairs, or values that are not finite.

    References
    ----------
    Bland and Altman, Lancet 1986;327:307-310, doi:10.1016/S0140-6736(86)90837-8.

    Bland and Altman, Lancet 1995;346:1085-1087, doi:10.1016/S0140-6736(95)91748-9, on the means.

    Carkeet, Optom Vis Sci 2015;92:e71-e80, doi:10.1097/OPX.0000000000000513.
    """
    d, m = finite_pairs(differences, means, least=3, of="a Bland-Altman analysis")
    n, bias, sd = len(d), float(d.mean()), float(d.std(ddof=1))
    tail = (1 - confidence) / 2
    reach = float(stats.t.ppf(1 - tail, n - 1)) * sd / math.sqrt(n)
    inner, outer = (tolerance_factor(n, _LIMIT_Z, level) * sd for level in (tail, 1 - tail))
    slope, slope_interval, p_value = _trend(d, m, confidence)
    return BlandAltman(
        n=n,
        bias=bias,
        sd=sd,
        lower=bias - _LIMIT_Z * sd,
        upper=bias + _LIMIT_Z * sd,
        bias_interval=(bias - reach, bias + reach),
        lower_interval=(bias - outer, bias - inner),
        upper_interval=(bias + inner, bias + outer),
        slope=slope,
        slope_interval=slope_interval,
        slope_p_value=p_value,
    )


@cache  # many pairs of readers have one number of cases, and a quantile takes long
def tolerance_factor(n: int, z: float, confidence: float) -> float:
    """Factor k for which mean + k SD of ``n`` values exceeds the normal quantile at ``z``.

    It does so with probability ``confidence``: the one-sided tolerance factor for normal samples.

    References
    ----------
    Odeh and Owen, Tables for Normal Tolerance Limits, 1980, table 1.
    """
    return float(stats.nct.ppf(confidence, n - 1, z * math.sqrt(n))) / math.sqrt(n)


def pearson(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> Correlation:
    """Pearson's correlation; its interval is Fisher's and needs four pairs.

    A high correlation is not agreement: see `bland_altman`.

    Raises
    ------
    InputError
        Fewer than three pairs, or values that are not finite.
    """
    a, b = finite_pairs(first, second, least=3, of="a correlation")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Correlation(len(a), None, None)
    result = stats.pearsonr(a, b)
    if len(a) < 4:
        return Correlation(len(a), float(result.statistic), None)
    low, high = result.confidence_interval(confidence)
    return Correlation(len(a), float(result.statistic), (float(low), float(high)))


def spearman(first: ArrayLike, second: ArrayLike) -> float | None:
    """Spearman's rank correlation; nothing where one of the samples is constant.

    Equal values share their mean rank. For its interval use
    `oncotrace.stats.bootstrap.bootstrap_interval`.

    Raises
    ------
    InputError
        Fewer than three pairs, or values that are not finite.
    """
    a, b = finite_pairs(first, second, least=3, of="a rank correlation")
    return pearson(stats.rankdata(a), stats.rankdata(b)).r


def _trend(
    d: NDArray[np.float64], m: NDArray[np.float64], confidence: float
) -> tuple[float | None, Interval | None, float | None]:
    """Least-squares slope of differences on means, its interval and p value against 0."""
    if np.ptp(m) == 0:
        return None, None, None
    if np.ptp(d) == 0:
        return 0.0, (0.0, 0.0), 1.0
    line = stats.linregress(m, d)
    reach = float(stats.t.ppf((1 + confidence) / 2, len(d) - 2)) * float(line.stderr)
    slope = float(line.slope)
    return slope, (slope - reach, slope + reach), float(line.pvalue)
