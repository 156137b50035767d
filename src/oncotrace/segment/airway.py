"""Trachea and main bronchi on chest CT.

The constants are anatomy: a trachea is 10 to 27 mm wide and lies within 30 mm of the spine's axis,
trachea and main bronchi hold less than 100 ml, a main bronchus is at least 7 mm wide, and the wall
with its blur takes 2 mm.
"""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass, find_objects, label

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import Box, box_around, crop_scan
from oncotrace.imaging.morphology import ball_xyz, dilated, eroded
from oncotrace.segment.spine_axis import SpineAxis

_ABOVE_APEX_MM, _BELOW_APEX_MM = 30.0, 50.0
_AREA_MM2 = (80.0, 600.0)
_FROM_SPINE_MM = 30.0
_LUMEN_HU = -900.0
_THRESHOLDS_HU = (-950, -900, -850, -800, -750, -700)
_LARGEST_ML = 100.0
_HALF_WIDTH_MM = 60.0
_LONGEST_MM = 200.0
_ABOVE_SEED_MM = 10.0  # farther up lies no lung, but the open mouth
_BRONCHUS_RADIUS_MM = 3.5
_WALL_MM = 2.0
_SEED_REACH = 2


def trachea_seed_mm(
    air: NDArray[np.bool_], cores: NDArray[np.bool_], ct: Scan, axis: SpineAxis
) -> NDArray[np.float64] | None:
    """Point in the trachea in LPS mm; none where there is no trachea near the top of the lungs.

    From 30 mm above the lung cores downwards, the first slice counts in which a round piece of air
    of a trachea's size lies before the spine.

    Parameters
    ----------
    air, cores
        See `oncotrace.segment.lung_air`.
    ct
        Hounsfield units along the patient's axes, on cubes.
    """
    mm = ct.geometry.spacing_mm[0]
    apex = int(np.flatnonzero(cores.any(axis=(1, 2)))[-1])
    top = min(apex + round(_ABOVE_APEX_MM / mm), air.shape[0] - 1)
    bottom = max(apex - round(_BELOW_APEX_MM / mm), 0)
    for z in range(top, bottom - 1, -1):
        found = _trachea_in(air[z], ct.voxels[z], float(axis.column_in(z)), mm)
        if found is not None:
            return ct.geometry.to_point_mm((found[1], found[0], z))
    return None


def _trachea_in(
    air: NDArray[np.bool_], hu: NDArray[np.float32], spine: float, mm: float
) -> tuple[int, int] | None:
    """Row and column of the darkest pixel of the largest piece of air that may be the trachea."""
    labels, _ = label(air)
    best, largest = None, 0
    for number, box in enumerate(find_objects(labels), start=1):
        piece = labels[box] == number
        pixels = int(np.count_nonzero(piece))
        height, width = piece.shape
        column = box[1].start + center_of_mass(piece)[1]
        if (
            _AREA_MM2[0] <= pixels * mm**2 <= _AREA_MM2[1]
            and max(height, width) <= 2.5 * min(height, width)
            and abs(column - spine) * mm <= _FROM_SPINE_MM
            and pixels > largest
        ):
            inside = np.where(piece, hu[box], np.inf)
            row, col = np.unravel_index(int(inside.argmin()), inside.shape)
            if inside[row, col] <= _LUMEN_HU:
                largest, best = pixels, (int(row) + box[0].start, int(col) + box[1].start)
    return best


def main_airway(ct: Scan, seed_mm: NDArray[np.float64]) -> Mask | None:
    """Trachea and main bronchi with their walls, grown from a point in the trachea.

    Of several thresholds from -950 to -700 HU the highest counts whose region holds less than
    100 ml: above, it leaks into the lungs. Branches narrower than 7 mm are taken off, they belong
    to the lungs.

    Parameters
    ----------
    ct
        Hounsfield units on axial slices from feet to head (`oncotrace.imaging.patient_pose`).

    Returns
    -------
    Mask
        On a box of the scan's grid; none if even the lowest threshold leaks.
    """
    up_mm = [_HALF_WIDTH_MM, _HALF_WIDTH_MM, _ABOVE_SEED_MM]
    down_mm = [_HALF_WIDTH_MM, _HALF_WIDTH_MM, _LONGEST_MM]
    ends_mm = np.array([seed_mm - down_mm, seed_mm + up_mm])
    corners = [[ends_mm[i, 0], ends_mm[j, 1], ends_mm[k, 2]] for i, j, k in np.ndindex(2, 2, 2)]
    box = box_around(ct.geometry.to_index(corners), np.zeros(3), ct.geometry)
    part = crop_scan(ct, box)
    seed = _darkest_near(part, seed_mm)
    lumen = _grown(_closed_above(part, float(seed_mm[2]) + _ABOVE_SEED_MM), seed)
    if lumen is None:
        return None
    narrow = ball_xyz(_BRONCHUS_RADIUS_MM, part.geometry)
    wide = dilated(eroded(lumen, narrow), narrow) & lumen
    return Mask(dilated(wide, ball_xyz(_WALL_MM, part.geometry)), part.geometry)


def box_of(part: Geometry, whole: Geometry) -> Box:
    """Box of a grid that a part of it fills."""
    x, y, z = (round(float(value)) for value in whole.to_index(part.origin_mm))
    return Box((x, y, z), part.size_xyz)


def _darkest_near(part: Scan, seed_mm: NDArray[np.float64]) -> tuple[int, int, int]:
    """Index (x, y, z) of the darkest voxel within two of a point."""
    middle = np.round(part.geometry.to_index(seed_mm)).astype(int)[::-1]
    low = np.clip(middle - _SEED_REACH, 0, np.array(part.voxels.shape) - 1)
    z, y, x = (slice(a, m + _SEED_REACH + 1) for a, m in zip(low, middle, strict=True))
    near = part.voxels[z, y, x]
    at = np.array(np.unravel_index(int(near.argmin()), near.shape)) + low
    return int(at[2]), int(at[1]), int(at[0])


def _closed_above(part: Scan, height_mm: float) -> Scan:
    """Scan with tissue above a height in the patient; the box of an oblique scan reaches higher."""
    along_x, along_y, along_z, first = part.geometry.affine[2]
    z, y, x = np.ogrid[tuple(slice(n) for n in part.voxels.shape)]
    above = x * along_x + y * along_y + z * along_z + first > height_mm
    return Scan(np.where(above, np.float32(0), part.voxels), part.geometry, part.modality)


def _grown(part: Scan, seed_xyz: tuple[int, int, int]) -> NDArray[np.bool_] | None:
    image = sitk.GetImageFromArray(np.ascontiguousarray(part.voxels))
    best = None
    for threshold in _THRESHOLDS_HU:
        region = sitk.ConnectedThreshold(image, [seed_xyz], lower=-1e6, upper=threshold)
        grown = sitk.GetArrayFromImage(region) != 0
        if np.count_nonzero(grown) * part.geometry.voxel_volume_mm3 / 1000 > _LARGEST_ML:
            break
        best = grown
    return best
