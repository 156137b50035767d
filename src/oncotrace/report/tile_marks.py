"""What is written on a slice: where it lies, which way round it is shown, how large it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from oncotrace.report.grey_window import GreyWindow
from oncotrace.report.panel import TEXT_COLOUR
from oncotrace.report.picture_text import Anchor, write
from oncotrace.report.slices import View
from oncotrace.report.tile import Square, draw_lines

_TEXT_PX, _LETTER_PX, _INSET_PX = 13, 14, 6
_LEVEL_PX = 0.5
_SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
_LONGEST_BAR = 0.3  # of the tile's side
_AXIS_NAMES = {"sagittal": "x", "coronal": "y", "axial": "z"}


@dataclass(frozen=True)
class Ink:
    """Colour of letters and lines on an image, and of the rim around them."""

    colour: str
    rim: str


def ink_on(window: GreyWindow) -> Ink:
    """Return what is legible on an image in a window: dark on what is mostly white."""
    return Ink("black", "white") if window.is_inverted else Ink(TEXT_COLOUR, "black")


def mark_position(picture: Image.Image, square: Square, ink: Ink, index: int) -> None:
    """Write the slice's position into the upper left corner of its tile."""
    _write_corner(picture, position_text(square.view, index), ink)


def mark_plane(picture: Image.Image, square: Square, ink: Ink) -> None:
    """Write the name of the plane into the upper left corner."""
    _write_corner(picture, square.view.name, ink)


def mark_orientation(picture: Image.Image, square: Square, ink: Ink) -> None:
    """Write where the left, right and lower edge lie in the patient; above stands the position."""
    left, right, _, bottom = square.view.letters()
    side, middle = square.side_px, square.side_px / 2
    places: tuple[tuple[str, tuple[float, float], Anchor], ...] = (
        (left, (_INSET_PX, middle), "lm"),
        (right, (side - _INSET_PX, middle), "rm"),
        (bottom, (middle, side - _INSET_PX), "mb"),
    )
    pen = ImageDraw.Draw(picture)
    for letters, place, anchor in places:
        write(
            pen, place, letters,
            size_px=_LETTER_PX, colour=ink.colour, anchor=anchor, is_bold=True, rim=ink.rim,
        )  # fmt: skip


def mark_scale(picture: Image.Image, square: Square, ink: Ink) -> None:
    """Draw a bar of a round number of millimetres into the lower left corner."""
    most_mm = _LONGEST_BAR * 2 * square.half_width_mm
    bar_mm = max((bar for bar in _SCALE_BARS_MM if bar <= most_mm), default=_SCALE_BARS_MM[0])
    pen = ImageDraw.Draw(picture)
    left, bottom = _INSET_PX + 2, square.side_px - _INSET_PX
    right = left + round(bar_mm * square.px_per_mm)
    pen.rectangle((left - 1, bottom - 4, right, bottom), fill=ink.rim)
    pen.rectangle((left, bottom - 3, right - 1, bottom - 1), fill=ink.colour)
    write(
        pen, (left, bottom - 7), f"{bar_mm} mm",
        size_px=_TEXT_PX, colour=ink.colour, anchor="lb", rim=ink.rim,
    )  # fmt: skip


def mark_levels(
    picture: Image.Image, square: Square, ink: Ink, across: int, indices: Sequence[int]
) -> None:
    """Draw where slices of another plane, across grid axis ``across``, cross the tile's."""
    view = square.view
    (along,) = {*view.screen_axes} - {across}
    ends = np.tile(view.geometry.to_index(view.centre_mm), (len(indices), 2, 1))
    ends[:, :, across] = np.asarray(indices, dtype=np.float64)[:, None]
    ends[:, :, along] = (-0.5, view.geometry.size_xyz[along] - 0.5)
    lines_mm = view.to_screen_mm(view.geometry.to_point_mm(ends))
    draw_lines(picture, square.to_px(lines_mm), ink.colour, width_px=_LEVEL_PX)


def position_text(view: View, index: int) -> str:
    """Patient coordinate at which a slice passes the middle of what is shown."""
    position_mm = round(view.position_mm(index), 1) + 0.0  # never -0.0
    return f"{_AXIS_NAMES[view.plane]} {position_mm:.1f} mm".replace("-", "−")


def _write_corner(picture: Image.Image, text: str, ink: Ink) -> None:
    place = (_INSET_PX, _INSET_PX)
    pen = ImageDraw.Draw(picture)
    write(pen, place, text, size_px=_TEXT_PX, colour=ink.colour, rim=ink.rim)
