"""Whether hazard ratios stay the same over time, as Cox's model assumes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from oncotrace.domain.outcome import Survival
from oncotrace.stats.cox import CoxModel
from oncotrace.stats.partial_likelihood import PartialLikelihood
from oncotrace.stats.survival_curve import kaplan_meier


@dataclass(frozen=True)
class ProportionalityTest:
    """Test of one covariate's hazard ratio, or of all together (``name`` empty), against a trend.

    A small p value says that the ratio changes with time; there is none where all events happened
    at one time.
    """

    name: str
    statistic: float
    degrees_of_freedom: int
    p_value: float | None


def proportionality(
    survival: Survival, covariates: ArrayLike, model: CoxModel
) -> tuple[ProportionalityTest, ...]:
    """Test each covariate, then all together, for a hazard ratio that changes over time.

    The score test of a coefficient that changes with 1 - S(t), the Kaplan-Meier estimate just
    before t: a weighted sum of Schoenfeld's residuals. R's ``cox.zph`` computes the same since
    version 3 of its package survival; before, and in other programs, it was an approximation.

    References
    ----------
    Grambsch and Therneau, Biometrika 1994;81:515-526, doi:10.1093/biomet/81.3.515. Schoenfeld,
    Biometrika 1982;69:239-241, doi:10.1093/biomet/69.1.239.
    """
    values = np.asarray(covariates, dtype=np.float64)
    likelihood = PartialLikelihood(survival, values - values.mean(axis=0))
    point = likelihood.at(model.coefficients)
    time = _transformed(survival, likelihood.event_times)
    score = time @ point.score_residuals
    mixed = np.einsum("e,eij->ij", time, point.variances)
    squared = np.einsum("e,eij->ij", time**2, point.variances)
    spread = squared - mixed @ model.covariance @ mixed
    single = [
        _tested(ratio.name, score[[k]], spread[np.ix_([k], [k])])
        for k, ratio in enumerate(model.ratios)
    ]
    return (*single, _tested("", score, spread))


def _transformed(survival: Survival, event_times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of events so far by Kaplan and Meier, just before each event; centred."""
    curve = kaplan_meier(survival)
    before = np.searchsorted(curve.times, event_times, side="left")
    passed: NDArray[np.float64] = 1 - np.concatenate([[1.0], curve.share])[before]
    passed -= passed.mean()
    return passed


def _tested(
    name: str, score: NDArray[np.float64], spread: NDArray[np.float64]
) -> ProportionalityTest:
    freedom = int(np.linalg.matrix_rank(spread, hermitian=True))
    statistic = float(score @ np.linalg.pinv(spread, hermitian=True) @ score)
    p_value = float(stats.chi2.sf(statistic, freedom)) if freedom else None
    return ProportionalityTest(name, statistic, freedom, p_value)
