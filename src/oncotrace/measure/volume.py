"""How much tumour there is."""

import numpy as np

from oncotrace.domain.mask import Mask


def volume_ml(mask: Mask) -> float:
    """Volume of the set voxels, in millilitres; 0 for an empty mask.

    References
    ----------
    IBSI 1, approximate volume (YEKZ): voxels counted, their surface not smoothed.
    """
    return int(np.count_nonzero(mask.voxels)) * mask.geometry.voxel_volume_mm3 / 1000.0
