"""How far a reader may be from the mean of all readers: Bland and Altman's limits for many."""

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import stats

from oncotrace.stats.agreement import Interval
from oncotrace.stats.two_way import TwoWay, two_way

_COVERAGE = 0.95


@dataclass(frozen=True)
class LimitsWithMean:
    """Limits of agreement with the mean: 95 % of readings lie within ± ``limit`` of their case's.

    ``interval`` is the asymmetric confidence interval of the limit, which the authors prefer where
    readers are few, ``symmetric_interval`` the other; both are nothing if no reading differs from
    its case's mean. ``sd_cases``, ``sd_readers`` and ``sd_error`` are standard deviations between
    cases, between readers and of one reading; nothing where the estimated variance is negative.
    """

    cases: int
    readers: int
    repeats: int
    limit: float
    interval: Interval | None
    symmetric_interval: Interval | None
    sd_cases: float | None
    sd_readers: float | None
    sd_error: float | None


def limits_of_agreement_with_mean(
    readings: ArrayLike, *, confidence: float = 0.95
) -> LimitsWithMean:
    """95 % limits of agreement with the mean for many readers (LOAM), with confidence intervals.

    Readings are taken for the sum of an effect of the case, one of the reader and an error, all
    random and normal. The limit is 1.96 times the SD of a reading about the mean of its case.

    Parameters
    ----------
    readings
        Shape (cases, readers), or (cases, readers, repeats) where each reader has read each case
        several times.

    Raises
    ------
    InputError
        Fewer than two cases or readers, or readings that are missing or infinite.

    References
    ----------
    Christensen, Borgbjerg, Børty and Bøgsted, BMC Med Res Methodol 2020;20:304,
    doi:10.1186/s12874-020-01182-w; after Jones et al., Ann Appl Stat 2011;5:1310-1329.
    """
    spread = two_way(readings, of="a limit of agreement with the mean")
    z = float(stats.norm.ppf((1 + _COVERAGE) / 2))
    limit = z * math.sqrt(spread.ss_within / spread.readings)
    asymmetric, symmetric = _intervals(spread, limit, z, confidence)
    return LimitsWithMean(
        cases=spread.cases,
        readers=spread.readers,
        repeats=spread.repeats,
        limit=limit,
        interval=asymmetric,
        symmetric_interval=symmetric,
        sd_cases=_sd(
            (spread.ms_cases - spread.ms_error) / (spread.readers * spread.repeats),
        ),
        sd_readers=_sd((spread.ms_readers - spread.ms_error) / (spread.cases * spread.repeats)),
        sd_error=_sd(spread.ms_error),
    )


def _intervals(
    spread: TwoWay, limit: float, z: float, confidence: float
) -> tuple[Interval | None, Interval | None]:
    """Asymmetric (modified large-sample) and symmetric (delta method) interval of the limit."""
    if spread.ss_within == 0:
        return None, None
    tail = (1 - confidence) / 2
    parts = ((spread.ss_readers, spread.readers - 1), (spread.ss_error, spread.error_df))
    below = math.hypot(*(ss * (1 - 1 / _mean_square_ratio(1 - tail, df)) for ss, df in parts))
    above = math.hypot(*(ss * (1 / _mean_square_ratio(tail, df) - 1) for ss, df in parts))
    low = z * math.sqrt(max(0.0, spread.ss_within - below) / spread.readings)
    high = z * math.sqrt((spread.ss_within + above) / spread.readings)
    variance = sum(ss**2 / df for ss, df in parts) / (2 * spread.readings * spread.ss_within)
    reach = float(stats.norm.ppf(1 - tail)) * z * math.sqrt(variance)
    return (low, high), (limit - reach, limit + reach)


def _mean_square_ratio(probability: float, df: int) -> float:
    """Quantile of a mean square over what it estimates: F with infinite second df."""
    return float(stats.chi2.ppf(probability, df)) / df


def _sd(variance: float) -> float | None:
    return math.sqrt(variance) if variance >= 0 else None
