"""Intraclass correlation: how much of the spread of readings is that between the cases."""

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.stats.agreement import Interval
from oncotrace.stats.two_way import TwoWay, two_way


@dataclass(frozen=True)
class Icc:
    """One form of the intraclass correlation, under both of its names.

    ``shrout_fleiss`` counts readers as k in the forms for the mean of all of them: ``ICC(2,k)``.
    Value and interval are nothing where the readings do not differ at all, so that 0 / 0 remains.
    """

    shrout_fleiss: str
    mcgraw_wong: str
    meaning: str
    value: float | None
    interval: Interval | None


_Estimate = tuple[float | None, Interval | None]


def icc(readings: ArrayLike, *, confidence: float = 0.95) -> tuple[Icc, ...]:
    """All six forms of Shrout and Fleiss, each with its confidence interval.

    ``ICC(1,.)``
        Every case has been read by other readers: readers and error cannot be told apart.
    ``ICC(2,.)``
        The same readers for all cases, drawn from many: *absolute agreement*. The form for most
        studies of readers.
    ``ICC(3,.)``
        The same readers, who are the only ones of interest: *consistency*. A reader who always
        measures 5 mm more agrees perfectly.

    The second number is how many readings the value is about: 1, or the mean of all k readers.
    Intervals are those of the F distribution, exact for normal readings in the forms 1 and 3; that
    of form 2 is Satterthwaite's approximation, for a negative estimate with the degrees of freedom
    of an ICC of 0. Values can be negative, less agreement than by chance; those of means down to
    minus infinity.

    Parameters
    ----------
    readings
        Shape (cases, readers): each reader has read each case once.

    Raises
    ------
    InputError
        Fewer than two cases or readers, or readings that are missing or infinite.

    References
    ----------
    Shrout and Fleiss, Psychol Bull 1979;86:420-428, doi:10.1037/0033-2909.86.2.420.

    McGraw and Wong, Psychol Methods 1996;1:30-46, doi:10.1037/1082-989X.1.1.30, with the
    corrections on page 390; the other names, and the interval of ICC(2,1).
    """
    spread = two_way(readings, of="an ICC")
    tail = (1 - confidence) / 2
    one_way = _of_single(spread, spread.ms_within, spread.readings - spread.cases, tail)
    consistency = _of_single(spread, spread.ms_error, spread.error_df, tail)
    agreement = _of_agreement(spread, tail)
    forms = (
        ("ICC(1,{})", "ICC({})", "readers differ from case to case", one_way),
        ("ICC(2,{})", "ICC(A,{})", "absolute agreement", agreement),
        ("ICC(3,{})", "ICC(C,{})", "consistency", consistency),
    )
    single = [
        Icc(name.format(1), other.format(1), f"{meaning}, one reading", *estimate)
        for name, other, meaning, estimate in forms
    ]
    of_mean = [
        Icc(
            name.format("k"),
            other.format("k"),
            f"{meaning}, mean of {spread.readers} readings",
            *_of_mean(estimate, spread.readers),
        )
        for name, other, meaning, estimate in forms
    ]
    return (*single, *of_mean)


def _of_single(spread: TwoWay, ms_error: float, error_df: int, tail: float) -> _Estimate:
    """Forms 1 and 3, which are the same function of the ratio of two mean squares."""
    k = spread.readers
    if ms_error == 0:
        return (1.0, (1.0, 1.0)) if spread.ms_cases > 0 else (None, None)
    ratio = spread.ms_cases / ms_error
    low = ratio / float(stats.f.ppf(1 - tail, spread.cases - 1, error_df))
    high = ratio * float(stats.f.ppf(1 - tail, error_df, spread.cases - 1))
    value, *ends = ((f - 1) / (f + k - 1) for f in (ratio, low, high))
    return value, (ends[0], ends[1])


def _of_agreement(spread: TwoWay, tail: float) -> _Estimate:
    """Form 2 with McGraw and Wong's interval."""
    n, k = spread.cases, spread.readers
    cases, readers, error = spread.ms_cases, spread.ms_readers, spread.ms_error
    whole = cases + (k - 1) * error + k * (readers - error) / n
    if whole == 0:
        return None, None
    value = (cases - error) / whole
    if readers == 0 and error == 0:
        return 1.0, (1.0, 1.0)
    # The variance between readers is a sum of two mean squares: this many degrees of freedom. The
    # weights of the sum cannot be negative, whatever the estimate is.
    odds = max(0.0, value) / (1 - value)
    a = k * odds / n
    b = 1 + k * odds * (n - 1) / n
    parts = (a * readers) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    df = (a * readers + b * error) ** 2 / parts if parts > 0 else 0.0
    if df == 0:
        return value, None
    below = float(stats.f.ppf(1 - tail, n - 1, df))
    above = float(stats.f.ppf(1 - tail, df, n - 1))
    others = k * readers + (k * n - k - n) * error
    low = n * (cases - below * error) / (below * others + n * cases)
    high = n * (above * cases - error) / (others + n * above * cases)
    if not (math.isfinite(low) and math.isfinite(high)):
        return value, None
    return value, (low, high)


def _of_mean(estimate: _Estimate, readers: int) -> _Estimate:
    """From one reading to the mean of all readers', by Spearman and Brown's formula."""
    value, interval = estimate
    if value is None:
        return None, None
    if interval is None:
        return _stepped_up(value, readers), None
    low, high = interval
    return _stepped_up(value, readers), (_stepped_up(low, readers), _stepped_up(high, readers))


def _stepped_up(value: float, readers: int) -> float:
    below = 1 + (readers - 1) * value
    # A single reading's least possible value, -1 / (k - 1), is that of a mean without a bound.
    return readers * value / below if below > 0 else -math.inf
