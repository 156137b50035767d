"""What the colours and marks of a case's picture mean."""

from typing import TYPE_CHECKING, Literal

from oncotrace.report.panel import (
    CLICK_COLOUR,
    LINE_COLOUR,
    MASK_COLOUR,
    REFERENCE_COLOUR,
    Shown,
    correction_marker,
)
from oncotrace.report.probability_lines import LINE_WIDTH, LINES

if TYPE_CHECKING:
    from matplotlib.lines import Line2D


def legend_entries(shown: Shown) -> "list[Line2D]":
    """Return one entry for each kind of thing that is drawn."""
    entries = []
    if not shown.mask.is_empty:
        entries.append(_line("mask", MASK_COLOUR))
        if shown.probability is not None:
            for level, style in LINES.items():
                entries.append(_line(f"probability {level:.0%}", MASK_COLOUR, style, LINE_WIDTH))
    if shown.reference is not None:
        entries.append(_line("reference", REFERENCE_COLOUR))
    if shown.size is not None:
        entries.append(_line("longest axial, perpendicular", LINE_COLOUR))
    if shown.clicks is None:
        return entries
    if len(shown.clicks.points_mm) > 0:
        entries.append(_marker("click at this plane", "o", CLICK_COLOUR))
        entries.append(_marker("elsewhere", "o", "none"))
    if shown.clicks.box_mm is not None:
        entries.append(_line("box", CLICK_COLOUR, "--"))
    signs = {change.marks_tumour for change in shown.clicks.standing_corrections()}
    for is_tumour in sorted(signs, reverse=True):
        name = "corrected: tumour" if is_tumour else "corrected: not tumour"
        entries.append(_marker(name, correction_marker(is_tumour), CLICK_COLOUR))
    return entries


def other_entries(shown: Shown) -> "list[Line2D]":
    """Return one entry for each structure besides the mask."""
    return [_line(name, colour) for name, colour in shown.other_colours().items()]


def _line(
    label: str, colour: str, style: Literal["-", "--", ":"] = "-", width: float = 2.0
) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=width, linestyle=style, label=label)


def _marker(label: str, marker: str, fill: str) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        linestyle="",
        marker=marker,
        markersize=7,
        markerfacecolor=fill,
        markeredgecolor=CLICK_COLOUR,
        label=label,
    )
