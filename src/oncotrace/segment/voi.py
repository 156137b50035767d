"""From clicks in the patient to voxels of a volume of interest.

The published volume of interest is the clicks' box widened by 10 % of its extent on either side,
by at least 8 voxels (Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8). Voxels
differ from scanner to scanner, so ours is in millimetres: 15 % and at least 10 mm, which leaves a
rim of certain background on every side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.geometry import Geometry
from oncotrace.errors import ClickError
from oncotrace.imaging.crop import Box, box_around

INWARD_MM = 4.0
"""How far inside the tumour's extreme a reader clicks (measured: 3 to 5 mm serve equally)."""

MARGIN_FRACTION = 0.15
MARGIN_MM = 10.0

_LEAST_POINTS = 4
_FLAT_SLICES = 0.5
_HINT = "Click six points just inside the tumour's border, near its ends along the three axes."


@dataclass(frozen=True, eq=False)
class GridClicks:
    """Clicks that have been checked against one image.

    Parameters
    ----------
    seeds_mm
        The reader's points, shape (n, 3), LPS mm, sorted and without doubles; none for a box.
    outline_mm
        Points just inside the tumour's border that span its extent, shape (n, 3), LPS mm: the
        seeds, or what a box implies.
    corrections
        Corrections that still stand, oldest first.
    warnings
        What the reader should know.
    """

    seeds_mm: NDArray[np.float64]
    outline_mm: NDArray[np.float64]
    corrections: tuple[Correction, ...]
    warnings: tuple[str, ...]


def clicks_on_grid(clicks: Clicks, geometry: Geometry) -> GridClicks:
    """Clicks that can be used on the image's grid, in an order of our own.

    At least four different points that span a volume, or that span an area within one slice: then
    the tumour is taken to reach one slice to either side. A box counts when there are no points.

    Raises
    ------
    ClickError
        A point lies outside the image, there are too few points, or they span no volume.
    """
    _require_inside(clicks.points_mm, "point", geometry)
    corrections = corrections_on_grid(clicks, geometry)
    if len(clicks.points_mm) == 0 and clicks.box_mm is not None:
        seeds = clicks.points_mm
        outline = _outline_of_box(clicks.box_mm, geometry)
        warnings: list[str] = []
    else:
        seeds, warnings = _distinct(clicks.points_mm, geometry)
        outline, flat = _spanning(seeds, geometry)
        warnings += flat
    return GridClicks(seeds, outline, corrections, tuple(warnings))


def corrections_on_grid(clicks: Clicks, geometry: Geometry) -> tuple[Correction, ...]:
    """Corrections that stand, oldest first.

    Raises
    ------
    ClickError
        A point of one lies outside the image.
    """
    corrections = clicks.standing_corrections()
    for number, correction in enumerate(corrections, start=1):
        _require_inside(correction.points_mm, f"correction {number}, point", geometry)
    return corrections


def volume_of_interest(clicks: GridClicks, geometry: Geometry) -> Box:
    """Box around the clicks with a margin of 15 % of their extent, at least 10 mm, per side.

    The margin is at least two voxels along every axis; the box is clipped at the image.
    """
    spacing_mm = np.asarray(geometry.spacing_mm)
    index = geometry.to_index(clicks.outline_mm)
    margin_mm = np.maximum(MARGIN_FRACTION * np.ptp(index, axis=0) * spacing_mm, MARGIN_MM)
    return box_around(index, np.maximum(margin_mm / spacing_mm, 2.0), geometry)


def voxels_at(points_mm: NDArray[np.float64], geometry: Geometry) -> NDArray[np.intp]:
    """Return the indices [z, y, x], shape (n, 3), of the voxels that hold the points.

    Points just outside the grid belong to the voxel at its edge.
    """
    nearest = np.rint(geometry.to_index(points_mm)).astype(np.intp)
    return np.clip(nearest, 0, np.asarray(geometry.size_xyz) - 1)[:, ::-1]


def _require_inside(points_mm: NDArray[np.float64], what: str, geometry: Geometry) -> None:
    outside = np.flatnonzero(~geometry.contains(points_mm))
    if outside.size == 0:
        return
    low, high = _extent_mm(geometry)
    hint = "Give the points in LPS millimetres of this image."
    if ((points_mm >= -0.5) & (points_mm <= np.asarray(geometry.size_xyz) - 0.5)).all():
        hint += " These numbers look like voxel indices of this image, not millimetres."
    elif geometry.contains(points_mm * (-1, -1, 1)).all():
        hint += " With x and y negated they would be inside: they look like RAS, not LPS."
    raise ClickError(
        f"{what} {outside[0] + 1} at {_text(points_mm[outside[0]])} mm lies outside the image, "
        f"which reaches from {_text(low)} to {_text(high)} mm (LPS).",
        hint=hint,
        code="click-outside",
    )


def _extent_mm(geometry: Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest LPS coordinates of the volume that the voxels fill."""
    half_mm = np.abs(geometry.axes) @ np.asarray(geometry.spacing_mm) / 2
    corners = geometry.corners_mm()
    return corners.min(axis=0) - half_mm, corners.max(axis=0) + half_mm


def _distinct(
    points_mm: NDArray[np.float64], geometry: Geometry
) -> tuple[NDArray[np.float64], list[str]]:
    """Points sorted, one per voxel, with a warning for those left out."""
    order = np.lexsort(points_mm.T)  # so that it does not matter in which order they were given
    voxels = voxels_at(points_mm[order], geometry)
    _, first, which = np.unique(voxels, axis=0, return_index=True, return_inverse=True)
    pairs = [
        f"points {order[first[group]] + 1} and {order[place] + 1}"
        for place, group in enumerate(which.ravel())
        if first[group] != place
    ]
    kept = points_mm[order[np.sort(first)]]
    if len(kept) < _LEAST_POINTS:
        same = f" ({', '.join(pairs)} lie in the same voxel)" if pairs else ""
        raise ClickError(
            f"there are {len(kept)} different points{same}; at least {_LEAST_POINTS} are needed.",
            hint=_HINT,
            code="too-few-clicks",
        )
    return kept, [f"{pair} lie in the same voxel and count once." for pair in pairs]


def _spanning(
    seeds_mm: NDArray[np.float64], geometry: Geometry
) -> tuple[NDArray[np.float64], list[str]]:
    """Seeds, with what is needed to span a volume when they lie in one slice."""
    index = geometry.to_index(seeds_mm)
    mm = (index - index.mean(axis=0)) * geometry.spacing_mm
    _, _, directions = np.linalg.svd(mm, full_matrices=True)
    extents_mm = np.ptp(mm @ directions.T, axis=0)
    least_mm = _FLAT_SLICES * min(geometry.spacing_mm)
    if extents_mm[1] < least_mm:
        raise ClickError(
            f"the {len(seeds_mm)} points lie on one line (their extent across it is "
            f"{extents_mm[1]:.1f} mm) and describe no tumour.",
            hint=_HINT,
            code="clicks-on-a-line",
        )
    if np.ptp(index[:, 2]) < _FLAT_SLICES:
        slices = index.mean(axis=0) + np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
        slice_number = round(float(index[:, 2].mean()))
        warning = (
            f"all points lie in slice {slice_number} (counted from 0): the tumour is taken to "
            "reach one slice to either side; click its upper and lower end too."
        )
        return np.concatenate([seeds_mm, geometry.to_point_mm(slices)]), [warning]
    if extents_mm[2] < least_mm:
        raise _one_plane(directions[2], extents_mm[2])
    return seeds_mm, []


def _one_plane(normal_xyz: NDArray[np.float64], extent_mm: float) -> ClickError:
    largest = int(np.argmax(np.abs(normal_xyz)))
    along = f"the grid's {'xyz'[largest]} axis"
    if abs(normal_xyz[largest]) < 0.999:
        along = f"the direction {_text(normal_xyz, 2)} of the grid"
    return ClickError(
        f"all points lie in one plane: along {along} their extent is {extent_mm:.1f} mm.",
        hint=f"Add two points at the tumour's ends along {along}.",
        code="clicks-in-a-plane",
    )


def _outline_of_box(box_mm: NDArray[np.float64], geometry: Geometry) -> NDArray[np.float64]:
    """Centres of the box's faces, moved inward as far as a reader would have clicked.

    The box is the one along the grid's axes with the given opposite corners, as far as it lies in
    the image.
    """
    size = np.asarray(geometry.size_xyz)
    corners = np.sort(geometry.to_index(box_mm), axis=0)
    low, high = np.maximum(corners[0], -0.5), np.minimum(corners[1], size - 0.5)
    thin = np.flatnonzero(high - low < 1.0)
    if thin.size:
        raise ClickError(
            f"the box is thinner than a voxel, or outside the image, along the grid's "
            f"{'xyz'[thin[0]]} axis.",
            hint="Draw the box around the whole tumour, over several slices.",
            code="empty-box",
        )
    inward = np.minimum(INWARD_MM / np.asarray(geometry.spacing_mm), (high - low) / 4)
    centre, reach = (low + high) / 2, (high - low) / 2 - inward
    return geometry.to_point_mm(centre + np.concatenate([np.diag(reach), -np.diag(reach)]))


def _text(numbers: NDArray[np.float64], digits: int = 1) -> str:
    return f"({', '.join(f'{n:.{digits}f}' for n in numbers)})"
