"""Landmarks of the histogram mapped onto a standard scale that a cohort has taught.

References
----------
Nyul, Udupa and Zhang, IEEE Trans Med Imaging 2000;19:143-150, doi:10.1109/42.836373. Of its
variants this is the one with percentiles as landmarks (L4 for the deciles).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.region_values import region_values, require_contrast


@dataclass(frozen=True)
class StandardScale:
    """Percentiles that serve as landmarks, and where each of them goes."""

    percentiles: tuple[float, ...]
    values: tuple[float, ...]


def landmarks(scan: Scan, region: Mask | None, percentiles: Sequence[float]) -> tuple[float, ...]:
    """Intensities at the percentiles of the region.

    Raises
    ------
    InputError
        All intensities, or all landmarks, are the same.
    """
    values = region_values(scan, region)
    require_contrast(values, "Nyul normalisation")
    found = np.percentile(values, list(percentiles))
    require_contrast(found, "Nyul normalisation")
    return tuple(float(value) for value in found)


def standard_scale(
    cohort: Sequence[Sequence[float]], percentiles: Sequence[float], ends: tuple[float, float]
) -> StandardScale:
    """Mean of the landmarks of a cohort, each image's outermost ones brought to ``ends`` before."""
    found = np.asarray(cohort, dtype=np.float64)
    first, last = found[:, :1], found[:, -1:]
    between = (found - first) / (last - first)
    scale = ends[0] + between.mean(axis=0) * (ends[1] - ends[0])
    return StandardScale(tuple(percentiles), tuple(float(value) for value in scale))


def on_standard_scale(scan: Scan, region: Mask | None, scale: StandardScale) -> Scan:
    """Scan whose landmarks lie on the scale; straight lines between, the outer ones go on.

    Landmarks of the image that coincide (background at several percentiles) are one landmark, with
    the mean of their places on the scale.

    Raises
    ------
    InputError
        All intensities, or all landmarks, are the same.
    """
    found = np.asarray(landmarks(scan, region, scale.percentiles))
    places = np.asarray(scale.values)
    knots, inverse = np.unique(found, return_inverse=True)
    targets = np.bincount(inverse, weights=places) / np.bincount(inverse)
    voxels = _piecewise_linear(scan.voxels.astype(np.float64), knots, targets)
    return Scan(voxels.astype(np.float32), scan.geometry, scan.modality)


def _piecewise_linear(
    values: NDArray[np.float64], knots: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate between the knots; beyond them the outermost slopes go on."""
    slopes = np.diff(targets) / np.diff(knots)
    inside = np.interp(values, knots, targets)
    below = np.minimum(values - knots[0], 0) * slopes[0]
    above = np.maximum(values - knots[-1], 0) * slopes[-1]
    return np.asarray(inside + below + above)
