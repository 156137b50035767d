"""How volumes and predicted Dice agree with the truth over the cases of an evaluation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.stats.agreement import (
    BlandAltman,
    Correlation,
    Interval,
    bland_altman,
    pearson,
    percent_differences,
    spearman,
)
from oncotrace.stats.bootstrap import bootstrap_interval

_SEED = 20  # of the bootstrap; fixed, so that the same cases give the same intervals
_LEAST_CASES = 3


@dataclass(frozen=True, eq=False)
class VolumeAgreement:
    """How predicted and reference volumes agree, case by case and together.

    ``limits`` are Bland and Altman's of the differences in percent of the mean of both volumes;
    their slope is per tenfold volume. Cases without a predicted volume differ by -200 %.
    """

    case_ids: tuple[str, ...]
    predicted_ml: NDArray[np.float64]
    reference_ml: NDArray[np.float64]
    mean_ml: NDArray[np.float64]
    difference_percent: NDArray[np.float64]
    dice: NDArray[np.float64]
    correlation: Correlation
    limits: BlandAltman


@dataclass(frozen=True, eq=False)
class Reliability:
    """How far predicted Dice can be believed: against the real one, case by case and together.

    ``coverage`` is the share of cases whose real Dice lies in the predicted interval; nothing
    where no interval was predicted.
    """

    case_ids: tuple[str, ...]
    predicted: NDArray[np.float64]
    real: NDArray[np.float64]
    intervals: NDArray[np.float64] | None
    coverage: float | None
    rank_correlation: float | None
    rank_interval: Interval | None


def volume_agreement(cases: Sequence[EvaluatedCase]) -> VolumeAgreement | None:
    """Agreement of the volumes; nothing with fewer than three cases."""
    if len(cases) < _LEAST_CASES:
        return None
    predicted, reference, dice = (
        np.array([case.value(name) for case in cases])
        for name in ("volume_ml", "reference_volume_ml", "dice")
    )
    differences, means = percent_differences(predicted, reference)
    return VolumeAgreement(
        case_ids=tuple(case.case_id for case in cases),
        predicted_ml=predicted,
        reference_ml=reference,
        mean_ml=means,
        difference_percent=differences,
        dice=dice,
        correlation=pearson(predicted, reference),
        limits=bland_altman(differences, np.log10(means)),
    )


def reliability(cases: Sequence[EvaluatedCase]) -> Reliability | None:
    """Predicted against real Dice; nothing with fewer than three cases that have a prediction."""
    rated = [case for case in cases if not math.isnan(case.value("predicted_dice"))]
    if len(rated) < _LEAST_CASES:
        return None
    predicted, real = (
        np.array([case.value(name) for case in rated]) for name in ("predicted_dice", "dice")
    )
    intervals = _intervals(rated)
    return Reliability(
        case_ids=tuple(case.case_id for case in rated),
        predicted=predicted,
        real=real,
        intervals=intervals,
        coverage=None
        if intervals is None
        else float(np.mean((intervals[:, 0] <= real) & (real <= intervals[:, 1]))),
        rank_correlation=spearman(predicted, real),
        rank_interval=bootstrap_interval(
            np.stack([predicted, real], axis=1),
            _rank_correlation,
            groups=[case.patient_id for case in rated],
            seed=_SEED,
        ),
    )


def _rank_correlation(pairs: NDArray[np.float64]) -> float:
    value = spearman(pairs[:, 0], pairs[:, 1]) if len(pairs) >= _LEAST_CASES else None
    return math.nan if value is None else value


def _intervals(cases: Sequence[EvaluatedCase]) -> NDArray[np.float64] | None:
    found = [case.result.get("predicted_dice_interval") for case in cases]
    if not all(isinstance(interval, list | tuple) and len(interval) == 2 for interval in found):
        return None
    return np.asarray(found, dtype=np.float64)
