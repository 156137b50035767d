"""The shape between outlined slices, from the outlines alone.

Every outlined slice becomes a map of signed depth: the distance in mm from the border in the
slice's plane, positive inside [1]_. Between two outlined slices the maps are interpolated pixel by
pixel, each first moved so that its centroid lies where the part's centroid passes through the slice
that is filled: what runs obliquely stays whole and as thick as it is. The new outline is where the
depth is 0.

Interpolation is along a curve, not a chord. A tumour is round, and straight lines between its
outlines lie inside it: with every eighth slice outlined they lose an eighth of the volume between.
The curve is a cubic with the values of both slices and, at each, the slopes of the two intervals
that meet there, mixed: each counts by the root of the other's length. (Where slices are irregular,
mixing by the other's whole length, a parabola through three slices, swings out; mixing by the own
length, a chord across both intervals, hangs through.) At the first and last slice, where there is
no second interval, it is a parabola.

Pieces of a slice are matched with those of the next (``contour_parts``). Pieces that merge are
interpolated together with the one that they become; a piece without a counterpart shrinks and ends
half-way. Holes are kept and interpolated like the rest.

**Where the tumour ends.** Nothing is filled before the first outlined slice or after the last: they
are the first and last slices of the tumour. "Fill between slices" of 3D Slicer and ITK's
morphological contour interpolation [2]_ do the same. An empty slice between two outlined ones is
one to be filled, never one without tumour.

References
----------
.. [1] Raya and Udupa, Shape-based interpolation of multidimensional objects, IEEE Trans Med Imaging
   1990;9:32-42, doi:10.1109/42.52980: chords, and no moving.
.. [2] Albu, Beugeling and Laurendeau, IEEE Trans Biomed Eng 2008;55:2022-2038,
   doi:10.1109/TBME.2008.921158.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, shift

from oncotrace.imaging.contour_parts import Pieces, linked_pieces, parts_of, pieces_of
from oncotrace.imaging.partial_mask import OutlinedSlices

ROUNDING_MM = 1e-6
"""A depth up to this is the border itself, and outside."""

_Area = NDArray[np.bool_]
_Depth = NDArray[np.float64]


def interpolated(
    voxels: NDArray[np.bool_],
    outlined: OutlinedSlices,
    spacing_zyx_mm: tuple[float, float, float],
) -> NDArray[np.bool_]:
    """Mask [z, y, x] with the slices between the outlined ones filled; these are unchanged."""
    return interpolated_depth_mm(voxels, outlined, spacing_zyx_mm) > ROUNDING_MM


def interpolated_depth_mm(
    voxels: NDArray[np.bool_],
    outlined: OutlinedSlices,
    spacing_zyx_mm: tuple[float, float, float],
) -> _Depth:
    """Signed depth in mm in the plane of the slices [z, y, x]: positive inside, negative outside.

    Minus infinity before the first outlined slice and after the last. Of two parts the depth of
    the deeper counts.
    """
    stack = np.moveaxis(voxels, outlined.axis, 0)
    pixel_mm = in_plane_spacing_mm(spacing_zyx_mm, outlined.axis)
    depth_mm = np.full(stack.shape, -np.inf)
    for number in outlined.numbers:
        depth_mm[number] = signed_depth_mm(stack[number], pixel_mm)
    slices = _linked(stack, outlined.numbers, pixel_mm, spacing_zyx_mm[outlined.axis])
    for gap, (first, last) in enumerate(pairwise(outlined.numbers)):
        if last == first + 1:
            continue
        for part in slices.parts(gap):
            for number in range(first + 1, last):
                np.maximum(depth_mm[number], part.depth_mm(number), out=depth_mm[number])
    return np.moveaxis(depth_mm, 0, outlined.axis)


def in_plane_spacing_mm(
    spacing_zyx_mm: tuple[float, float, float], axis: int
) -> tuple[float, float]:
    """Size of a pixel [row, column] of the slices across an array axis."""
    row_mm, column_mm = (mm for other, mm in enumerate(spacing_zyx_mm) if other != axis)
    return row_mm, column_mm


def signed_depth_mm(area: _Area, pixel_mm: tuple[float, float]) -> _Depth:
    """Distance in mm to the nearest pixel of the other side, positive inside [row, column].

    Beyond the slice lies background.
    """
    padded = np.pad(area, 1)
    inside = distance_transform_edt(padded, pixel_mm)
    outside = distance_transform_edt(~padded, pixel_mm)
    return np.asarray((inside - outside)[1:-1, 1:-1], dtype=np.float64)


def curve_weights(positions: tuple[int | None, int, int, int | None], at: float) -> list[float]:
    """Return what each of four slices counts at a position between the second and the third.

    Parameters
    ----------
    positions
        Of the slices, ascending; none for the first or fourth if there is no such slice, which
        then counts nothing.
    """
    before, first, last, after = positions
    values = np.eye(4)
    chord = (values[2] - values[1]) / (last - first)
    slope_first = slope_last = None
    if before is not None:
        earlier = (values[1] - values[0]) / (first - before)
        slope_first = _mixed(chord, earlier, last - first, first - before)
    if after is not None:
        later = (values[3] - values[2]) / (after - last)
        slope_last = _mixed(chord, later, last - first, after - last)
    if slope_first is None:
        slope_first = chord if slope_last is None else 2 * chord - slope_last
    if slope_last is None:
        slope_last = 2 * chord - slope_first
    length, t = last - first, (at - first) / (last - first)
    weights = (
        (1 + 2 * t) * (1 - t) ** 2 * values[1]
        + t * (1 - t) ** 2 * length * slope_first
        + (3 - 2 * t) * t**2 * values[2]
        - (1 - t) * t**2 * length * slope_last
    )
    return [float(weight) for weight in weights]


def _mixed(
    own: NDArray[np.float64], other: NDArray[np.float64], own_length: int, other_length: int
) -> NDArray[np.float64]:
    """Slope where two intervals meet; that of the shorter one counts more."""
    own_root, other_root = np.sqrt(own_length), np.sqrt(other_length)
    mixed: NDArray[np.float64] = (other_root * own + own_root * other) / (own_root + other_root)
    return mixed


@dataclass(frozen=True, eq=False)
class _Moving:
    """A part between two slices: it goes through both, and up to one slice beyond either."""

    positions: tuple[int | None, int, int, int | None]
    depths_mm: tuple[_Depth | None, ...]
    centroids: tuple[NDArray[np.float64] | None, ...]

    def depth_mm(self, number: int) -> _Depth:
        """Signed depth in a slice that is filled."""
        weights = curve_weights(self.positions, number)
        here = [
            (weight, depth, centroid)
            for weight, depth, centroid in zip(weights, self.depths_mm, self.centroids, strict=True)
            if depth is not None and centroid is not None
        ]
        passing = np.sum([weight * centroid for weight, _, centroid in here], axis=0)
        moved = [weight * _moved(depth, passing - centroid) for weight, depth, centroid in here]
        depth_mm: _Depth = np.sum(moved, axis=0)
        return depth_mm


@dataclass(frozen=True, eq=False)
class _Ending:
    """A part without a counterpart: it shrinks and ends half-way to the other slice."""

    start: int
    end: int
    start_depth_mm: _Depth

    def depth_mm(self, number: int) -> _Depth:
        """Signed depth in a slice that is filled."""
        gone = (number - self.start) / (self.end - self.start)
        deepest_mm = float(self.start_depth_mm.max())
        return (1 - gone) * self.start_depth_mm - gone * deepest_mm


@dataclass(frozen=True, eq=False)
class _Slices:
    """Outlined slices, their pieces, and which pieces of each belong to which of the next."""

    numbers: tuple[int, ...]
    pixel_mm: tuple[float, float]
    pieces: list[Pieces]
    links: list[NDArray[np.bool_]]

    def parts(self, gap: int) -> Iterator[_Moving | _Ending]:
        """Parts between an outlined slice and the next, both given by their place in the list."""
        first, last = self.numbers[gap], self.numbers[gap + 1]
        for below, above in parts_of(self.links[gap]):
            here, there = self.pieces[gap].area(below), self.pieces[gap + 1].area(above)
            if not below.any():
                yield _Ending(last, first, signed_depth_mm(there, self.pixel_mm))
            elif not above.any():
                yield _Ending(first, last, signed_depth_mm(here, self.pixel_mm))
            else:
                around = (self._before(gap, below), here, there, self._after(gap, above))
                yield self._moving(gap, around)

    def _before(self, gap: int, chosen: NDArray[np.bool_]) -> _Area | None:
        """Area in the slice before a gap's first that becomes the chosen pieces, if any does."""
        if gap == 0:
            return None
        same = np.asarray(self.links[gap - 1][:, chosen].any(axis=1))
        return self.pieces[gap - 1].area(same) if same.any() else None

    def _after(self, gap: int, chosen: NDArray[np.bool_]) -> _Area | None:
        """Area in the slice after a gap's last that the chosen pieces become, if any."""
        if gap == len(self.links) - 1:
            return None
        same = np.asarray(self.links[gap + 1][chosen].any(axis=0))
        return self.pieces[gap + 2].area(same) if same.any() else None

    def _moving(self, gap: int, areas: tuple[_Area | None, ...]) -> _Moving:
        """Part with its areas in the slices before a gap, at both its ends, and after it."""
        before, _, _, after = areas
        return _Moving(
            (
                None if before is None else self.numbers[gap - 1],
                self.numbers[gap],
                self.numbers[gap + 1],
                None if after is None else self.numbers[gap + 2],
            ),
            tuple(None if a is None else signed_depth_mm(a, self.pixel_mm) for a in areas),
            tuple(None if a is None else np.argwhere(a).mean(axis=0) for a in areas),
        )


def _linked(
    stack: NDArray[np.bool_],
    numbers: tuple[int, ...],
    pixel_mm: tuple[float, float],
    across_mm: float,
) -> _Slices:
    pieces = [pieces_of(stack[number]) for number in numbers]
    links = [
        linked_pieces(pieces[gap], pieces[gap + 1], pixel_mm, (last - first) * across_mm)
        for gap, (first, last) in enumerate(pairwise(numbers))
    ]
    return _Slices(numbers, pixel_mm, pieces, links)


def _moved(depth_mm: _Depth, by: NDArray[np.float64]) -> _Depth:
    """Map moved by pixels [row, column]; linear between them, and as at its edge beyond it."""
    if not by.any():
        return depth_mm
    return np.asarray(shift(depth_mm, by, order=1, mode="nearest"))
