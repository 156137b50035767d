"""Histogram equalisation: every intensity as often as any other."""

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.histogram_ranks import mid_ranks
from oncotrace.imaging.region_values import region_values, require_contrast


def equalised(scan: Scan, region: Mask | None = None) -> Scan:
    """Scan whose intensities are their ranks among the region's, 0 to 1.

    Exact where others use bins: without ties the region's histogram is uniform to one voxel, and
    any increasing map of the image gives the same result.

    Raises
    ------
    InputError
        The region is blank.
    """
    values = region_values(scan, region)
    require_contrast(values, "histogram equalisation")
    ranks = mid_ranks(scan.voxels, values)
    return Scan(ranks.astype(np.float32), scan.geometry, scan.modality)
