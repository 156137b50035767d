"""Areas under ROC curves, their intervals, and whether two of them differ."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import ndtr, ndtri

from oncotrace.errors import InputError
from oncotrace.stats.samples import finite_sample


@dataclass(frozen=True)
class Auc:
    """Area under a ROC curve: how often a case with the event scores above one without.

    Equal scores count one half. ``interval`` is DeLong's, cut off at 0 and 1; it has no width where
    the scores part all cases, which says nothing of how sure that is.
    """

    auc: float
    variance: float
    interval: tuple[float, float]
    n_events: int
    n_others: int


@dataclass(frozen=True)
class AucDifference:
    """Test of two areas, two-sided: the first minus the second.

    ``statistic`` is normal where the curves are of the same cases; of different cases it is
    Student's with ``degrees_of_freedom``. Where the scores rank all cases alike it is 0 and p is 1.
    """

    first: Auc
    second: Auc
    difference: float
    interval: tuple[float, float]
    statistic: float
    degrees_of_freedom: float | None
    p_value: float


def auc(scores: ArrayLike, events: ArrayLike, *, confidence: float = 0.95) -> Auc:
    """Area under the ROC curve of scores that are higher where the event is expected.

    Parameters
    ----------
    scores, events
        Shape (n,), one per independent case; events are true or false, or 1 or 0.

    Raises
    ------
    InputError
        Fewer than two cases with or without the event, a score that is not finite, or an event
        that is neither.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837-845, doi:10.2307/2531595. Sun and Xu,
    IEEE Signal Process Lett 2014;21:1389-1393, doi:10.1109/LSP.2014.2337313 (by ranks).
    """
    with_event, without = _placements(*_checked(scores, events))
    return _auc(with_event, without, confidence)


def auc_difference_paired(
    first: ArrayLike, second: ArrayLike, events: ArrayLike, *, confidence: float = 0.95
) -> AucDifference:
    """Test of two scores of the same cases, which are correlated; see `auc`.

    Raises
    ------
    InputError
        The scores or events cannot be used or differ in number, or both are without error and
        differ.
    """
    event_one, other_one = _placements(*_checked(first, events))
    event_two, other_two = _placements(*_checked(second, events))
    one, two = _auc(event_one, other_one, confidence), _auc(event_two, other_two, confidence)
    variance = float(
        (event_one - event_two).var(ddof=1) / len(event_one)
        + (other_one - other_two).var(ddof=1) / len(other_one)
    )
    difference, error = one.auc - two.auc, math.sqrt(variance)
    z = _ratio(difference, error)
    half = float(ndtri((1 + confidence) / 2)) * error
    return AucDifference(
        first=one,
        second=two,
        difference=difference,
        interval=(difference - half, difference + half),
        statistic=z,
        degrees_of_freedom=None,
        p_value=min(1.0, 2 * float(ndtr(-abs(z)))),
    )


def auc_difference_unpaired(
    first: ArrayLike,
    first_events: ArrayLike,
    second: ArrayLike,
    second_events: ArrayLike,
    *,
    confidence: float = 0.95,
) -> AucDifference:
    """Test of scores of different cases, such as two cohorts; see `auc`.

    Student's distribution has the degrees of freedom of Welch and Satterthwaite over all cases of
    either, as in R's pROC.

    Raises
    ------
    InputError
        The scores or events cannot be used, or both are without error and differ.

    References
    ----------
    Robin et al., BMC Bioinformatics 2011;12:77, doi:10.1186/1471-2105-12-77.
    """
    one = auc(first, first_events, confidence=confidence)
    two = auc(second, second_events, confidence=confidence)
    variance = one.variance + two.variance
    difference, error = one.auc - two.auc, math.sqrt(variance)
    shares = sum(curve.variance**2 / (curve.n_events + curve.n_others - 1) for curve in (one, two))
    degrees = variance**2 / shares if shares > 0 else math.inf
    t = _ratio(difference, error)
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * error
    return AucDifference(
        first=one,
        second=two,
        difference=difference,
        interval=(difference - half, difference + half),
        statistic=t,
        degrees_of_freedom=degrees,
        p_value=min(1.0, 2 * float(stats.t.sf(abs(t), degrees))),
    )


def _checked(scores: ArrayLike, events: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    sample = finite_sample(scores, least=4, of="an area under the ROC curve")
    flags = np.asarray(events)
    if flags.shape != sample.shape or not np.isin(flags, (0, 1)).all():
        raise InputError(
            f"each score needs to know whether the event came, 1 or 0; found {sample.size} scores "
            f"and {flags.size} events.",
            code="not-paired",
        )
    found = flags.astype(np.bool_)
    if min(found.sum(), (~found).sum()) < 2:
        raise InputError(
            f"an area under the ROC curve needs two cases with the event and two without, found "
            f"{found.sum()} and {(~found).sum()}.",
            code="too-few-values",
        )
    return sample, found


def _placements(
    scores: NDArray[np.float64], events: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each case with the event, the share of those without that it exceeds.

    Then, for each without, the share of those with the event that exceed it; equal scores count one
    half. Both average to the area.
    """
    with_event, without = scores[events], scores[~events]
    ranks = stats.rankdata(np.concatenate([with_event, without]))
    among_all_with, among_all_without = np.split(ranks, [len(with_event)])
    above = (among_all_with - stats.rankdata(with_event)) / len(without)
    below = 1 - (among_all_without - stats.rankdata(without)) / len(with_event)
    return above, below


def _auc(above: NDArray[np.float64], below: NDArray[np.float64], confidence: float) -> Auc:
    area = float(above.mean())
    variance = float(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
    return Auc(
        auc=area,
        variance=variance,
        interval=(max(0.0, area - half), min(1.0, area + half)),
        n_events=len(above),
        n_others=len(below),
    )


def _ratio(difference: float, error: float) -> float:
    if error == 0 and difference != 0:
        raise InputError(
            "both scores part all cases without a fault, which leaves no error to test them by.",
            hint="Report both areas; there is no p value.",
            code="no-spread",
        )
    return difference / error if error > 0 else 0.0
