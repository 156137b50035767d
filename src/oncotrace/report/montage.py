"""Pictures of a case for leafing through a cohort: a thumbnail, and a page of slices."""

from collections.abc import Mapping, Sequence
from itertools import cycle

from PIL import Image, ImageDraw

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.report.chart import printable
from oncotrace.report.framed_case import framed_case
from oncotrace.report.montage_tiles import EDGE, GAP, WIDTH, Tiles, tiles
from oncotrace.report.panel import (
    BACKGROUND,
    MASK_COLOUR,
    OTHER_COLOURS,
    QUIET_COLOUR,
    TEXT_COLOUR,
)
from oncotrace.report.picture_text import fitted, width_px, write
from oncotrace.report.tile import ImageFormat, encoded, tile

_THUMBNAIL_LINE_PX = 1.4
_HEADER, _LEGEND_ROW, _FOOTER = 72, 24, 32  # pixels, as all sizes of the page
_TITLE_PX, _TEXT_PX, _FOOTER_PX = 21, 14, 13
_LONGEST_NAME = 60  # characters
_SWATCH, _BETWEEN = 22, 28
_RESEARCH = "oncotrace · research use only, not for diagnosis"

_Entry = tuple[str, str]  # what the legend says, and the colour of the line before it


def thumbnail(scan: Scan, mask: Mask | None, *, side_px: int = 240) -> bytes:
    """Return a square JPEG of the slice in which the mask is largest, with the mask's outline.

    The slice is axial, or of the plane of acquisition where slices are thick and not axial; it is
    shown as radiologists see it (patient's right on the left, head or front up), with as many mm
    across as down. It shows the mask and about as much around it; without mask, or with an empty
    one, all of the middle slice. The same input gives the same bytes.

    Raises
    ------
    GeometryMismatchError
        The mask is not on the scan's grid.
    """
    case = framed_case(scan, mask)
    index = case.main_slice(case.view)
    square = case.square(case.view, side_px)
    window = case.window([index], square)
    outlines = [] if case.mask is None else [(case.mask, MASK_COLOUR)]
    picture = tile(scan, index, square, window, outlines, line_px=_THUMBNAIL_LINE_PX)
    return encoded(picture, "jpeg")


def montage(
    scan: Scan,
    mask: Mask | None,
    others: Mapping[str, Mask],
    *,
    title: str,
    structure: str = "mask",
    volumes_ml: Mapping[str, float] | None = None,
    form: ImageFormat = "jpeg",
    footer: str = _RESEARCH,
) -> bytes:
    """Return a page, 1400 pixels wide: up to 14 slices, evenly from the mask's first to its last.

    The slices are of `thumbnail`'s plane, in the order of the patient: from the head, the front or
    the right. Without mask, or with an empty one, they are spread over the whole image. Each
    carries its position in mm and orientation letters; all are at the scale of the bar in the
    first, and in the same window. Where there are several, a last tile across them shows where
    they lie. The same input gives the same bytes, and so does the same image with flipped axes.

    Parameters
    ----------
    others
        Further structures by name, outlined in colours of their own.
    title
        First line; the case id and the sequence, never a patient's name.
    structure
        Name of what the mask outlines.
    volumes_ml
        Volumes by name of structure, as far as known; the legend gives them.

    Raises
    ------
    GeometryMismatchError
        A mask is not on the scan's grid.
    """
    for name, other in others.items():
        other.geometry.require_match(scan.geometry, this=name, that="image")
    case = framed_case(scan, mask)
    outlines = list(zip(others.values(), cycle(OTHER_COLOURS), strict=False))
    if case.mask is not None:
        outlines.append((case.mask, MASK_COLOUR))
    page = tiles(case, outlines)
    names = [*others, structure] if case.mask is not None else [*others]
    entries = [
        (_entry(name, volumes_ml or {}), colour)
        for name, (_, colour) in zip(names, outlines, strict=True)
    ]
    rows = _rows([*entries[len(others) :], *entries[: len(others)]])
    height = _HEADER + page.height + len(rows) * _LEGEND_ROW + _FOOTER + GAP
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    pen = ImageDraw.Draw(picture)
    missing = None if case.mask is not None else "no mask" if mask is None else "the mask is empty"
    _draw_header(pen, page, title, missing)
    page.draw(picture, top=_HEADER)
    _draw_legend(pen, rows, top=_HEADER + page.height + GAP)
    text = fitted(printable(footer, 200), size_px=_FOOTER_PX, most_px=WIDTH - 2 * EDGE)
    write(
        pen, (WIDTH - EDGE, height - _FOOTER / 2), text,
        size_px=_FOOTER_PX, colour=QUIET_COLOUR, anchor="rm",
    )  # fmt: skip
    return encoded(picture, form)


def _draw_header(pen: ImageDraw.ImageDraw, page: Tiles, title: str, missing: str | None) -> None:
    room = WIDTH - 2 * EDGE
    line = fitted(printable(title, 200), size_px=_TITLE_PX, most_px=room, is_bold=True)
    write(pen, (EDGE, 24), line, size_px=_TITLE_PX, anchor="lm", is_bold=True)
    end = EDGE + write(pen, (EDGE, 52), _details(page), size_px=_TEXT_PX, anchor="lm")
    if missing is not None:
        place = (end + _BETWEEN, 52)
        write(pen, place, missing, size_px=_TEXT_PX, anchor="lm", colour=MASK_COLOUR)


def _details(page: Tiles) -> str:
    """How the image was made and is shown: sequence, plane, slices, voxels, window."""
    case = page.case
    geometry = case.scan.geometry
    there = geometry.size_xyz[case.view.across]
    parts = [
        case.scan.modality or "",
        f"{case.view.name}, {len(page.indices)} of {there} slices",
        f"voxels {' × '.join(f'{mm:.3g}' for mm in geometry.spacing_mm)} mm",
        page.window.describe(case.scan.modality),
    ]
    return "   ·   ".join(part for part in parts if part)


def _entry(name: str, volumes_ml: Mapping[str, float]) -> str:
    text = printable(name, _LONGEST_NAME)
    if name not in volumes_ml:
        return text
    volume = volumes_ml[name]
    return f"{text}   {volume:.{1 if volume >= 10 else 3}f} ml"


def _rows(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Entries of the legend, as many in a row as there is room for."""
    rows: list[list[_Entry]] = []
    room = 0.0
    for entry in entries:
        needed = _SWATCH + GAP + width_px(entry[0], size_px=_TEXT_PX) + _BETWEEN
        if not rows or needed > room:
            rows.append([])
            room = WIDTH - 2 * EDGE
        rows[-1].append(entry)
        room -= needed
    return rows


def _draw_legend(pen: ImageDraw.ImageDraw, rows: Sequence[Sequence[_Entry]], *, top: int) -> None:
    for number, row in enumerate(rows):
        left, middle = float(EDGE), top + (number + 0.5) * _LEGEND_ROW
        for text, colour in row:
            pen.rectangle((left, middle - 1, left + _SWATCH, middle + 1), fill=colour)
            left += _SWATCH + GAP
            left += write(
                pen, (left, middle), text, size_px=_TEXT_PX, colour=TEXT_COLOUR, anchor="lm"
            )
            left += _BETWEEN
