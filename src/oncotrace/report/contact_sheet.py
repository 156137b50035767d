"""Sheets of thumbnails, so that a large cohort can be leafed through."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw

from oncotrace.report.chart import printable
from oncotrace.report.panel import BACKGROUND, QUIET_COLOUR, TEXT_COLOUR
from oncotrace.report.picture_text import Anchor, fitted, write
from oncotrace.report.tile import ImageFormat, encoded

COLUMNS, ROWS = 6, 5
PER_SHEET = COLUMNS * ROWS

THUMBNAIL_PX = 240
_EDGE, _GAP, _HEADER, _CAPTION, _FOOTER = 16, 10, 44, 42, 30  # pixels
_WIDTH = 2 * _EDGE + COLUMNS * THUMBNAIL_PX + (COLUMNS - 1) * _GAP
_TITLE_PX, _TEXT_PX, _SMALL_PX = 16, 14, 13
_CELL_COLOUR = "#22272e"
_RESEARCH = "oncotrace · research use only, not for diagnosis"


@dataclass(frozen=True)
class SheetEntry:
    """One image of one case.

    Parameters
    ----------
    line
        What stands below the case id: sequence and volume, or why there is no picture.
    thumbnail
        A picture file's bytes, square; none where there is no picture.
    """

    case_id: str
    line: str
    thumbnail: bytes | None


def sheet_count(entries: int) -> int:
    """Sheets that so many entries fill."""
    return math.ceil(entries / PER_SHEET)


def contact_sheet(
    entries: Sequence[SheetEntry], *, title: str, form: ImageFormat = "jpeg"
) -> bytes:
    """Return one sheet, 6 thumbnails across and 5 down, each with its case id and a line.

    Raises
    ------
    ValueError
        There are more entries than a sheet holds.
    """
    if len(entries) > PER_SHEET:
        raise ValueError(f"a sheet holds {PER_SHEET} entries, not {len(entries)}.")
    rows = max(1, math.ceil(len(entries) / COLUMNS))
    height = _HEADER + rows * (THUMBNAIL_PX + _CAPTION) + _FOOTER
    sheet = Image.new("RGB", (_WIDTH, height), BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    _write(pen, (_EDGE, _HEADER / 2), title, _TITLE_PX, room=_WIDTH - 2 * _EDGE, is_bold=True)
    for place, entry in enumerate(entries):
        row, column = divmod(place, COLUMNS)
        corner = (
            _EDGE + column * (THUMBNAIL_PX + _GAP),
            _HEADER + row * (THUMBNAIL_PX + _CAPTION),
        )
        sheet.paste(_thumbnail(entry), corner)
        left, below = corner[0] + 2, corner[1] + THUMBNAIL_PX
        _write(pen, (left, below + 11), entry.case_id, _TEXT_PX, is_bold=True)
        _write(pen, (left, below + 28), entry.line, _SMALL_PX, colour=QUIET_COLOUR)
    end = (_WIDTH - _EDGE, height - _FOOTER / 2)
    _write(pen, end, _RESEARCH, _SMALL_PX, room=_WIDTH, colour=QUIET_COLOUR, anchor="rm")
    return encoded(sheet, form)


def _thumbnail(entry: SheetEntry) -> Image.Image:
    side = (THUMBNAIL_PX, THUMBNAIL_PX)
    if entry.thumbnail is not None:
        return Image.open(BytesIO(entry.thumbnail)).convert("RGB").resize(side)
    cell = Image.new("RGB", side, _CELL_COLOUR)
    middle = (THUMBNAIL_PX / 2, THUMBNAIL_PX / 2)
    _write(ImageDraw.Draw(cell), middle, "no picture", _TEXT_PX, colour=QUIET_COLOUR, anchor="mm")
    return cell


def _write(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size_px: int,
    *,
    room: float = THUMBNAIL_PX - 4,
    colour: str = TEXT_COLOUR,
    anchor: Anchor = "lm",
    is_bold: bool = False,
) -> None:
    line = fitted(printable(text, 200), size_px=size_px, most_px=room, is_bold=is_bold)
    write(pen, place, line, size_px=size_px, colour=colour, anchor=anchor, is_bold=is_bold)
