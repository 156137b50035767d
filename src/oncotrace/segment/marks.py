"""What the reader has marked, voxel by voxel."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.segment.voi import GridClicks, voxels_at

TUMOUR, BACKGROUND = 1, -1


def hard_marks(clicks: GridClicks, geometry: Geometry) -> NDArray[np.int8]:
    """Voxels [z, y, x] that the reader has decided: 1 tumour, -1 background, 0 undecided.

    Clicks mark one voxel each, corrections what lies within their radius; the later mark counts.
    Marks outside the grid are left out.
    """
    seeds = np.zeros(geometry.shape_zyx, dtype=np.int8)
    inside = clicks.seeds_mm[geometry.contains(clicks.seeds_mm)]
    seeds[tuple(voxels_at(inside, geometry).T)] = TUMOUR
    corrected = correction_marks(clicks, geometry)
    return np.where(corrected == 0, seeds, corrected)


def correction_marks(clicks: GridClicks, geometry: Geometry) -> NDArray[np.int8]:
    """Voxels that the corrections alone have decided; see `hard_marks`."""
    marks = np.zeros(geometry.shape_zyx, dtype=np.int8)
    for correction in clicks.corrections:
        _brush(marks, correction, geometry)
    return marks


def points_of(correction: Correction, geometry: Geometry) -> NDArray[np.float64]:
    """Points of a correction, shape (n, 3), LPS mm; of a stroke, half a voxel apart at most."""
    if correction.kind != "stroke":
        return correction.points_mm
    return _along(correction.points_mm, min(geometry.spacing_mm) / 2)


def _brush(marks: NDArray[np.int8], correction: Correction, geometry: Geometry) -> None:
    """Mark the voxels that hold a point of the correction or lie within its radius of one."""
    value = TUMOUR if correction.marks_tumour else BACKGROUND
    points_mm = points_of(correction, geometry)
    on_grid = points_mm[geometry.contains(points_mm)]
    marks[tuple(voxels_at(on_grid, geometry).T)] = value
    spacing_zyx_mm = np.asarray(geometry.spacing_zyx_mm)
    reach = correction.radius_mm / spacing_zyx_mm
    for centre in geometry.to_index(points_mm)[:, ::-1]:
        low = np.clip(np.ceil(centre - reach), 0, marks.shape).astype(int)
        high = np.clip(np.floor(centre + reach) + 1, 0, marks.shape).astype(int)
        z, y, x = (
            np.square((np.arange(first, last) - middle) * spacing)
            for first, last, middle, spacing in zip(low, high, centre, spacing_zyx_mm, strict=True)
        )
        near = z[:, None, None] + y[None, :, None] + x[None, None, :]
        part = marks[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        part[near <= correction.radius_mm**2] = value


def _along(points_mm: NDArray[np.float64], step_mm: float) -> NDArray[np.float64]:
    """Points of the line through ``points_mm``, at most ``step_mm`` apart."""
    pieces = [points_mm[:1]]
    for start, end in pairwise(points_mm):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / step_mm)))
        pieces.append(start + (end - start) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(pieces)
