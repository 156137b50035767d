"""Metabolic tumour volume and uptake on PET in SUV, within a mask.

A rule that refers to the liver (PERCIST) needs a mask of the liver and is not among these.

References
----------
Boellaard et al. (EANM guideline 2.0), Eur J Nucl Med Mol Imaging 2015;42:328-354,
doi:10.1007/s00259-014-2961-x: 41 and 50 % of the maximum, SUVpeak. SUV 2.5 and 4.0: Barrington and
Meignan, J Nucl Med 2019;60:1096-1102, doi:10.2967/jnumed.119.231928.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan

UptakeRule = Literal["41 % of maximum", "50 % of maximum", "SUV 2.5", "SUV 4"]

_SHARES: dict[UptakeRule, float] = {"41 % of maximum": 0.41, "50 % of maximum": 0.50}
_LEVELS: dict[UptakeRule, float] = {"SUV 2.5": 2.5, "SUV 4": 4.0}
UPTAKE_RULES: tuple[UptakeRule, ...] = (*_SHARES, *_LEVELS)

_PEAK_RADIUS_MM = float(10 * np.cbrt(3 / (4 * np.pi)))  # of a ball of 1 ml: 6.2 mm


@dataclass(frozen=True)
class Uptake:
    """Uptake within a mask, in SUV."""

    suv_max: float
    suv_mean: float
    suv_peak: float


@dataclass(frozen=True)
class MetabolicVolume:
    """What of a mask takes up at least ``threshold_suv``.

    ``total_lesion_glycolysis_ml`` is the volume times ``suv_mean`` (SUV taken as g/ml of water is
    without unit, so it is in ml); ``suv_mean`` is None where nothing reaches the threshold.
    """

    rule: UptakeRule
    threshold_suv: float
    volume_ml: float
    suv_mean: float | None
    total_lesion_glycolysis_ml: float


def uptake(suv: Scan, mask: Mask) -> Uptake:
    """SUVmax, SUVmean and SUVpeak of a mask.

    SUVpeak is the highest mean of a ball of 1 ml around any voxel of the mask (IBSI: global
    intensity peak, 0F91). A voxel belongs to the ball when its centre does; voxels beside the mask
    count, those beside the image do not.

    Raises
    ------
    GeometryMismatchError
        The mask lies on another grid.
    EmptyMaskError
        It has no voxel.
    """
    values = _values(suv, mask)
    return Uptake(float(values.max()), float(values.mean()), _peak(suv, mask))


def metabolic_region(suv: Scan, mask: Mask, rule: UptakeRule) -> Mask:
    """Voxels of the mask that reach the rule's threshold.

    Raises
    ------
    GeometryMismatchError, EmptyMaskError
        See `uptake`.
    """
    threshold = threshold_suv(suv, mask, rule)
    return Mask(mask.voxels & (suv.voxels >= np.float32(threshold)), mask.geometry)


def metabolic_volume(suv: Scan, mask: Mask, rule: UptakeRule) -> MetabolicVolume:
    """Metabolic volume, its mean uptake and total lesion glycolysis.

    Raises
    ------
    GeometryMismatchError, EmptyMaskError
        See `uptake`.
    """
    region = metabolic_region(suv, mask, rule)
    volume_ml = int(region.voxels.sum()) * mask.geometry.voxel_volume_mm3 / 1000
    mean = None if region.is_empty else float(suv.voxels[region.voxels].mean(dtype=np.float64))
    return MetabolicVolume(
        rule, threshold_suv(suv, mask, rule), volume_ml, mean, volume_ml * (mean or 0.0)
    )


def threshold_suv(suv: Scan, mask: Mask, rule: UptakeRule) -> float:
    """Uptake from which on a voxel counts.

    Raises
    ------
    GeometryMismatchError, EmptyMaskError
        See `uptake`.
    """
    largest = float(_values(suv, mask).max())
    return _LEVELS[rule] if rule in _LEVELS else _SHARES[rule] * largest


def _values(suv: Scan, mask: Mask) -> NDArray[np.float64]:
    mask.geometry.require_match(suv.geometry, this="mask", that="PET")
    mask.require_not_empty()
    return suv.voxels[mask.voxels].astype(np.float64)


def _peak(suv: Scan, mask: Mask) -> float:
    ball = _ball(suv.geometry)
    reach = [size // 2 for size in ball.shape]
    near = tuple(
        slice(max(0, part.start - margin), part.stop + margin)
        for part, margin in zip(mask.box_zyx(), reach, strict=True)
    )
    values = suv.voxels[near].astype(np.float64)
    sums = convolve(values, ball, mode="constant")
    counts = convolve(np.ones_like(values), ball, mode="constant")
    return float((sums / counts)[mask.voxels[near]].max())


def _ball(geometry: Geometry) -> NDArray[np.float64]:
    """1 where a voxel's centre lies within the radius of the middle one, [z, y, x]."""
    reach = [int(_PEAK_RADIUS_MM / spacing) for spacing in geometry.spacing_zyx_mm]
    places = np.meshgrid(
        *(
            np.arange(-n, n + 1) * spacing
            for n, spacing in zip(reach, geometry.spacing_zyx_mm, strict=True)
        ),
        indexing="ij",
    )
    within: NDArray[np.bool_] = np.sum(np.square(places), axis=0) <= _PEAK_RADIUS_MM**2
    return within.astype(np.float64)
