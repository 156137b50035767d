"""Closed contours, matched to an image's slices by position and filled there.

Contours that lie in one plane are one plane of the region, whatever image they name. A plane
belongs to the slice nearest to it, and where several planes fall on one slice (contours denser than
the image's slices), the nearest to the slice's centre is taken: filled even-odd together, two
planes would cancel each other. Nothing is interpolated between slices.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError
from oncotrace.imaging.polygon_fill import fill_even_odd

_TIE_OF_SLICE = 0.01  # wider than any export's rounding, so that a tie falls one way on all slices
_TILT_OF_SLICE = 0.1
_PLANE_MM = 0.15  # exports round to 0.1 mm at the coarsest; contours are not drawn this densely
_PLANE_OF_SLICE = 0.25
_NOTED_OFFSET_OF_SLICE = 0.05
_NOTED_OVERHANG_PIXELS = 0.01


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed contour of shape (n, 3) in fractional voxel indices.

    ``cancels`` when, as the standard says of CLOSEDPLANAR_XOR, a second one like it undoes it.
    """

    points_xyz: NDArray[np.float64]
    cancels: bool = False


@dataclass(frozen=True, eq=False)
class _Plane:
    """Outlines that lie in one plane, ``z`` slices above the first slice."""

    outlines: list[Outline]
    z: float

    @property
    def slice_number(self) -> int:
        """The nearest slice; of two as near (to 1 % of a slice), the higher one."""
        return int(np.floor(self.z + 0.5 + _TIE_OF_SLICE))

    @property
    def offset(self) -> float:
        """Distance to the nearest slice, in slices."""
        return abs(self.z - self.slice_number)


def voxels_within(
    outlines: list[Outline], geometry: Geometry, name: str
) -> tuple[NDArray[np.bool_], list[str]]:
    """Voxels [z, y, x] whose centre the outlines enclose, and notes on what did not fit.

    Parameters
    ----------
    outlines
        At least one.
    name
        What messages call the region.

    Raises
    ------
    DicomError
        An outline is not parallel to the slices, or all lie outside of the image.
    """
    _require_parallel(outlines, geometry, name)
    planes = _planes(outlines, geometry.spacing_mm[2])
    seen = [_seen(plane, geometry) for plane in planes]
    kept = [plane for plane in seen if plane is not None]
    if not kept:
        raise _outside(outlines, geometry, name)
    voxels = np.zeros(geometry.shape_zyx, dtype=np.bool_)
    used, notes = _one_plane_per_slice(kept)
    for plane in used:
        polygons = [outline.points_xyz[:, :2] for outline in plane.outlines]
        voxels[plane.slice_number] = fill_even_odd(polygons, voxels.shape[1:])
    left_out = len(outlines) - sum(len(plane.outlines) for plane in kept)
    if left_out:
        lie = f"{left_out} of {counted(len(outlines), 'contour')}"
        notes.append(f"{lie} left out: outside of the image.")
    return voxels, [*notes, *_overhang_notes(used, geometry), *_slice_notes(used, geometry)]


def counted(number: int, noun: str) -> str:
    """Return number and noun, in the plural where due."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _require_parallel(outlines: list[Outline], geometry: Geometry, name: str) -> None:
    spacing_mm = geometry.spacing_mm[2]
    extents_mm = np.array([np.ptp(o.points_xyz[:, 2]) for o in outlines]) * spacing_mm
    tilted = int((extents_mm > max(_TILT_OF_SLICE * spacing_mm, _plane_mm(spacing_mm))).sum())
    if tilted:
        worst = int(extents_mm.argmax())
        degrees = _tilt_degrees(outlines[worst].points_xyz * geometry.spacing_mm)
        raise DicomError(
            f"{tilted} of {counted(len(outlines), 'contour')} of region '{name}' do not lie in the "
            f"image's slices: the worst reaches over {extents_mm[worst]:.1f} mm across slices "
            f"{spacing_mm:.4g} mm apart, its plane is turned by {degrees:.1f} degrees.",
            hint="Give the series on which the region was drawn.",
            code="contour-not-in-plane",
        )


def _tilt_degrees(points_mm: NDArray[np.float64]) -> float:
    """Angle between the plane of a polygon and the x-y plane."""
    centred = points_mm - points_mm.mean(axis=0)
    x, y, z = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    return float(np.degrees(np.arctan2(np.hypot(x, y), abs(z))))


def _plane_mm(spacing_mm: float) -> float:
    return min(_PLANE_MM, _PLANE_OF_SLICE * spacing_mm)


def _planes(outlines: list[Outline], spacing_mm: float) -> list[_Plane]:
    """Outlines by plane, from low to high z: those whose extents in z meet are of one plane."""
    groups: list[list[Outline]] = []
    top = -np.inf
    for outline in sorted(outlines, key=lambda o: float(o.points_xyz[:, 2].min())):
        z = outline.points_xyz[:, 2]
        if (z.min() - top) * spacing_mm > _plane_mm(spacing_mm):
            groups.append([])
        groups[-1].append(outline)
        top = max(top, z.max())
    return [_Plane(group, _middle_z(group)) for group in groups]


def _middle_z(outlines: list[Outline]) -> float:
    z = np.concatenate([outline.points_xyz[:, 2] for outline in outlines])
    return float(z.min() + z.max()) / 2


def _seen(plane: _Plane, geometry: Geometry) -> _Plane | None:
    """Return the plane without outlines that are beside the image, none when nothing is left."""
    if not 0 <= plane.slice_number < geometry.size_xyz[2]:
        return None
    size_xy = np.array(geometry.size_xyz[:2])
    outlines = [
        outline
        for outline in plane.outlines
        if (outline.points_xyz[:, :2].max(axis=0) >= -0.5).all()
        and (outline.points_xyz[:, :2].min(axis=0) <= size_xy - 0.5).all()
    ]
    return _Plane(outlines, plane.z) if outlines else None


def _outside(outlines: list[Outline], geometry: Geometry, name: str) -> DicomError:
    low = np.array([outline.points_xyz.min(axis=0) for outline in outlines])
    high = np.array([outline.points_xyz.max(axis=0) for outline in outlines])
    edge = np.array(geometry.size_xyz) - 0.5
    gap_mm = np.maximum(np.maximum(low - edge, -0.5 - high), 0) * geometry.spacing_mm
    return DicomError(
        f"region '{name}' lies outside of the image: the nearest of its "
        f"{counted(len(outlines), 'contour')} is {np.linalg.norm(gap_mm, axis=1).min():.1f} mm "
        "away.",
        hint="Check that the image and the structure set belong together.",
        code="region-outside-image",
    )


def _one_plane_per_slice(planes: list[_Plane]) -> tuple[list[_Plane], list[str]]:
    """For each slice the nearest plane, without repeated outlines; notes on what that leaves out.

    Of two planes as near, the lower one is taken.
    """
    by_slice: defaultdict[int, list[_Plane]] = defaultdict(list)
    for plane in planes:
        by_slice[plane.slice_number].append(plane)
    # Rounded, so that an export's last digit does not decide between two as near.
    nearest = [
        min(rivals, key=lambda plane: round(plane.offset / _TIE_OF_SLICE))
        for rivals in by_slice.values()
    ]
    used = [_Plane(_without_repeats(plane.outlines), plane.z) for plane in nearest]
    n_all, n_nearest, n_used = (
        sum(len(plane.outlines) for plane in group) for group in (planes, nearest, used)
    )
    notes = []
    if n_nearest < n_all:
        notes.append(
            f"{counted(n_all - n_nearest, 'contour')} left out: contours of another plane lie "
            "nearer to the centre of the same slice."
        )
    if n_used < n_nearest:
        notes.append(
            f"{counted(n_nearest - n_used, 'contour')} left out: exact repetitions of others."
        )
    return used, notes


def _without_repeats(outlines: list[Outline]) -> list[Outline]:
    """Outlines without exact repetitions: a contour exported twice would cancel itself."""
    once = {
        index if outline.cancels else outline.points_xyz.tobytes(): outline
        for index, outline in enumerate(outlines)
    }
    return list(once.values())


def _overhang_notes(planes: list[_Plane], geometry: Geometry) -> list[str]:
    edge_xy = np.array(geometry.size_xyz[:2]) - 0.5
    overhang = np.array(
        [
            np.maximum(points.max(axis=0) - edge_xy, -0.5 - points.min(axis=0))
            for plane in planes
            for points in (outline.points_xyz[:, :2] for outline in plane.outlines)
        ]
    )
    cut = int((overhang > _NOTED_OVERHANG_PIXELS).any(axis=1).sum())
    if not cut:
        return []
    reach_mm = (overhang * geometry.spacing_mm[:2]).max()
    return [
        f"{counted(cut, 'contour')} cut off at the edge of the image, beyond which they reach by "
        f"up to {reach_mm:.1f} mm."
    ]


def _slice_notes(planes: list[_Plane], geometry: Geometry) -> list[str]:
    spacing_mm = geometry.spacing_mm[2]
    notes = []
    off = [plane for plane in planes if plane.offset > _NOTED_OFFSET_OF_SLICE]
    if off:
        contours = sum(len(plane.outlines) for plane in off)
        farthest_mm = max(plane.offset for plane in off) * spacing_mm
        notes.append(
            f"{counted(contours, 'contour')} off the centre of the nearest slice, by up to "
            f"{farthest_mm:.2f} mm (slices are {spacing_mm:.4g} mm apart)."
        )
    numbers = [plane.slice_number for plane in planes]
    gaps = max(numbers) - min(numbers) + 1 - len(numbers)
    if gaps:
        have = "has" if gaps == 1 else "have"
        notes.append(f"{counted(gaps, 'slice')} between contoured slices {have} no contour.")
    return notes
