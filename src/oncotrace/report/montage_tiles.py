"""The slices of a case on one page, and a survey that says where they lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from oncotrace.domain.mask import Mask
from oncotrace.report.framed_case import FramedCase
from oncotrace.report.grey_window import GreyWindow
from oncotrace.report.slices import Plane
from oncotrace.report.tile import tile
from oncotrace.report.tile_marks import (
    ink_on,
    mark_levels,
    mark_orientation,
    mark_plane,
    mark_position,
    mark_scale,
)

WIDTH, EDGE, GAP = 1400, 16, 8  # pixels
_MOST_HEIGHT = 820
_WIDEST = 5 / 3  # of a page: columns for every row
_SLICES = 14  # with the survey three full rows of five
_LINE_PX = 1.4
_SURVEY_PLANE: dict[Plane, Plane] = {
    "axial": "coronal",
    "coronal": "sagittal",
    "sagittal": "coronal",
}


@dataclass(frozen=True, eq=False)
class Tiles:
    """What stands where.

    Parameters
    ----------
    indices
        Slices in the order of reading.
    outlines
        Masks and their colours, the uppermost last.
    columns, rows, side_px
        Tiles across and down, and their pixels; one tile more than slices if there is a survey.
    """

    case: FramedCase
    window: GreyWindow
    indices: Sequence[int]
    outlines: Sequence[tuple[Mask, str]]
    columns: int
    rows: int
    side_px: int

    @property
    def height(self) -> int:
        """Pixels from the upper edge of the first row to the lower one of the last."""
        return self.rows * self.side_px + (self.rows - 1) * GAP

    def draw(self, page: Image.Image, *, top: int) -> None:
        """Put all tiles onto the page, which is `WIDTH` pixels wide."""
        square = self.case.square(self.case.view, self.side_px)
        ink = ink_on(self.window)
        for place, index in enumerate(self.indices):
            picture = tile(
                self.case.scan, index, square, self.window, self.outlines, line_px=_LINE_PX
            )
            mark_position(picture, square, ink, index)
            mark_orientation(picture, square, ink)
            if place == 0:
                mark_scale(picture, square, ink)
            page.paste(picture, self._corner(place, top))
        if len(self.indices) > 1:
            page.paste(self._survey(), self._corner(len(self.indices), top))

    def _corner(self, place: int, top: int) -> tuple[int, int]:
        row, column = divmod(place, self.columns)
        step = self.side_px + GAP
        left = (WIDTH - self.columns * step + GAP) // 2
        return left + column * step, top + row * step

    def _survey(self) -> Image.Image:
        """Return a slice of another plane, with lines where the page's slices cross it."""
        case = self.case
        view = case.frame.view(_SURVEY_PLANE[case.view.plane])
        square = case.square(view, self.side_px)
        index = case.main_slice(view)
        picture = tile(case.scan, index, square, self.window, self.outlines, line_px=_LINE_PX)
        ink = ink_on(self.window)
        mark_levels(picture, square, ink, case.view.across, self.indices)
        mark_plane(picture, square, ink)
        mark_orientation(picture, square, ink)
        mark_scale(picture, square, ink)
        return picture


def tiles(case: FramedCase, outlines: Sequence[tuple[Mask, str]]) -> Tiles:
    """Choose slices and lay them out as large as the page allows."""
    indices = case.slices(_SLICES)
    count = len(indices) + (len(indices) > 1)
    columns = max(1, round(math.sqrt(count * _WIDEST)))
    rows = math.ceil(count / columns)
    side_px = min(
        (WIDTH - 2 * EDGE - (columns - 1) * GAP) // columns,
        (_MOST_HEIGHT - (rows - 1) * GAP) // rows,
    )
    window = case.window(indices, case.square(case.view, side_px))
    return Tiles(case, window, indices, outlines, columns, rows, side_px)
