"""A coarse grid along the patient's axes, the same whatever the scan's own grid is."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import AXIS_ALIGNED, Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.resample import resample_array
from oncotrace.imaging.sitk import to_sitk


def on_patient_grid(scan: Scan, spacing_mm: float, *, outside: float) -> Scan:
    """Scan on cubes of ``spacing_mm`` whose axes are the patient's: array [feet, front, right] up.

    The grid covers the whole of the scan. Where the scan is finer, whole groups of its voxels are
    averaged first, so that no detail turns into noise; then it is interpolated linearly.

    Parameters
    ----------
    outside
        Value where the scan has none: all around it, and in the corners beside an oblique scan.
    """
    factors = [max(1, int(spacing_mm / own)) for own in scan.geometry.spacing_mm]
    averaged, grid = _averaged(scan, factors)
    target = _covering(scan.geometry, spacing_mm)
    voxels = resample_array(averaged, grid, target, interpolation="linear", outside=outside)
    return Scan(voxels, target, scan.modality)


def _averaged(scan: Scan, factors: list[int]) -> tuple[NDArray[np.float32], Geometry]:
    """Means of groups of voxels and their grid; what is left over at the far ends is dropped."""
    within = [
        min(factor, size) for factor, size in zip(factors, scan.geometry.size_xyz, strict=True)
    ]
    image = sitk.BinShrink(to_sitk(scan.voxels, scan.geometry), within)
    grid = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return sitk.GetArrayFromImage(image), grid


def _covering(geometry: Geometry, spacing_mm: float) -> Geometry:
    """Grid along the patient's axes around all voxel centres of another, centred on it."""
    corners = geometry.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y, z = (int(np.ceil(extent / spacing_mm)) + 1 for extent in high - low)
    half_mm = (np.array([x, y, z]) - 1) / 2 * spacing_mm
    ox, oy, oz = (float(value) for value in (low + high) / 2 - half_mm)
    return Geometry((x, y, z), (spacing_mm,) * 3, (ox, oy, oz), AXIS_ALIGNED)
