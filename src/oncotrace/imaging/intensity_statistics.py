"""What the intensities of an image are like, in a few numbers."""

from dataclasses import dataclass

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.region_values import region_values


@dataclass(frozen=True)
class IntensityStatistics:
    """Statistics over voxels; the standard deviation has the denominator n."""

    voxels: int
    mean: float
    sd: float
    minimum: float
    percentile_1: float
    percentile_25: float
    median: float
    percentile_75: float
    percentile_99: float
    maximum: float


def intensity_statistics(scan: Scan, region: Mask | None = None) -> IntensityStatistics:
    """Statistics of the region's intensities, of all where there is none."""
    values = region_values(scan, region)
    low, p1, p25, median, p75, p99, high = np.percentile(values, (0, 1, 25, 50, 75, 99, 100))
    return IntensityStatistics(
        values.size,
        float(values.mean()),
        float(values.std()),
        float(low),
        float(p1),
        float(p25),
        float(median),
        float(p75),
        float(p99),
        float(high),
    )
