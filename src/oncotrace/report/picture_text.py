"""Words on a picture, in the font that the charts have."""

from functools import cache
from pathlib import Path
from typing import Literal

from PIL import ImageDraw, ImageFont

from oncotrace.report.panel import TEXT_COLOUR

Anchor = Literal["lt", "lm", "lb", "rt", "rm", "rb", "mt", "mm", "mb"]
"""Which point of the text stands at its place: left, middle, right; top, middle, bottom."""

_RIM_PX = 2


def write(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    size_px: int,
    colour: str = TEXT_COLOUR,
    anchor: Anchor = "lt",
    is_bold: bool = False,
    rim: str | None = None,
) -> float:
    """Write one line at a place in pixels and return its width.

    Parameters
    ----------
    rim
        Colour of an edge around the letters, which keeps them legible on an image.
    """
    pen.text(
        place,
        text,
        fill=colour,
        font=_font(size_px, is_bold),
        anchor=anchor,
        stroke_width=0 if rim is None else _RIM_PX,
        stroke_fill=rim,
    )
    return width_px(text, size_px=size_px, is_bold=is_bold)


def width_px(text: str, *, size_px: int, is_bold: bool = False) -> float:
    """Width of one line of text."""
    return float(_font(size_px, is_bold).getlength(text))


def fitted(text: str, *, size_px: int, most_px: float, is_bold: bool = False) -> str:
    """Return the text, cut short by an ellipsis where it would be wider than ``most_px``."""
    kept = text
    while kept and width_px(kept, size_px=size_px, is_bold=is_bold) > most_px:
        kept = f"{kept.removesuffix('…')[:-1]}…" if len(kept) > 1 else ""
    return kept


@cache
def _font(size_px: int, is_bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib brings it, laid out by Pillow itself: the same on every machine."""
    import matplotlib as mpl

    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    file = Path(mpl.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(file, size_px, layout_engine=ImageFont.Layout.BASIC)
