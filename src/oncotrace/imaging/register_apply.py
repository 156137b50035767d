"""Images and masks moved onto another image's grid by what a registration found."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.ct_window import AIR_HU
from oncotrace.imaging.register_map import PointMap
from oncotrace.imaging.resample import Interpolation
from oncotrace.imaging.sitk import itk_direction, to_sitk

_INTERPOLATORS: dict[Interpolation, int] = {
    "nearest": sitk.sitkNearestNeighbor,
    "linear": sitk.sitkLinear,
    "cubic": sitk.sitkBSpline3,
}
MASK_THRESHOLD = 0.5
"""Share of a voxel from which a mask carried over linearly holds it."""


def moved_scan(
    moving: Scan, target: Geometry, point_map: PointMap, *, interpolation: Interpolation
) -> Scan:
    """Scan at the places that the map gives for the voxel centres of ``target``.

    Where it has none: air (-1024 HU) on CT, otherwise its lowest value.
    """
    outside = AIR_HU if moving.modality == "ct" else float(moving.voxels.min())
    voxels = _moved(moving.voxels, moving.geometry, target, point_map, interpolation, outside)
    return Scan(voxels, target, moving.modality)


def moved_mask(
    mask: Mask, target: Geometry, point_map: PointMap, *, interpolation: Interpolation
) -> Mask:
    """Mask at the places that the map gives, empty where there is none.

    It is interpolated as 0 and 1; voxels of at least one half are in the mask.
    """
    share = _moved(
        mask.voxels.astype(np.float32), mask.geometry, target, point_map, interpolation, 0.0
    )
    return Mask(share >= MASK_THRESHOLD, target)


def _moved(
    voxels: NDArray[np.float32],
    geometry: Geometry,
    target: Geometry,
    point_map: PointMap,
    interpolation: Interpolation,
    outside: float,
) -> NDArray[np.float32]:
    resampled = sitk.Resample(
        to_sitk(voxels, geometry),
        target.size_xyz,
        point_map.transform,
        _INTERPOLATORS[interpolation],
        target.origin_mm,
        target.spacing_mm,
        itk_direction(target),
        outside,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(resampled)
