"""The share of patients without the event over time, after Kaplan and Meier."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError

IntervalScale = Literal["log-log", "log"]

_HALF = 0.5
_SAME = 1e-9  # a curve that rounding holds off one half lies on it


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """Kaplan-Meier estimate at every time at which somebody's observation ended.

    Arrays of shape (k,), times ascending: ``at_risk`` just before each time, ``events`` and
    ``censored`` at it; ``share`` without the event just after it, with the ends of its pointwise
    interval. Before the first time the share is 1. Where nobody is left without the event the
    interval is not defined and is (NaN, NaN).
    """

    times: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    censored: NDArray[np.int64]
    share: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def share_at(self, time: float) -> float:
        """Share without the event at a time; that of the last time for all times after it."""
        place = int(np.searchsorted(self.times, time, side="right"))
        return float(self.share[place - 1]) if place else 1.0

    def at_risk_at(self, times: ArrayLike) -> NDArray[np.int64]:
        """How many were still observed, without the event, just before each of some times."""
        places = np.searchsorted(self.times, np.asarray(times, dtype=np.float64), side="left")
        return np.append(self.at_risk, 0)[places]


@dataclass(frozen=True)
class MedianTime:
    """Time at which half have had the event; nothing where the curve stays above one half."""

    time: float | None
    lower: float | None
    upper: float | None


def kaplan_meier(
    survival: Survival, *, scale: IntervalScale = "log-log", confidence: float = 0.95
) -> SurvivalCurve:
    """Kaplan-Meier curve with pointwise intervals from Greenwood's variance.

    Intervals are symmetric on the scale of log(-log(share)), which keeps them between 0 and 1 and
    holds what they say in small samples (Borgan and Liestøl). That is the default of SAS and
    lifelines; R's default is ``log``, whose upper end is cut off at 1. Who is censored at the time
    of an event was at risk for it.

    Raises
    ------
    InputError
        There is nobody.

    References
    ----------
    Kaplan and Meier, J Am Stat Assoc 1958;53:457-481, doi:10.1080/01621459.1958.10501452. Borgan
    and Liestøl, Scand J Stat 1990;17:35-41 (intervals).
    """
    if not len(survival):
        raise InputError("a survival curve needs somebody, found nobody.", code="empty-group")
    times, place = np.unique(survival.duration_days, return_inverse=True)
    ended = np.bincount(place, minlength=len(times)).astype(np.int64)
    events = np.bincount(place[survival.event], minlength=len(times)).astype(np.int64)
    at_risk = np.cumsum(ended[::-1])[::-1]
    share = np.cumprod(1 - events / at_risk, dtype=np.float64)
    lower, upper = _intervals(share, at_risk, events, scale, confidence)
    return SurvivalCurve(times, at_risk, events, ended - events, share, lower, upper)


def median_time(curve: SurvivalCurve) -> MedianTime:
    """Median survival, with the interval of Brookmeyer and Crowley.

    Its ends are where the ends of the curve's own interval reach one half. A curve that runs along
    one half gives the middle of that stretch, as in R.

    References
    ----------
    Brookmeyer and Crowley, Biometrics 1982;38:29-41, doi:10.2307/2530286.
    """
    return MedianTime(
        _reaches_half(curve.times, curve.share),
        _reaches_half(curve.times, curve.lower),
        _reaches_half(curve.times, curve.upper),
    )


def median_follow_up(survival: Survival) -> MedianTime:
    """Median observation, had nobody had the event: Kaplan-Meier with events as censored.

    References
    ----------
    Schemper and Smith, Control Clin Trials 1996;17:343-346, doi:10.1016/0197-2456(96)00075-X.
    """
    return median_time(kaplan_meier(Survival(survival.duration_days, ~survival.event)))


def _intervals(
    share: NDArray[np.float64],
    at_risk: NDArray[np.int64],
    events: NDArray[np.int64],
    scale: IntervalScale,
    confidence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends; 1 and 1 before the first event, NaN where nobody is left."""
    z = float(ndtri((1 + confidence) / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events))))  # of log(share)
        if scale == "log":
            lower, upper = share * np.exp(-z * error), np.minimum(share * np.exp(z * error), 1)
        else:
            reach = np.exp(z * error / np.abs(np.log(share)))
            lower, upper = share**reach, share ** (1 / reach)
    untouched, nobody = share == 1, share == 0
    return (
        np.where(untouched, 1.0, np.where(nobody, math.nan, lower)),
        np.where(untouched, 1.0, np.where(nobody, math.nan, upper)),
    )


def _reaches_half(times: NDArray[np.float64], heights: NDArray[np.float64]) -> float | None:
    """Return the first time at which the heights are at most one half."""
    below = np.flatnonzero(heights <= _HALF + _SAME)
    if not len(below):
        return None
    first = int(below[0])
    if abs(heights[first] - _HALF) > _SAME:
        return float(times[first])
    lower = np.flatnonzero(heights < _HALF - _SAME)  # it runs along one half until here
    until = int(lower[0]) if len(lower) else len(times) - 1
    return float(times[first] + times[until]) / 2
