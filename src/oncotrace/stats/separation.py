"""Whether covariates order the events without exception, so that no hazard ratio is finite."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from oncotrace.domain.outcome import Survival

_ZERO = 1e-9


def separating(survival: Survival, covariates: NDArray[np.float64]) -> tuple[int, ...]:
    """Which covariates, alone or together, order the events without exception; none if they do not.

    A direction separates if each event struck a patient whose value along it was the highest of
    all those still observed, and not all these values were equal: the partial likelihood then
    grows along it without end, and only then. Covariates that separate alone are named before
    those that do together.

    Parameters
    ----------
    covariates
        Shape (n, p), of mean 0 and standard deviation 1.

    References
    ----------
    Bryson and Johnson, Technometrics 1981;23:381-383, doi:10.2307/1267798. Albert and Anderson,
    Biometrika 1984;71:1-10, doi:10.1093/biomet/71.1.1 (the same in logistic regression).
    """
    least, equal = _comparisons(survival, covariates)
    count = covariates.shape[1]
    alone = tuple(column for column in range(count) if _orders(least[:, column], equal[:, column]))
    if alone or count == 1:
        return alone
    return _together(least, equal)


def _comparisons(
    survival: Survival, covariates: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences (k, p) that must not be negative along a direction, and (m, p) that must be 0.

    The first are an event's covariates minus those of somebody at risk. Each patient is compared
    with the last event before the end of his observation, and each event with that at the next
    event time; the other comparisons follow from these.
    """
    struck = np.flatnonzero(survival.event)
    times, first = np.unique(survival.duration_days[struck], return_index=True)
    events = covariates[struck[first]]  # one for each event time
    last = np.searchsorted(times, survival.duration_days, side="right") - 1
    observed = last >= 0
    differences = events[last[observed]] - covariates[observed]
    tied = survival.event[observed]
    chain = events[:-1] - events[1:]
    return np.concatenate([differences[~tied], chain]), differences[tied]


def _orders(least: NDArray[np.float64], equal: NDArray[np.float64]) -> bool:
    if (np.abs(equal) > _ZERO).any() or not (np.abs(least) > _ZERO).any():
        return False
    return bool((least >= -_ZERO).all() or (least <= _ZERO).all())


def _together(least: NDArray[np.float64], equal: NDArray[np.float64]) -> tuple[int, ...]:
    """Covariates of the shortest direction (in city blocks) that separates."""
    total = least.sum(axis=0)
    both = np.hstack  # a direction is the difference of two that are not negative
    found = linprog(
        np.ones(2 * len(total)),
        A_ub=both([-least, least]),
        b_ub=np.zeros(len(least)),
        A_eq=np.vstack([both([equal, -equal]), both([total, -total])]),
        b_eq=np.append(np.zeros(len(equal)), 1.0),
    )
    if not found.success or found.x is None:
        return ()
    direction = np.abs(found.x[: len(total)] - found.x[len(total) :])
    return tuple(int(column) for column in np.flatnonzero(direction > 1e-6 * direction.max()))
