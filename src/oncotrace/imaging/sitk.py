"""From oncotrace's grids to SimpleITK images; both speak LPS millimetres."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry


def to_sitk(voxels: NDArray[np.generic], geometry: Geometry) -> sitk.Image:
    """Image with the given voxels [z, y, x] on the given grid; booleans become uint8."""
    array = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image
