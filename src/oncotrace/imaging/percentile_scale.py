"""Intensities clipped, and brought into a range by two of their percentiles or two fixed values."""

from collections.abc import Sequence

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.region_values import region_values, require_contrast

Range = tuple[float, float]


def percentile_range(scan: Scan, region: Mask | None, percentiles: Range) -> Range:
    """Intensities at two percentiles of the region; 0 and 100 are its extremes.

    Raises
    ------
    InputError
        They are the same.
    """
    values = region_values(scan, region)
    require_contrast(values, "scaling by percentiles")
    found = np.percentile(values, percentiles)
    require_contrast(found, f"scaling by the percentiles {percentiles[0]:g} and {percentiles[1]:g}")
    return float(found[0]), float(found[1])


def mean_range(cohort: Sequence[Range]) -> Range:
    """Mean of the ranges of a cohort: the range of a data base."""
    low, high = np.mean(cohort, axis=0)
    return float(low), float(high)


def clipped_to(scan: Scan, limits: Range) -> Scan:
    """Scan with the values beyond the limits set to the limits."""
    voxels = np.clip(scan.voxels, np.float32(limits[0]), np.float32(limits[1]))
    return Scan(voxels, scan.geometry, scan.modality)


def mapped_to(scan: Scan, own: Range, target: Range) -> Scan:
    """Scan by the straight line that takes the range ``own`` to ``target``; nothing is clipped."""
    slope = (target[1] - target[0]) / (own[1] - own[0])
    voxels = (scan.voxels - own[0]) * slope + target[0]
    return Scan(voxels.astype(np.float32), scan.geometry, scan.modality)


def shifted_to_positive(scan: Scan, region: Mask | None) -> Scan:
    """Scan minus the region's smallest value, so that nothing in the region is below 0."""
    lowest = float(region_values(scan, region).min())
    return Scan((scan.voxels - np.float32(lowest)), scan.geometry, scan.modality)
