"""Where the spine lies in every slice of a chest CT.

Published: the coronal projection of a slice in the bone window, a seventh-order moving average,
the mean of the first five lung slices, then S_t = 0.3 x_t + 0.7 S_(t-1). Taken alone, the highest
point of that projection is as often a rib, a scapula or the heart. So we look for it where the
spine is, and say what ``x_t`` is:

* the spine is the densest square of 40 mm, the size of a vertebra, in the mean of all lung slices;
* rows from 10 mm before its middle to 60 mm behind count: half a vertebral body, the arch and the
  muscles on both sides, but neither heart and aorta nor breast bone;
* ``x_t`` is the centre of mass of the projection within 25 mm, half a vertebra's width with its
  processes, of the last axis;
* the first slice is the one nearest to the head.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.ct_window import BONE_WINDOW

_VERTEBRA_MM = 40.0
_BEFORE_MM, _BEHIND_MM = 10.0, 60.0
_HALF_WIDTH_MM = 25.0
_ORDER = 7
_FIRST_SLICES = 5
_NEW_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class SpineAxis:
    """The sagittal line through the spine, slice by slice.

    Parameters
    ----------
    first_slice
        Slice [z] of the first value.
    columns
        Fractional column [x] of the spine in this slice and the following ones.
    """

    first_slice: int
    columns: NDArray[np.float64]

    def column_in(self, z: NDArray[np.intp] | int) -> NDArray[np.float64]:
        """Column of the spine in any slice; beyond the lungs that of the nearest lung slice."""
        nearest = np.clip(np.asarray(z) - self.first_slice, 0, len(self.columns) - 1)
        return np.asarray(self.columns[nearest])

    def points_mm(self, row: float, geometry: Geometry) -> NDArray[np.float64]:
        """Positions of the axis in LPS mm, shape (slices, 3), on one row [y] of the grid."""
        z = self.first_slice + np.arange(len(self.columns))
        return geometry.to_point_mm(np.stack([self.columns, np.full(len(z), row), z], axis=1))


def spine_axis(ct: Scan, first_slice: int, last_slice: int) -> SpineAxis:
    """Axis of the spine from one slice to another, both included.

    Parameters
    ----------
    ct
        Hounsfield units on axial slices from feet to head, rows from front to back
        (`oncotrace.imaging.patient_pose`).
    first_slice, last_slice
        The lung slices.

    References
    ----------
    Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
    """
    bone = BONE_WINDOW.grey_levels(ct.voxels[first_slice : last_slice + 1])
    row, column = _densest_square(bone, ct.geometry)
    _, row_mm, column_mm = ct.geometry.spacing_zyx_mm
    rows = slice(max(0, round(row - _BEFORE_MM / row_mm)), round(row + _BEHIND_MM / row_mm) + 1)
    projections = bone[:, rows].sum(axis=1, dtype=np.float64)
    smooth = uniform_filter1d(projections, _ORDER, axis=1, mode="constant")
    return SpineAxis(first_slice, _followed(smooth, float(column), _HALF_WIDTH_MM / column_mm))


def _densest_square(bone: NDArray[np.uint8], geometry: Geometry) -> tuple[int, int]:
    """Row and column of the middle of the square of a vertebra's size that holds most bone."""
    _, row_mm, column_mm = geometry.spacing_zyx_mm
    size = (round(_VERTEBRA_MM / row_mm), round(_VERTEBRA_MM / column_mm))
    density = uniform_filter(bone.mean(axis=0, dtype=np.float64), size, mode="constant")
    row, column = np.unravel_index(int(density.argmax()), density.shape)
    return int(row), int(column)


def _followed(
    projections: NDArray[np.float64], start: float, half_width: float
) -> NDArray[np.float64]:
    """Smoothed centres of mass, one per slice, followed from the last slice to the first."""
    first = projections[::-1][:_FIRST_SLICES]
    axis = float(np.mean([_centre_of_mass(line, start, half_width) for line in first]))
    columns = []
    for line in projections[::-1]:
        centre = _centre_of_mass(line, axis, half_width)
        axis = _NEW_SHARE * centre + (1 - _NEW_SHARE) * axis
        columns.append(axis)
    return np.array(columns[::-1])


def _centre_of_mass(line: NDArray[np.float64], near: float, half_width: float) -> float:
    """Centre of mass of a line's values no farther than ``half_width`` from ``near``.

    Columns at the ends count by the part of them that lies within.
    """
    columns = np.arange(len(line))
    weights = line * np.clip(half_width + 0.5 - np.abs(columns - near), 0.0, 1.0)
    total = float(weights.sum())
    return float((weights * columns).sum() / total) if total > 0 else near
