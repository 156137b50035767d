"""Histogram matching: the intensities of a reference in the order of the image's own."""

from collections.abc import Sequence

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.histogram_ranks import mid_ranks
from oncotrace.imaging.region_values import region_values, require_contrast


def quantiles(scan: Scan, region: Mask | None, count: int) -> tuple[float, ...]:
    """Intensities at ``count`` evenly spaced quantiles, the extremes among them.

    Raises
    ------
    InputError
        The region is blank.
    """
    values = region_values(scan, region)
    require_contrast(values, "histogram matching")
    return tuple(float(value) for value in np.quantile(values, np.linspace(0, 1, count)))


def mean_quantiles(cohort: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Quantile by quantile, the mean over a cohort."""
    return tuple(float(value) for value in np.mean(cohort, axis=0))


def matched(scan: Scan, region: Mask | None, reference: Sequence[float]) -> Scan:
    """Scan whose region has the reference's quantiles; order and ties are kept.

    Raises
    ------
    InputError
        The region is blank.
    """
    values = region_values(scan, region)
    require_contrast(values, "histogram matching")
    ranks = mid_ranks(scan.voxels, values)
    voxels = np.interp(ranks, np.linspace(0, 1, len(reference)), reference)
    return Scan(voxels.astype(np.float32), scan.geometry, scan.modality)
