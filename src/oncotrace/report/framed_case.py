"""What of an image is worth showing: which plane, which slices, which part of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.view import acquisition_plane
from oncotrace.report.grey_window import GreyWindow, grey_window
from oncotrace.report.preprocessing_picture import acquired_plane
from oncotrace.report.slices import (
    Frame,
    Plane,
    View,
    frame_around,
    largest_slice,
    nearest_slice,
    spread_slices,
)
from oncotrace.report.tile import Square, square_on

_LEAST_HALF_WIDTH_MM = 60.0
_AROUND = 1.0  # half the side of what is shown, as a share of the mask's longer side


@dataclass(frozen=True, eq=False)
class FramedCase:
    """An image, the mask that says where to look, and the frame around it.

    Parameters
    ----------
    mask
        Not empty; none where all of the image is shown.
    view
        Axial, or of the plane of acquisition where slices are thick and not axial.
    """

    scan: Scan
    mask: Mask | None
    frame: Frame
    view: View

    def square(self, view: View, side_px: int) -> Square:
        """Square that shows the mask and as much around it, or all there is."""
        left, right, bottom, top = view.extent_mm()
        half_mm = max(right - left, bottom - top) / 2
        if self.mask is not None:
            longer_mm = float(self.frame.extent_mm[list(view.screen_axes)].max())
            half_mm = min(half_mm, max(_LEAST_HALF_WIDTH_MM, _AROUND * longer_mm))
        return square_on(view, half_width_mm=half_mm, side_px=side_px)

    def main_slice(self, view: View) -> int:
        """Slice in which the mask is largest; without mask the middle one."""
        if self.mask is not None:
            return largest_slice(view, self.mask)
        count = view.geometry.size_xyz[view.across]
        return nearest_slice(view, np.arange(count), (count - 1) / 2)

    def slices(self, count: int) -> list[int]:
        """At most ``count`` slices: from the mask's first to its last, or over all of the image."""
        if self.mask is not None:
            return spread_slices(self.view, self.mask, count)
        there = self.view.geometry.size_xyz[self.view.across]
        indices = self.view.indices_from_top(np.arange(there))
        shown = min(count, there)
        return [int(indices[int((place + 0.5) * there / shown)]) for place in range(shown)]

    def window(self, indices: Sequence[int], square: Square) -> GreyWindow:
        """Window for what a square of the view shows of some slices, the same for all of them."""
        slices = [self.view.image(self.scan.voxels, index) for index in indices]
        shown = np.concatenate([square.part_of(rows).ravel() for rows in slices])
        if self.mask is None:
            return grey_window(self.scan.modality, shown)
        areas = [self.view.image(self.mask.voxels, index) for index in indices]
        inside = [rows[area] for rows, area in zip(slices, areas, strict=True)]
        return grey_window(self.scan.modality, shown, np.concatenate(inside))


def framed_case(scan: Scan, mask: Mask | None) -> FramedCase:
    """Frame the mask, or all of the image where there is none or an empty one.

    Raises
    ------
    GeometryMismatchError
        The mask is not on the scan's grid.
    """
    if mask is not None:
        mask.geometry.require_match(scan.geometry, this="mask", that="image")
    shown = None if mask is None or mask.is_empty else mask
    frame = frame_around(scan.geometry, [] if shown is None else [shown], np.empty((0, 3)))
    return FramedCase(scan, shown, frame, frame.view(_plane(scan.geometry)))


def _plane(geometry: Geometry) -> Plane:
    """Plane of acquisition if slices are thick, else axial: an image that shows detail in all."""
    is_thick_sliced = acquisition_plane(geometry).is_thick_sliced
    return acquired_plane(geometry) if is_thick_sliced else "axial"
