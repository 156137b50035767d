"""Diameters of a tumour, between the outer edges of its voxels.

A voxel reaches from its centre half a spacing along each axis of the grid. The six points where
the axes leave it (four within a slice) are its *edge points*. A diameter is the largest distance
between two edge points of one connected region, exact and found on its convex hull. So

* a single voxel measures its largest spacing, a row of n voxels n spacings;
* in 3D it is the largest distance between vertices of the mesh that marching cubes lays around
  the mask, which is the maximum 3D diameter of IBSI 1 (L0JK);
* it grows with the mask and does not know where the grid's first voxel is.

Islands do not lengthen a diameter: its ends belong to one region, whose voxels touch at faces,
edges or corners. The line itself may leave a curved tumour, as a reader's caliper does.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter, Point
from oncotrace.imaging.outline import outline_segments
from oncotrace.imaging.planes import patient_axes

_TIE_MM = 1e-6  # lengths closer than this are equal
_ROWS_AT_ONCE = 512
_BOUND_SLACK = 1.01  # the axes of a grid are orthonormal within 0.1 %


@dataclass(frozen=True)
class AxialDiameters:
    """The longest axial diameter, its perpendicular, and the slice that holds both.

    ``slice_index`` counts from 0 along the grid axis ``axis`` (0 x, 1 y, 2 z).
    """

    longest: Diameter
    perpendicular: Diameter
    axis: int
    slice_index: int


@dataclass(frozen=True, eq=False)
class _Region:
    """Connected voxels: their number in the label array, and those that may be hull corners."""

    number: int
    corners_xyz: NDArray[np.int64]


def longest_3d_diameter(mask: Mask) -> Diameter:
    """Longest diameter in any direction, over the mask's connected bodies.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    IBSI 1, maximum 3D diameter (L0JK).
    """
    box, geometry = _cropped(mask)
    _, regions = _connected(box, np.ones((3, 3, 3), dtype=bool))
    diameter, _ = _longest(regions, geometry, axes=(0, 1, 2))
    return diameter


def axial_diameters(mask: Mask) -> AxialDiameters:
    """Longest diameter within one axial slice and the longest line perpendicular to it there.

    Axial slices are the planes of the grid nearest to the patient's axial plane, however the
    image was acquired or stored. The diameter's ends lie in one connected area of the slice. The
    perpendicular joins two points of that area's outline (through the edge points, marching
    squares) on a line at right angles to the diameter, the outermost ones where the line meets
    the outline more often; of equally long ones the nearest to the diameter's middle.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    Eisenhauer et al., RECIST 1.1, Eur J Cancer 2009;45:228-247, sections 3.1 (longest diameter in
    the plane of measurement) and 4.2 (short axis), doi:10.1016/j.ejca.2008.10.026. WHO: Miller et
    al., Cancer 1981;47:207-214, largest perpendicular diameters.
    """
    box, geometry = _cropped(mask)
    axis = patient_axes(mask.geometry)[2]
    row, column = (other for other in (2, 1, 0) if other != axis)
    touching = np.ones((3, 3, 3), dtype=bool)
    np.moveaxis(touching, 2 - axis, 0)[[0, 2]] = False
    labels, regions = _connected(box, touching)
    longest, region = _longest(regions, geometry, axes=(column, row))
    index = int(region.corners_xyz[0, axis])

    segments = outline_segments(np.take(labels, index, axis=2 - axis) == region.number)
    outline_xyz = np.full((*segments.shape[:2], 3), float(index))
    outline_xyz[..., [row, column]] = segments
    return AxialDiameters(
        longest,
        _perpendicular(longest, geometry.to_point_mm(outline_xyz)),
        axis,
        index + int(mask.box_zyx()[2 - axis].start),
    )


def _cropped(mask: Mask) -> tuple[NDArray[np.bool_], Geometry]:
    """Voxels of the box around the mask, and their grid."""
    z, y, x = box = mask.box_zyx()
    size_xyz = (x.stop - x.start, y.stop - y.start, z.stop - z.start)
    return mask.voxels[box], mask.geometry.crop((x.start, y.start, z.start), size_xyz)


def _connected(
    voxels: NDArray[np.bool_], touching: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], list[_Region]]:
    """Label array and regions of the voxels that touch as the 3 x 3 x 3 structure says."""
    labels = np.empty(voxels.shape, dtype=np.int32)
    label(voxels, touching, output=labels)
    corners_zyx = _corners(voxels, touching)
    numbers = labels[tuple(corners_zyx.T)]
    order = np.argsort(numbers, kind="stable")
    found, first = np.unique(numbers[order], return_index=True)
    parts = np.split(corners_zyx[order, ::-1], first[1:])
    return labels, [_Region(int(n), part) for n, part in zip(found, parts, strict=True)]


def _corners(voxels: NDArray[np.bool_], touching: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return indices [z, y, x] of voxels that may be corners of their region's convex hull.

    A voxel half-way between two neighbours of its region cannot be one.
    """
    padded = np.pad(voxels, 1)

    def neighbours(step: NDArray[np.int64]) -> NDArray[np.bool_]:
        z, y, x = (slice(1 + s, 1 + s + n) for s, n in zip(step, voxels.shape, strict=True))
        return padded[z, y, x]

    is_between = np.zeros_like(voxels)
    steps = np.argwhere(touching) - 1
    for step in steps[: len(steps) // 2]:  # the other half are their opposites
        is_between |= neighbours(step) & neighbours(-step)
    return np.argwhere(voxels & ~is_between)


def _longest(
    regions: Iterable[_Region], geometry: Geometry, axes: tuple[int, ...]
) -> tuple[Diameter, _Region]:
    """Longest diameter along the given grid axes over all regions, and where it lies."""
    found: list[tuple[Diameter, _Region]] = []
    longest_mm = 0.0
    for bound_mm, _, region in sorted(
        ((_bound_mm(r, geometry), r.number, r) for r in regions), reverse=True
    ):
        if bound_mm < longest_mm - _TIE_MM:
            break
        diameter = _farthest_apart(geometry.to_point_mm(_hull_points(region.corners_xyz, axes)))
        found.append((diameter, region))
        longest_mm = max(longest_mm, diameter.length_mm)
    ties = [pair for pair in found if pair[0].length_mm >= longest_mm - _TIE_MM]
    return min(ties, key=lambda pair: _place(pair[0]))


def _bound_mm(region: _Region, geometry: Geometry) -> float:
    """Return a length that no diameter of the region exceeds: of a ball around its voxels."""
    low, high = region.corners_xyz.min(axis=0), region.corners_xyz.max(axis=0)
    from_centre_mm = (region.corners_xyz - (low + high) / 2) * geometry.spacing_mm
    radius_mm = np.sqrt((from_centre_mm**2).sum(axis=1).max()) + max(geometry.spacing_mm) / 2
    return float(2 * radius_mm * _BOUND_SLACK)


def _hull_points(voxels_xyz: NDArray[np.int64], axes: tuple[int, ...]) -> NDArray[np.float64]:
    """Edge points (voxel indices) along the given axes that are corners of the convex hull.

    The edge points of even one voxel span all the axes, so that the hull is never flat; in voxel
    indices its coordinates are exact, and an affine map to millimetres keeps its corners.
    """
    half = np.eye(3)[list(axes)] / 2
    steps = np.concatenate([half, -half])
    points: NDArray[np.float64] = (voxels_xyz[:, None, :] + steps).reshape(-1, 3)
    return points[ConvexHull(points[:, list(axes)]).vertices]


def _farthest_apart(points_mm: NDArray[np.float64]) -> Diameter:
    """Line between the two farthest points; among equals the one at the smallest coordinates."""
    blocks = range(0, len(points_mm), _ROWS_AT_ONCE)
    reach_mm = np.concatenate(
        [cdist(points_mm[i : i + _ROWS_AT_ONCE], points_mm).max(axis=1) for i in blocks]
    )
    ends_mm = points_mm[reach_mm >= reach_mm.max() - _TIE_MM]
    length_mm = cdist(ends_mm, ends_mm)
    pairs = np.argwhere(length_mm >= reach_mm.max() - _TIE_MM)
    return min((_line(ends_mm[i], ends_mm[j]) for i, j in pairs if i < j), key=_place)


def _perpendicular(longest: Diameter, outline_mm: NDArray[np.float64]) -> Diameter:
    """Longest line at right angles to ``longest`` between two points of the outline.

    ``outline_mm`` holds straight segments, shape (n, 2, 3), of one plane. Along the diameter the
    outermost crossings change linearly between the segments' ends, so the longest line passes
    through one of those ends.
    """
    start_mm = np.asarray(longest.start_mm)
    along = (np.asarray(longest.end_mm) - start_mm) / longest.length_mm
    relative_mm = outline_mm - start_mm
    across = _unit_across(along, relative_mm.reshape(-1, 3))
    t_mm = np.round((relative_mm * along).sum(axis=-1), 6)
    s_mm = (relative_mm * across).sum(axis=-1)
    middle_mm = longest.length_mm / 2
    at_mm = np.unique(np.append(t_mm, np.round(middle_mm, 6)))

    low_mm, high_mm = _crossings(t_mm, s_mm, at_mm)
    width_mm = high_mm - low_mm
    ties = np.flatnonzero(width_mm >= width_mm.max() - _TIE_MM)
    off_middle_mm = np.round(np.abs(at_mm[ties] - middle_mm), 5)
    lines = (
        _line(
            start_mm + at_mm[i] * along + low_mm[i] * across,
            start_mm + at_mm[i] * along + high_mm[i] * across,
        )
        for i in ties[off_middle_mm == off_middle_mm.min()]
    )
    return min(lines, key=_place)


def _unit_across(
    along: NDArray[np.float64], relative_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the unit vector at right angles to ``along`` in the plane of the points."""
    sideways_mm = relative_mm - np.outer(relative_mm @ along, along)
    farthest = sideways_mm[np.argmax(np.linalg.norm(sideways_mm, axis=1))]
    return np.asarray(farthest / np.linalg.norm(farthest), dtype=np.float64)


def _crossings(
    t_mm: NDArray[np.float64], s_mm: NDArray[np.float64], at_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest s where segments from (t, s) to (t, s), shape (n, 2), cross each t."""
    first = np.searchsorted(at_mm, t_mm.min(axis=1), side="left")
    count = np.searchsorted(at_mm, t_mm.max(axis=1), side="right") - first
    segment = np.repeat(np.arange(len(t_mm)), count)
    place = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count - first, count)

    (t0, t1), (s0, s1) = t_mm[segment].T, s_mm[segment].T
    is_upright = t0 == t1
    share = (at_mm[place] - t0) / np.where(is_upright, 1.0, t1 - t0)
    crossing = s0 + share * (s1 - s0)
    low_mm, high_mm = np.full(len(at_mm), np.inf), np.full(len(at_mm), -np.inf)
    np.minimum.at(low_mm, place, np.where(is_upright, np.minimum(s0, s1), crossing))
    np.maximum.at(high_mm, place, np.where(is_upright, np.maximum(s0, s1), crossing))
    return low_mm, high_mm


def _line(one_mm: NDArray[np.float64], other_mm: NDArray[np.float64]) -> Diameter:
    """Diameter between two points, beginning at the one with the smaller coordinates."""
    points = (_point(one_mm), _point(other_mm))
    start, end = sorted(points, key=_rounded)
    return Diameter(float(np.linalg.norm(np.subtract(end, start))), start, end)


def _point(point_mm: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in point_mm)
    return x, y, z


def _rounded(point_mm: Point) -> tuple[float, ...]:
    return tuple(round(value, 5) for value in reversed(point_mm))


def _place(diameter: Diameter) -> tuple[float, ...]:
    """Order of equally long lines: by patient coordinates, whatever the order of the voxels."""
    return *_rounded(diameter.start_mm), *_rounded(diameter.end_mm)
