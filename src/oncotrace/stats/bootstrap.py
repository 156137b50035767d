"""Confidence intervals by resampling whole patients."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from oncotrace.errors import InputError

_LEAST_GROUPS = 3

Statistic = Callable[[NDArray[np.float64]], float]


def bootstrap_interval(
    values: ArrayLike,
    statistic: Statistic,
    *,
    groups: Sequence[Hashable],
    seed: int,
    method: Literal["percentile", "bca"] = "bca",
    confidence: float = 0.95,
    resamples: int = 2000,
) -> tuple[float, float] | None:
    """Bootstrap confidence interval of a statistic; groups are drawn whole, with replacement.

    Parameters
    ----------
    values
        One row for each observation, shape (n,) or (n, k); finite.
    statistic
        Gives one number for such an array, whatever its length. Resamples on which it is not
        finite (a correlation of equal values) are left out; so are groups without which it is not.
    groups
        What each row belongs to: patients, so that several lesions of one stay together.
    method
        ``percentile``, or ``bca``: corrected for bias and for acceleration, the latter by leaving
        out one group at a time.

    Returns
    -------
    tuple
        Lower and upper end; nothing if there are fewer than three groups or the statistic is not
        finite on most resamples.

    Raises
    ------
    InputError
        Values that are not finite, or not one group for each row.

    References
    ----------
    Efron, J Am Stat Assoc 1987;82:171-185, doi:10.1080/01621459.1987.10478410 (BCa).
    Field and Welsh, J R Stat Soc B 2007;69:369-390, doi:10.1111/j.1467-9868.2007.00593.x (groups).
    """
    rows, members = _rows_by_group(values, groups)
    if len(members) < _LEAST_GROUPS:
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(members), size=(resamples, len(members)))
    replicates = _finite(statistic(rows[places]) for places in _places(members, drawn))
    if len(replicates) <= resamples / 2:
        return None
    tails = np.array([1 - confidence, 1 + confidence]) / 2
    if method == "bca":
        tails = _bca_tails(tails, replicates, statistic(rows), _jackknife(rows, members, statistic))
    low, high = np.quantile(replicates, tails)
    return float(low), float(high)


def acceleration(jackknife: ArrayLike) -> float:
    """Acceleration constant of BCa from the values of the statistic without one group each.

    0, that is no correction, for values that are all equal or too few to say.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, equation 14.15.
    """
    values = np.asarray(jackknife, dtype=np.float64)
    if len(values) < _LEAST_GROUPS:
        return 0.0
    deviation = values.mean() - values
    spread = float(np.sum(deviation**2)) ** 1.5
    return float(np.sum(deviation**3)) / (6 * spread) if spread > 0 else 0.0


def _rows_by_group(
    values: ArrayLike, groups: Sequence[Hashable]
) -> tuple[NDArray[np.float64], list[NDArray[np.intp]]]:
    rows = np.asarray(values, dtype=np.float64)
    if len(rows) != len(groups) or not np.isfinite(rows).all():
        raise InputError(
            f"a bootstrap needs finite values and a group for each, found {len(rows)} values "
            f"({np.count_nonzero(~np.isfinite(rows))} not finite) and {len(groups)} groups.",
            code="not-finite-values",
        )
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    return rows, [np.asarray(indices, dtype=np.intp) for indices in members.values()]


def _places(
    members: list[NDArray[np.intp]], drawn: NDArray[np.int64]
) -> Iterator[NDArray[np.intp]]:
    """Places of the rows of each draw of groups."""
    if all(len(places) == len(members[0]) for places in members):
        table = np.stack(members)  # one look-up instead of one for each group
        yield from (table[draw].ravel() for draw in drawn)
    else:
        yield from (np.concatenate([members[group] for group in draw]) for draw in drawn)


def _jackknife(
    rows: NDArray[np.float64], members: list[NDArray[np.intp]], statistic: Statistic
) -> NDArray[np.float64]:
    return _finite(statistic(np.delete(rows, left_out, axis=0)) for left_out in members)


def _finite(numbers: Iterable[float]) -> NDArray[np.float64]:
    values = np.fromiter(numbers, dtype=np.float64)
    return values[np.isfinite(values)]


def _bca_tails(
    tails: NDArray[np.float64],
    replicates: NDArray[np.float64],
    observed: float,
    jackknife: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Tail probabilities of the replicates that correct for bias and acceleration."""
    below = float(np.mean(replicates < observed) + np.mean(replicates == observed) / 2)
    if not 0 < below < 1:
        return tails
    bias = ndtri(below)
    shifted = bias + ndtri(tails)
    corrected = ndtr(bias + shifted / (1 - acceleration(jackknife) * shifted))
    return np.asarray(corrected, dtype=np.float64)
