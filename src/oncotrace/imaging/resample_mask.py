"""Masks on other grids: interpolated apart from their image, and made binary again."""

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.resample import Interpolation, resample_array


def resample_mask(
    mask: Mask, target: Geometry, *, interpolation: Interpolation, threshold: float
) -> Mask:
    """Mask at the voxel centres of ``target``, empty outside its own grid.

    Parameters
    ----------
    interpolation
        Of the mask taken as 0 and 1.
    threshold
        A voxel is in the mask when its interpolated value reaches this.
    """
    share = resample_array(
        mask.voxels.astype(np.float32),
        mask.geometry,
        target,
        interpolation=interpolation,
        outside=0,
    )
    return Mask(share >= threshold, target)
