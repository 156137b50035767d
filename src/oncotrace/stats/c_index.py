"""How often the patient with the higher value has the event first: Harrell's C."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit, logit, ndtri

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError
from oncotrace.stats.samples import finite_sample


@dataclass(frozen=True, eq=False)
class Concordance:
    """Harrell's C-index of a value that is thought to raise the risk.

    Of two patients of whom it is known who had the event first, ``c`` is the share in which that
    one has the higher value, equal values counting one half: 1 orders all of them, 0.5 is chance.
    Pairs are counted in ``concordant``, ``discordant`` and ``tied``. ``influence`` (n,) is by how
    much each patient moves C. ``standard_error`` and ``interval`` are nothing where all pairs
    agree, since the data then say nothing of C's spread.
    """

    c: float
    concordant: int
    discordant: int
    tied: int
    standard_error: float | None
    interval: tuple[float, float] | None
    influence: NDArray[np.float64]


@dataclass(frozen=True)
class ConcordanceDifference:
    """C of one value minus that of another, of the same patients; p value two-sided.

    Nothing where the two values order the patients alike, so that there is nothing to test.
    """

    difference: float
    standard_error: float | None
    interval: tuple[float, float] | None
    p_value: float | None


def c_index(
    survival: Survival,
    values: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> Concordance:
    """Harrell's C-index with the interval of the infinitesimal jackknife on the logit scale.

    Pairs count whose shorter time ended in the event; of two equal times the one with the event
    is the shorter, and two events at one time are no pair. The standard error is that of R's
    ``concordance``; its interval is symmetric about C, ours about the logit of C, which stays
    between 0 and 1.

    Parameters
    ----------
    values
        Shape (n,), finite; higher means earlier.
    groups
        What each row belongs to, such as patients with several lesions; each row by itself if not
        given.

    Raises
    ------
    InputError
        Values are not finite, or no pair can be ordered.

    References
    ----------
    Harrell et al., JAMA 1982;247:2543-2546, doi:10.1001/jama.1982.03320430047030. Therneau and
    Atkinson, Concordance, vignette of R's package survival (infinitesimal jackknife).
    """
    sample = finite_sample(values, least=2, of="a C-index")
    if len(sample) != len(survival):
        raise InputError(
            f"each survival needs a value, found {len(survival)} and {len(sample)}.",
            code="not-paired",
        )
    agreeing, tied, pairs = _pairs(survival, sample)
    total = pairs.sum() / 2  # every pair has been counted on both sides
    if total == 0:
        raise InputError(
            "of no two patients is it known who had the event first, so there is no C-index.",
            hint="Check the event column and the horizon.",
            code="no-events",
        )
    concordant, equal = agreeing.sum() / 2, tied.sum() / 2
    c = float((concordant + equal / 2) / total)
    influence = (agreeing + tied / 2 - c * pairs) / total
    error = _standard_error(influence, groups)
    return Concordance(
        c=c,
        concordant=round(concordant),
        discordant=round(total - concordant - equal),
        tied=round(equal),
        standard_error=error,
        interval=None if error is None else _logit_interval(c, error, confidence),
        influence=influence,
    )


def c_difference(
    first: Concordance,
    second: Concordance,
    *,
    groups: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
) -> ConcordanceDifference:
    """Difference of two C-indices of the same patients in the same order.

    Its standard error takes into account that both come from the same patients.

    Raises
    ------
    InputError
        They are not of the same number of patients.

    References
    ----------
    As of `c_index`.
    """
    if len(first.influence) != len(second.influence):
        raise InputError("C-indices are compared of the same patients.", code="not-paired")
    difference = first.c - second.c
    error = _standard_error(first.influence - second.influence, groups)
    if error is None:
        return ConcordanceDifference(difference, None, None, None)
    reach = float(ndtri((1 + confidence) / 2)) * error
    return ConcordanceDifference(
        difference=difference,
        standard_error=error,
        interval=(difference - reach, difference + reach),
        p_value=float(2 * stats.norm.sf(abs(difference) / error)),
    )


def _pairs(
    survival: Survival, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pairs that each patient is in, shape (n,): those that agree, those of equal values, all."""
    durations, events = survival.duration_days, survival.event
    agreeing, tied, pairs = (np.zeros(len(values)) for _ in range(3))
    for one in np.flatnonzero(events):
        later = (durations > durations[one]) | ((durations == durations[one]) & ~events)
        for counts, others in (
            (agreeing, later & (values < values[one])),
            (tied, later & (values == values[one])),
            (pairs, later),
        ):
            counts[one] += np.count_nonzero(others)
            counts += others
    return agreeing, tied, pairs


def _standard_error(
    influence: NDArray[np.float64], groups: Sequence[Hashable] | None
) -> float | None:
    """Root of the sum of squared influences, summed within groups; nothing where it is 0."""
    numbers: dict[Hashable, int] = {}
    rows = range(len(influence)) if groups is None else groups
    place = [numbers.setdefault(group, len(numbers)) for group in rows]
    error = math.sqrt(float(np.sum(np.bincount(place, weights=influence) ** 2)))
    return error if error > 1e-12 else None


def _logit_interval(c: float, error: float, confidence: float) -> tuple[float, float] | None:
    if not 0 < c < 1:
        return None
    reach = float(ndtri((1 + confidence) / 2)) * error / (c * (1 - c))
    return float(expit(logit(c) - reach)), float(expit(logit(c) + reach))
