"""Intensities in standard deviations from a mean: the image's own or a training cohort's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.region_values import region_values, require_contrast


@dataclass(frozen=True)
class Moments:
    """Number, mean and variance (denominator n) of the voxels that were looked at."""

    count: int
    mean: float
    variance: float

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return float(np.sqrt(self.variance))


def moments(scan: Scan, region: Mask | None = None) -> Moments:
    """Moments of the region's intensities, of all where there is none.

    Raises
    ------
    InputError
        All are the same.
    """
    values = region_values(scan, region)
    require_contrast(values, "z-score")
    return Moments(values.size, float(values.mean()), float(values.var()))


def pooled_moments(cohort: Sequence[Moments]) -> Moments:
    """Moments of all voxels of a cohort together, each voxel counting once."""
    counts = np.array([one.count for one in cohort], dtype=np.float64)
    means = np.array([one.mean for one in cohort])
    variances = np.array([one.variance for one in cohort])
    mean = np.average(means, weights=counts)
    variance = np.average(variances + (means - mean) ** 2, weights=counts)
    return Moments(int(counts.sum()), float(mean), float(variance))


def z_score(scan: Scan, reference: Moments, *, scale: float = 1.0) -> Scan:
    """Scan minus the mean, divided by the standard deviation, times ``scale``."""
    voxels = (scan.voxels - reference.mean) * (scale / reference.sd)
    return Scan(voxels.astype(np.float32), scan.geometry, scan.modality)
