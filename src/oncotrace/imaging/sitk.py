"""From oncotrace's grids to SimpleITK images; both speak LPS millimetres."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry

_VANISHING = 1e-100


def to_sitk(voxels: NDArray[np.generic], geometry: Geometry) -> sitk.Image:
    """Image with the given voxels [z, y, x] on the given grid; booleans become uint8."""
    array = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(itk_direction(geometry))
    return image


def itk_direction(geometry: Geometry) -> tuple[float, ...]:
    """Direction cosines with 0 for those whose products vanish: on these ITK's inversion fails."""
    return tuple(0.0 if abs(cosine) < _VANISHING else cosine for cosine in geometry.direction)
