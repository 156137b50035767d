"""Regions of an RTSTRUCT as masks on an image's grid.

All contours of one plane are filled together, even-odd, by the pixel-centre test of
`oncotrace.imaging.polygon_fill`. They are matched to slices by position, never by the images that
they name: many exports name images that do not exist.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import DicomError, EmptyMaskError
from oncotrace.imaging.polygon_fill import FARTHEST_PIXEL
from oncotrace.io.contour_planes import Outline, counted, voxels_within
from oncotrace.io.rtstruct_file import StoredContour, Structure, read_structures


@dataclass(frozen=True)
class Region:
    """One region of a structure set; ``contours`` counts the closed ones, which alone enclose."""

    number: int
    name: str
    contours: int


@dataclass(frozen=True, eq=False)
class RegionMask:
    """A region as a mask, with notes on whatever did not fit the image exactly."""

    mask: Mask
    name: str
    notes: tuple[str, ...]


def list_regions(path: Path) -> list[Region]:
    """Regions of an RTSTRUCT file, in its order.

    Raises
    ------
    DicomError
        The file is missing, damaged, truncated or not an RTSTRUCT.
    """
    return [Region(s.number, s.name, len(s.closed)) for s in read_structures(path)]


def read_region(
    path: Path,
    geometry: Geometry,
    *,
    name: str | None = None,
    frame_of_reference_uid: str = "",
    sop_instance_uids: Collection[str] = (),
) -> RegionMask:
    """Mask of one region of an RTSTRUCT file on an image's grid.

    A contour belongs to the nearest slice. Where contours of several planes fall on one slice, the
    plane nearest to the slice's centre is taken. A voxel is in the mask when its centre lies inside
    an odd number of contours; see `oncotrace.imaging.polygon_fill` for centres on an edge.

    Parameters
    ----------
    geometry
        Grid of the image; its slices must be parallel to the contours.
    name
        Name of the region; upper and lower case are alike unless that is ambiguous. None where
        only one region has closed contours.
    frame_of_reference_uid
        The image's frame of reference; empty where it is unknown (a volume file).
    sop_instance_uids
        The image's instances; contours that refer to others are counted in a note.

    Raises
    ------
    DicomError
        The file cannot be read, the region cannot be told, or it does not fit this image.
    EmptyMaskError
        The region encloses no voxel centre.
    """
    structure = _chosen(read_structures(path), name, path.name)
    _require_same_frame(structure, frame_of_reference_uid)
    points_mm = _points_mm(structure)
    outlines = _outlines(structure, points_mm, geometry)
    voxels, notes = voxels_within(outlines, geometry, structure.name)
    if not voxels.any():
        raise EmptyMaskError(
            f"region '{structure.name}' encloses no voxel centre of the grid "
            f"({geometry.describe()}): it is too small, or its contours cancel each other.",
            hint="Give the series on which the region was drawn.",
        )
    notes = [
        *_foreign_images(structure, sop_instance_uids),
        *_odd_contours(structure, points_mm),
        *notes,
    ]
    return RegionMask(Mask(voxels, geometry), structure.name, tuple(notes))


def _chosen(structures: list[Structure], name: str | None, file: str) -> Structure:
    """Return the region called ``name``, or the only one with closed contours."""
    structure = _only_drawn(structures, file) if name is None else _named(structures, name, file)
    if not structure.closed:
        raise _nothing_closed(f"region '{structure.name}' of {file} has no closed contours")
    return structure


def _only_drawn(structures: list[Structure], file: str) -> Structure:
    drawn = [structure for structure in structures if structure.closed]
    if not drawn:
        raise _nothing_closed(f"no region of {file} has closed contours")
    if len(drawn) > 1:
        raise DicomError(
            f"{file} has {len(drawn)} regions with contours: {_names(drawn)}.",
            hint="Name the one to be used.",
            code="region-not-named",
        )
    return drawn[0]


def _named(structures: list[Structure], name: str, file: str) -> Structure:
    wanted = name.strip()
    found = [s for s in structures if s.name == wanted] or [
        s for s in structures if s.name.casefold() == wanted.casefold()
    ]
    if not found:
        raise DicomError(
            f"{file} has no region called '{wanted}'.",
            hint=f"Its regions: {_names(structures) or 'none'}.",
            code="region-not-found",
        )
    if len(found) > 1:
        numbers = ", ".join(f"{s.number} ('{s.name}')" for s in found)
        raise DicomError(
            f"{file} has {len(found)} regions called '{wanted}', with the numbers {numbers}.",
            hint="Rename them where they were drawn, or spell the name exactly.",
            code="region-ambiguous",
        )
    return found[0]


def _names(structures: list[Structure]) -> str:
    return ", ".join(f"'{structure.name}'" for structure in structures)


def _nothing_closed(finding: str) -> DicomError:
    return DicomError(
        f"{finding}; points and open lines enclose no voxels.",
        hint="Give the structure set or the region that holds the outlines.",
        code="no-closed-contours",
    )


def _require_same_frame(structure: Structure, frame_of_reference_uid: str) -> None:
    both_known = structure.frame_uid and frame_of_reference_uid
    if both_known and structure.frame_uid != frame_of_reference_uid:
        raise DicomError(
            f"region '{structure.name}' was drawn in another frame of reference than the image's: "
            "positions in the two cannot be compared.",
            hint="Give the series on which the region was drawn.",
            code="wrong-frame-of-reference",
        )


def _points_mm(structure: Structure) -> list[NDArray[np.float64]]:
    """Points (n, 3) of each closed contour."""
    points_mm = []
    for number, contour in enumerate(structure.contours, start=1):
        if contour.is_closed:
            try:
                points_mm.append(contour.points_mm())
            except ValueError as error:
                raise _bad_contour(f"contour {number}", structure.name, str(error)) from error
    return points_mm


def _outlines(
    structure: Structure, points_mm: list[NDArray[np.float64]], geometry: Geometry
) -> list[Outline]:
    """Return the contours with the three points that enclose an area, in voxel indices."""
    with np.errstate(over="ignore", invalid="ignore"):  # absurd coordinates are refused below
        outlines = [
            Outline(geometry.to_index(points), cancels=contour.kind == "CLOSEDPLANAR_XOR")
            for contour, points in zip(structure.closed, points_mm, strict=True)
            if len(points) >= 3
        ]
    if not outlines:
        raise _nothing_closed(f"no contour of region '{structure.name}' has three points")
    if not all((np.abs(o.points_xyz) <= FARTHEST_PIXEL).all() for o in outlines):
        raise _bad_contour("a contour", structure.name, "a point far outside of any image")
    return outlines


def _bad_contour(which: str, name: str, finding: str) -> DicomError:
    return DicomError(
        f"{which} of region '{name}' has {finding}.",
        hint="Export the structure set again.",
        code="bad-contour",
    )


def _foreign_images(structure: Structure, sop_instance_uids: Collection[str]) -> list[str]:
    known = set(sop_instance_uids)
    foreign = sum(
        bool(contour.image_uids) and known.isdisjoint(contour.image_uids)
        for contour in structure.closed
    )
    if not known or not foreign:
        return []
    return [
        f"{foreign} of {counted(len(structure.closed), 'contour')} refer to images that are not in "
        "this series; matched by position."
    ]


def _odd_contours(structure: Structure, points_mm: list[NDArray[np.float64]]) -> list[str]:
    """Return notes on contours left out for what they are, or that look damaged."""
    unused = Counter(c.kind or "without type" for c in structure.contours if not c.is_closed)
    notes = [
        f"{counted(number, 'contour')} left out: not a closed outline ({kind})."
        for kind, number in unused.items()
    ]
    degenerate = sum(len(points) < 3 for points in points_mm)
    if degenerate:
        notes.append(f"{counted(degenerate, 'contour')} left out: fewer than three points.")
    miscounted = sum(
        _states_otherwise(contour, len(points))
        for contour, points in zip(structure.closed, points_mm, strict=True)
    )
    if miscounted:
        notes.append(
            f"{counted(miscounted, 'contour')} with more or fewer points than the file states; "
            "the points that are there were used."
        )
    return notes


def _states_otherwise(contour: StoredContour, number: int) -> bool:
    return contour.stated_points.isdigit() and int(contour.stated_points) != number
