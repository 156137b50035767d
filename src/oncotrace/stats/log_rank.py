"""Whether groups differ in survival."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError


@dataclass(frozen=True)
class LogRank:
    """Log-rank test of two or more groups, two-sided.

    ``expected`` are the events that each group would have had were the groups alike. ``p_value``
    and ``statistic`` are nothing where no event tells the groups apart: at each event all who
    were still observed belonged to one group.
    """

    groups: tuple[Hashable, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float | None
    degrees_of_freedom: int
    p_value: float | None


def log_rank(
    survival: Survival, labels: Sequence[Hashable], *, groups: Sequence[Hashable]
) -> LogRank:
    """Log-rank test (Mantel's; hypergeometric variance, so equal times are allowed).

    Parameters
    ----------
    labels
        Group of each patient.
    groups
        The groups to compare, at least two; the result keeps their order.

    Raises
    ------
    InputError
        A group has no member, a label is none of the groups, there are fewer than two groups, or
        nobody had the event.

    References
    ----------
    Mantel, Cancer Chemother Rep 1966;50:163-170. Peto and Peto, J R Stat Soc A 1972;135:185-207,
    doi:10.2307/2344317.
    """
    members = _members(labels, groups)
    if not survival.events:
        raise InputError(
            "nobody had the event: survival cannot be compared.",
            hint="Check the event column and the horizon.",
            code="no-events",
        )
    observed, expected, covariance = _counts(survival, members)
    statistic, freedom = _chi_square(observed - expected, covariance)
    return LogRank(
        groups=tuple(groups),
        n=tuple(int(count) for count in members.sum(axis=1)),
        observed=tuple(int(count) for count in observed),
        expected=tuple(float(count) for count in expected),
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_value=None if statistic is None else float(stats.chi2.sf(statistic, freedom)),
    )


def _members(labels: Sequence[Hashable], groups: Sequence[Hashable]) -> NDArray[np.bool_]:
    """Who belongs to which group, shape (groups, n)."""
    if len(set(groups)) < 2:
        raise InputError("survival is compared between two groups or more.", code="one-group")
    if strange := sorted({str(label) for label in labels if label not in groups}):
        raise InputError(
            f"{', '.join(strange)}: no such group is compared here; the groups are "
            f"{', '.join(map(str, groups))}.",
            code="unknown-group",
        )
    members = np.array([[label == group for label in labels] for group in groups], dtype=np.bool_)
    for group, count in zip(groups, members.sum(axis=1), strict=True):
        if not count:
            raise InputError(
                f"the group {group} has no member, so there is nothing to compare.",
                hint="Choose another cut-off, or leave the group out.",
                code="empty-group",
            )
    return members


def _counts(
    survival: Survival, members: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Events observed and expected in each group, and the covariance of their difference."""
    times = np.unique(survival.duration_days[survival.event])
    at_risk = np.array([_later(survival.duration_days[group], times) for group in members])
    events = np.array(
        [_equal(survival.duration_days[group & survival.event], times) for group in members]
    )
    everybody, all_events = at_risk.sum(axis=0), events.sum(axis=0)
    shares = at_risk / everybody
    spread = all_events * (everybody - all_events) / np.maximum(everybody - 1, 1)
    covariance = np.diag((spread * shares).sum(axis=1)) - (spread * shares) @ shares.T
    return events.sum(axis=1), (all_events * shares).sum(axis=1), covariance


def _later(durations: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many durations last until each time."""
    ordered = np.sort(durations)
    return (len(ordered) - np.searchsorted(ordered, times, side="left")).astype(np.float64)


def _equal(durations: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many durations are each time."""
    ordered = np.sort(durations)
    until = np.searchsorted(ordered, times, side="right")
    return (until - np.searchsorted(ordered, times, side="left")).astype(np.float64)


def _chi_square(
    difference: NDArray[np.float64], covariance: NDArray[np.float64]
) -> tuple[float | None, int]:
    """Quadratic form of the differences, and its degrees of freedom: the covariance's rank."""
    informative = np.diag(covariance) > 0
    freedom = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if not informative.any() or not freedom:
        return None, 0
    statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
    return statistic, freedom
