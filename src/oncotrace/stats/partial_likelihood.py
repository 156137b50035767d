"""Cox's partial likelihood with its derivatives, event by event."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.outcome import Survival

_LEAST_TOTAL = 1e-300


@dataclass(frozen=True, eq=False)
class LikelihoodPoint:
    """Logarithm of the partial likelihood at some coefficients, with its derivatives.

    ``gradient`` (p,) and ``information`` (p, p), the negative second derivative, are sums over the
    events, e in all: ``score_residuals`` (e, p), in the order of `PartialLikelihood.event_times`,
    are Schoenfeld's and ``variances`` (e, p, p) those of the covariates among those at risk.
    """

    value: float
    score_residuals: NDArray[np.float64]
    variances: NDArray[np.float64]

    @property
    def gradient(self) -> NDArray[np.float64]:
        """First derivative."""
        total: NDArray[np.float64] = self.score_residuals.sum(axis=0)
        return total

    @property
    def information(self) -> NDArray[np.float64]:
        """Negative second derivative."""
        total: NDArray[np.float64] = self.variances.sum(axis=0)
        return total


class PartialLikelihood:
    """Partial likelihood of some patients' survival, with Efron's approximation for equal times.

    Of d events at one time, the k-th (from 0) is compared with everybody at risk, those who have
    one of these events counting 1 - k/d. So each event has a comparison of its own, and equal
    times need no other rule.

    Parameters
    ----------
    covariates
        Shape (n, p).

    References
    ----------
    Efron, J Am Stat Assoc 1977;72:557-565, doi:10.1080/01621459.1977.10480613.
    """

    def __init__(self, survival: Survival, covariates: NDArray[np.float64]) -> None:
        order = np.argsort(-survival.duration_days, kind="stable")  # longest first
        durations, self._event = survival.duration_days[order], survival.event[order]
        self.covariates = covariates[order]
        struck = np.flatnonzero(self._event)
        self.event_times: NDArray[np.float64] = durations[struck]
        # In descending order those at risk at a time are all up to the last with that time.
        self._at_risk_until = np.searchsorted(-durations, -self.event_times, side="right") - 1
        _, self._tie, ties = np.unique(-self.event_times, return_inverse=True, return_counts=True)
        starts = np.cumsum(ties) - ties
        self._reduced = (np.arange(len(struck)) - starts[self._tie]) / ties[self._tie]
        self._starts = starts

    def at(self, coefficients: NDArray[np.float64]) -> LikelihoodPoint:
        """Value and derivatives at some coefficients, shape (p,); -inf where weights vanish."""
        x = self.covariates
        risk = x @ coefficients
        weight = np.exp(risk - risk.max())
        total = np.maximum(self._compared(weight), _LEAST_TOTAL)
        means = self._compared(weight[:, None] * x) / total[:, None]
        squares = self._compared(weight[:, None, None] * x[:, :, None] * x[:, None, :])
        variances = squares / total[:, None, None] - means[:, :, None] * means[:, None, :]
        value = risk[self._event].sum() - (np.log(total) + risk.max()).sum()
        if total.min() == _LEAST_TOTAL:  # too far away for floats to tell
            value = -math.inf
        return LikelihoodPoint(float(value), x[self._event] - means, variances)

    def _compared(self, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of amounts (n, ...) over those with whom each event is compared, (e, ...)."""
        at_risk = np.cumsum(amounts, axis=0)[self._at_risk_until]
        struck = np.add.reduceat(amounts[self._event], self._starts, axis=0)[self._tie]
        reduced = self._reduced.reshape(-1, *[1] * (amounts.ndim - 1))
        compared: NDArray[np.float64] = at_risk - reduced * struck
        return compared
