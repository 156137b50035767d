"""Spider plot: how every patient's tumour burden changed over time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oncotrace.report.chart import INK, QUIET, Drawing, printable
from oncotrace.report.response_marks import EDGE, RESPONSE_MARKS, mark_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_IN, _HEIGHT_IN = 6.8, 4.4
_MOST_NAMED = 25  # lines
_CUT_PERCENT, _BOTTOM_PERCENT = 200.0, -108.0
_NAME_HEIGHT = 0.028  # of the axis
_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class SpiderPoint:
    """Change of a sum from baseline at one time point, and the response then.

    ``has_new_lesion`` marks a progression that the sum does not show.
    """

    day: float
    change_percent: float
    response: str
    has_new_lesion: bool = False


@dataclass(frozen=True)
class SpiderLine:
    """One patient's points in the order of time; the line begins at day 0 with no change."""

    name: str
    points: tuple[SpiderPoint, ...]


def spider_drawing(
    lines: Sequence[SpiderLine], *, title: str, decrease_percent: float, increase_percent: float
) -> Drawing:
    """Return the chart of one line per patient.

    Markers tell the response at each time point by shape and colour; a ring is a new lesion.
    Growth beyond 200 % is drawn there. Lines differ in dashes, and up to 25 are named.

    Parameters
    ----------
    decrease_percent, increase_percent
        Where the dashed lines of partial response and progression lie, both positive.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.axhline(0, color=INK, linewidth=0.8)
        for level in (increase_percent, -decrease_percent):
            axes.axhline(level, color=QUIET, linewidth=0.8, linestyle="--", zorder=0)
        for place, line in enumerate(lines):
            _draw_line(axes, line, _STYLES[place % len(_STYLES)])
        changes = [point.change_percent for line in lines for point in line.points]
        top = min(max([*changes, increase_percent]), _CUT_PERCENT) + 10
        last_day = max([point.day for line in lines for point in line.points] + [1.0])
        are_named = len(lines) <= _MOST_NAMED
        axes.set(
            xlim=(0, last_day * (1.14 if are_named else 1.03)),
            ylim=(_BOTTOM_PERCENT, top),
            xlabel="days from baseline",
            ylabel="change from baseline (%)",
            title=f"{title} (n = {len(lines)})",
        )
        if are_named:
            _name_ends(axes, lines, gap_percent=_NAME_HEIGHT * (top - _BOTTOM_PERCENT))
        _add_legend(figure, lines)

    return Drawing(draw, _WIDTH_IN, _HEIGHT_IN)


def _draw_line(axes: "Axes", line: SpiderLine, style: str) -> None:
    changes = [min(point.change_percent, _CUT_PERCENT) for point in line.points]
    days = [point.day for point in line.points]
    axes.plot([0.0, *days], [0.0, *changes], color=QUIET, linewidth=0.9, linestyle=style, zorder=2)
    for point, change in zip(line.points, changes, strict=True):
        mark = mark_of(point.response)
        axes.scatter(
            point.day,
            change,
            marker=mark.marker,
            s=34,
            color=mark.colour,
            edgecolors=EDGE,
            linewidths=0.5,
            zorder=3,
        )
        if point.has_new_lesion:
            axes.scatter(
                point.day, change, s=95, facecolors="none", edgecolors=INK, linewidths=0.9, zorder=3
            )


def _name_ends(axes: "Axes", lines: Sequence[SpiderLine], *, gap_percent: float) -> None:
    """Write the names beside the last points; those of one day make room for each other."""
    by_day: dict[float, list[tuple[float, str]]] = defaultdict(list)
    for line in lines:
        last = line.points[-1]
        by_day[last.day].append((min(last.change_percent, _CUT_PERCENT), printable(line.name, 16)))
    for day, ends in by_day.items():
        above = float("inf")
        for change, name in sorted(ends, reverse=True):
            above = min(change, above - gap_percent)
            axes.annotate(
                name,
                (day, above),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
            )


def _add_legend(figure: "Figure", lines: Sequence[SpiderLine]) -> None:
    from matplotlib.lines import Line2D

    there = {point.response for line in lines for point in line.points}
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=mark.marker,
            markersize=5.5,
            markerfacecolor=mark.colour,
            markeredgecolor=EDGE,
            markeredgewidth=0.5,
            label=name,
        )
        for name, mark in RESPONSE_MARKS.items()
        if name in there
    ]
    if any(point.has_new_lesion for line in lines for point in line.points):
        ring = Line2D(
            [], [], linestyle="", marker="o", markersize=9, markerfacecolor="none", color=INK
        )
        ring.set_label("new lesion")
        handles.append(ring)
    figure.legend(handles=handles, loc="outside lower center", fontsize=7.5, ncols=len(handles))
