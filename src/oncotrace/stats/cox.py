"""Hazard ratios by Cox's proportional hazards model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import ndtri

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError
from oncotrace.stats.partial_likelihood import LikelihoodPoint, PartialLikelihood
from oncotrace.stats.separation import separating

_MOST_STEPS = 40
_MOST_HALVINGS = 40
_NO_INFORMATION = 1e-9  # for each event, in squared standard deviations
_CONVERGED = 1e-9  # a step in standard deviations, as the next
_LONGEST_STEP = 5.0
_STANDSTILL = 1e-15  # of the likelihood


@dataclass(frozen=True)
class HazardRatio:
    """Effect of one covariate: per unit of it, the others being equal.

    ``coefficient`` is the logarithm of ``ratio``; interval and p value are Wald's, two-sided.
    ``sd`` is the covariate's standard deviation among the patients (n - 1); ``is_two_valued``
    says that it has two values only, so that its unit is the step between groups.
    """

    name: str
    coefficient: float
    standard_error: float
    p_value: float
    sd: float
    is_two_valued: bool
    confidence: float

    @property
    def ratio(self) -> float:
        """Hazard with one unit more over that without it."""
        return _exponential(self.coefficient)

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the ratio's interval."""
        reach = float(ndtri((1 + self.confidence) / 2)) * self.standard_error
        return _exponential(self.coefficient - reach), _exponential(self.coefficient + reach)

    def per(self, units: float) -> "HazardRatio":
        """Return the effect of so many units at once, such as of one standard deviation."""
        return replace(
            self,
            coefficient=self.coefficient * units,
            standard_error=self.standard_error * units,
            sd=self.sd / units,
        )


@dataclass(frozen=True, eq=False)
class CoxModel:
    """A fitted Cox model.

    ``log_likelihood`` is the partial one, without and with the covariates; twice their difference
    is ``likelihood_ratio``. ``coefficients`` (p,) and ``covariance`` (p, p) are per unit.
    """

    n: int
    events: int
    ratios: tuple[HazardRatio, ...]
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: tuple[float, float]
    likelihood_ratio: float
    p_value: float

    @property
    def variables(self) -> int:
        """How many covariates there are."""
        return len(self.ratios)

    @property
    def events_per_variable(self) -> float:
        """Events for each covariate; below ten, coefficients are unstable (Peduzzi et al. 1995)."""
        return self.events / self.variables


@dataclass(frozen=True)
class NoFiniteRatio:
    """No hazard ratio is finite: along ``names`` the likelihood grows without end.

    A covariate, or several together, order the events without exception: each event struck whoever
    had the highest (or the lowest) value of those still observed. ``log_likelihood`` and
    ``likelihood_ratio`` are their limits; the test that they give remains valid.
    """

    n: int
    events: int
    variables: int
    names: tuple[str, ...]
    log_likelihood: tuple[float, float]
    likelihood_ratio: float
    p_value: float

    @property
    def events_per_variable(self) -> float:
        """As of `CoxModel`."""
        return self.events / self.variables


def cox(
    survival: Survival,
    covariates: ArrayLike,
    *,
    names: Sequence[str],
    confidence: float = 0.95,
) -> CoxModel | NoFiniteRatio:
    """Fit Cox's model by Newton's method; Efron's approximation for equal times.

    Parameters
    ----------
    covariates
        Shape (n, p), finite.
    names
        What each covariate is called.

    Raises
    ------
    InputError
        Nobody had the event, values are not finite, a covariate is the same for everybody, one
        follows from others, or the likelihood has no maximum within reach.

    References
    ----------
    Cox, J R Stat Soc B 1972;34:187-220, doi:10.1111/j.2517-6161.1972.tb00899.x. Efron, J Am Stat
    Assoc 1977;72:557-565, doi:10.1080/01621459.1977.10480613. Peduzzi et al., J Clin
    Epidemiol 1995;48:1503-1510, doi:10.1016/0895-4356(95)00048-8 (events per variable).
    """
    values = _checked(survival, covariates, names)
    centre, scale = values.mean(axis=0), values.std(axis=0, ddof=1)
    standardised = (values - centre) / scale
    likelihood = PartialLikelihood(survival, standardised)
    start = likelihood.at(np.zeros(len(names)))
    _require_information(start, survival.events, names)
    found, converged = _maximum(likelihood)
    end = likelihood.at(found)
    ratio = max(0.0, 2 * (end.value - start.value))
    p_value = float(stats.chi2.sf(ratio, len(names)))
    likelihoods = (start.value, end.value)
    if runaway := separating(survival, standardised):
        return NoFiniteRatio(
            n=len(survival),
            events=survival.events,
            variables=len(names),
            names=tuple(names[column] for column in runaway),
            log_likelihood=likelihoods,
            likelihood_ratio=ratio,
            p_value=p_value,
        )
    if not converged:
        raise InputError(
            f"the Cox model of {', '.join(names)} does not converge.",
            hint="Look for values far from all others, or give their logarithms.",
            code="not-converged",
        )
    covariance = np.linalg.inv(end.information) / np.outer(scale, scale)
    coefficients = found / scale
    return CoxModel(
        n=len(survival),
        events=survival.events,
        ratios=_ratios(names, coefficients, covariance, values, confidence),
        coefficients=coefficients,
        covariance=covariance,
        log_likelihood=likelihoods,
        likelihood_ratio=ratio,
        p_value=p_value,
    )


def _checked(
    survival: Survival, covariates: ArrayLike, names: Sequence[str]
) -> NDArray[np.float64]:
    values = np.asarray(covariates, dtype=np.float64)
    if values.shape != (len(survival), len(names)) or not names:
        raise InputError(
            f"a Cox model of {len(survival)} patients and {len(names)} covariates needs a value "
            f"for each, found the shape {values.shape}.",
            code="not-paired",
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"a Cox model takes finite numbers only, found "
            f"{np.count_nonzero(~np.isfinite(values))} that are not.",
            hint="Leave them out and say how many there were.",
            code="not-finite-values",
        )
    if not survival.events:
        raise InputError(
            "nobody had the event: there is no hazard to compare.",
            hint="Check the event column and the horizon.",
            code="no-events",
        )
    constant = [
        name for name, spread in zip(names, np.ptp(values, axis=0), strict=True) if not spread
    ]
    if constant:
        raise InputError(
            f"{', '.join(constant)} is the same for all {len(survival)} patients, so it has no "
            "hazard ratio.",
            hint="Leave it out.",
            code="constant-covariate",
        )
    return values


def _require_information(start: LikelihoodPoint, events: int, names: Sequence[str]) -> None:
    """Refuse covariates whose effects the events cannot tell apart, or not tell at all."""
    rank = np.linalg.matrix_rank(start.information, tol=_NO_INFORMATION * events, hermitian=True)
    if rank == len(names):
        return
    which = f"the covariates {', '.join(names)}" if len(names) > 1 else names[0]
    raise InputError(
        f"the events say nothing about {which}: among those observed at an event, all values are "
        "equal, or one covariate follows from the others.",
        hint="Leave one out." if len(names) > 1 else None,
        code="dependent-covariates",
    )


def _maximum(likelihood: PartialLikelihood) -> tuple[NDArray[np.float64], bool]:
    """Coefficients of the greatest likelihood, and whether Newton's steps came to an end.

    The logarithm of the likelihood is concave, so that steps which are halved until they lead
    upwards come to an end wherever there is one. Otherwise it stops where nothing grows any more.
    """
    found = np.zeros(likelihood.covariates.shape[1])
    here = likelihood.at(found)
    for _ in range(_MOST_STEPS):
        newton = np.linalg.lstsq(here.information, here.gradient)[0].astype(np.float64)
        step = newton * min(1.0, _LONGEST_STEP / max(float(np.abs(newton).max()), _CONVERGED))
        step, there = _uphill(likelihood, found, step, here)
        grown, found, here = there.value - here.value, found + step, there
        if np.abs(step).max() < _CONVERGED or grown <= _STANDSTILL * abs(here.value):
            break
    return found, bool(np.abs(step).max() < math.sqrt(_CONVERGED))


def _uphill(
    likelihood: PartialLikelihood,
    start: NDArray[np.float64],
    step: NDArray[np.float64],
    here: LikelihoodPoint,
) -> tuple[NDArray[np.float64], LikelihoodPoint]:
    """Halve a step until it leads no lower; the step that was made and where it leads."""
    for _ in range(_MOST_HALVINGS):
        there = likelihood.at(start + step)
        if there.value >= here.value - _STANDSTILL * abs(here.value):
            return step, there
        step = step / 2
    return np.zeros_like(step), here


def _ratios(
    names: Sequence[str],
    coefficients: NDArray[np.float64],
    covariance: NDArray[np.float64],
    values: NDArray[np.float64],
    confidence: float,
) -> tuple[HazardRatio, ...]:
    errors = np.sqrt(np.diag(covariance))
    return tuple(
        HazardRatio(
            name=name,
            coefficient=float(coefficient),
            standard_error=float(error),
            p_value=float(2 * stats.norm.sf(abs(coefficient / error))),
            sd=float(column.std(ddof=1)),
            is_two_valued=len(np.unique(column)) == 2,
            confidence=confidence,
        )
        for name, coefficient, error, column in zip(
            names, coefficients, errors, values.T, strict=True
        )
    )


def _exponential(number: float) -> float:
    """Return e to the number; infinite beyond what a float can hold."""
    return math.exp(number) if number < 709 else math.inf
