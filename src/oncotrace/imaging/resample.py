"""Resampling of scans and masks onto other grids."""

from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.sitk import itk_direction, to_sitk

Interpolation = Literal["nearest", "linear", "cubic"]

_INTERPOLATORS: dict[Interpolation, int] = {
    "nearest": sitk.sitkNearestNeighbor,
    "linear": sitk.sitkLinear,
    "cubic": sitk.sitkBSpline3,
}
_CUBIC_SUPPORT = 4


def with_spacing(geometry: Geometry, spacing_mm: tuple[float, float, float]) -> Geometry:
    """Grid with another spacing that fills the same volume as closely as whole voxels allow.

    The centres of the two volumes coincide, so that neither end is favoured.
    """
    extent_mm = np.multiply(geometry.size_xyz, geometry.spacing_mm)
    x, y, z = (max(1, round(float(n))) for n in extent_mm / spacing_mm)
    centre_mm = geometry.to_point_mm((np.asarray(geometry.size_xyz) - 1) / 2)
    half_mm = (np.array([x, y, z]) - 1) / 2 * spacing_mm
    ox, oy, oz = (float(value) for value in centre_mm - geometry.axes @ half_mm)
    return Geometry((x, y, z), spacing_mm, (ox, oy, oz), geometry.direction)


def resample_array(
    voxels: NDArray[np.float32],
    geometry: Geometry,
    target: Geometry,
    *,
    interpolation: Interpolation,
    outside: float,
) -> NDArray[np.float32]:
    """Values of ``voxels`` [z, y, x] at the voxel centres of ``target``.

    Parameters
    ----------
    interpolation
        ``cubic`` is a B-spline; a grid with fewer than four voxels along an axis, where ITK's
        spline reads memory that is not the image's, is interpolated linearly instead.
    outside
        Value of target voxels whose centre lies outside the source grid.
    """
    if interpolation == "cubic" and min(geometry.size_xyz) < _CUBIC_SUPPORT:
        interpolation = "linear"
    resampled = sitk.Resample(
        to_sitk(voxels, geometry),
        target.size_xyz,
        sitk.Transform(),
        _INTERPOLATORS[interpolation],
        target.origin_mm,
        target.spacing_mm,
        itk_direction(target),
        outside,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(resampled)


def resample_scan(
    scan: Scan, target: Geometry, *, interpolation: Interpolation, outside: float
) -> Scan:
    """Scan at the voxel centres of ``target``; see `resample_array`."""
    voxels = resample_array(
        scan.voxels, scan.geometry, target, interpolation=interpolation, outside=outside
    )
    return Scan(voxels, target, scan.modality)
