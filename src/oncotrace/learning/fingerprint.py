"""What the training cases have in common, gathered one case at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from oncotrace.errors import EmptyMaskError, InputError

VALUES_PER_CASE = 10_000
"""So many lesion values of a case count at most, evenly spread over its distribution."""
ANISOTROPIC_RATIO = 3.0

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class CaseSummary:
    """What planning needs to know of one case."""

    case_id: str
    spacing_mm: Triple
    """(x, y, z), of the source image."""
    size_xyz: tuple[int, int, int]
    """Voxels of the region that the network looks at, on the source grid."""
    lesion_values: NDArray[np.float32]
    """Image values within the lesion, in any order."""


class Fingerprint(BaseModel):
    """What the training cases have in common; triples are (x, y, z)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cases: int
    target_spacing_mm: Triple
    """Median; the coarsest axis takes its 10th percentile if half of the cases are anisotropic."""
    median_extent_mm: Triple
    """Of the region that the network looks at."""
    lesion_percentile_0_5: float
    lesion_percentile_99_5: float
    lesion_mean: float
    lesion_sd: float


def fingerprint(cases: Iterable[CaseSummary]) -> Fingerprint:
    """Fingerprint of the cases, which are looked at one after the other.

    Raises
    ------
    EmptyMaskError
        A case has no lesion.
    InputError
        There is no case.

    References
    ----------
    Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8: target spacing, and the
    percentiles of the lesions' values. There each lesion's percentiles are found first and the
    median is taken over cases; here the lesions' values are pooled.
    """
    spacings, extents, values = [], [], []
    for case in cases:
        spacings.append(case.spacing_mm)
        extents.append(np.multiply(case.spacing_mm, case.size_xyz))
        values.append(_evenly_spread(case))
    if not spacings:
        raise InputError(
            "there is no case to train on.", hint="Check the folds.", code="no-training-cases"
        )
    pooled = np.concatenate(values).astype(np.float64)
    low, high = np.percentile(pooled, [0.5, 99.5])
    return Fingerprint(
        cases=len(spacings),
        target_spacing_mm=_target_spacing_mm(np.array(spacings)),
        median_extent_mm=_triple(np.median(extents, axis=0)),
        lesion_percentile_0_5=float(low),
        lesion_percentile_99_5=float(high),
        lesion_mean=float(pooled.mean()),
        lesion_sd=float(pooled.std()),
    )


def _evenly_spread(case: CaseSummary) -> NDArray[np.float32]:
    values = np.sort(case.lesion_values, axis=None)
    if not len(values):
        raise EmptyMaskError(
            "the training mask is empty.",
            hint="Correct the mask or leave the case out.",
            case_id=case.case_id,
        )
    if not np.isfinite(values[[0, -1]]).all():
        raise InputError(
            "the lesion holds voxels that are not numbers (NaN or infinite).",
            hint="Replace them, or leave the case out.",
            case_id=case.case_id,
            code="not-finite",
        )
    if len(values) <= VALUES_PER_CASE:
        return values
    return values[np.linspace(0, len(values) - 1, VALUES_PER_CASE).round().astype(np.int64)]


def _target_spacing_mm(spacings_mm: NDArray[np.float64]) -> Triple:
    target = np.median(spacings_mm, axis=0)
    anisotropic = spacings_mm.max(axis=1) / spacings_mm.min(axis=1) >= ANISOTROPIC_RATIO
    if 2 * anisotropic.sum() >= len(spacings_mm):
        coarsest = int(target.argmax())
        target[coarsest] = np.percentile(spacings_mm[:, coarsest], 10)
    return _triple(target)


def _triple(values: NDArray[np.float64]) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z
