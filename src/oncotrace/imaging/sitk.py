"""Conversion between oncotrace's grids and SimpleITK images; both speak LPS millimetres."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan


def geometry_of(image: sitk.Image) -> Geometry:
    """Grid of a three-dimensional SimpleITK image."""
    return Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())


def to_sitk(voxels: NDArray[np.generic], geometry: Geometry) -> sitk.Image:
    """Image with the given voxels [z, y, x] on the given grid; booleans become uint8."""
    array = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def scan_from_sitk(image: sitk.Image, modality: Modality | None = None) -> Scan:
    """Scan with the image's voxels as float32."""
    voxels = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
    return Scan(voxels, geometry_of(image), modality)


def mask_from_sitk(image: sitk.Image) -> Mask:
    """Mask of the image's voxels that are not zero."""
    return Mask(sitk.GetArrayViewFromImage(image) != 0, geometry_of(image))
