"""Forest plot: hazard ratios with their intervals, one below the other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oncotrace.report.chart import ACCENT, INK, QUIET, Drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST_LABEL = 64
_WIDEST = 100.0  # times and parts of 1; what reaches farther ends in an arrow


@dataclass(frozen=True)
class ForestRow:
    """One ratio with its interval and what stands beside it; no interval where there is none."""

    label: str
    ratio: float | None
    interval: tuple[float, float] | None
    text: str


def forest_picture(rows: Sequence[ForestRow], *, title: str) -> Drawing:
    """Return a chart of ratios on a logarithmic axis, with a line at 1 and the numbers beside."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.axvline(1, color=INK, linewidth=0.8)
        low, high = _range(rows)
        axes.set(xscale="log", xlim=(low, high), ylim=(len(rows) - 0.5, -0.6), title=title)
        for place, row in enumerate(rows):
            _draw_row(axes, place, row, (low, high))
        axes.set_yticks(
            range(len(rows)), [printable(row.label, longest=_LONGEST_LABEL) for row in rows]
        )
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("hazard ratio (95 % confidence interval)")
        axes.grid(visible=True, axis="x")
        _plain_numbers(axes)

    return Drawing(draw, width_in=8.6, height_in=1.2 + 0.34 * len(rows))


def _draw_row(axes: "Axes", place: int, row: ForestRow, ends: tuple[float, float]) -> None:
    if row.ratio is not None and row.interval is not None:
        low, high = (min(max(end, ends[0]), ends[1]) for end in row.interval)
        axes.plot([low, high], [place, place], color=ACCENT, linewidth=1.4)
        for end, cut, arrow in (
            (low, row.interval[0] < ends[0], "<"),
            (high, row.interval[1] > ends[1], ">"),
        ):
            if cut:
                axes.plot(end, place, arrow, color=ACCENT, markersize=5, clip_on=False)
        if ends[0] <= row.ratio <= ends[1]:
            axes.plot(row.ratio, place, "s", color=ACCENT, markersize=5)
    axes.annotate(
        row.text,
        (1.02, place),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8,
        color=QUIET if row.ratio is None else INK,
        annotation_clip=False,
    )


def _range(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Lower and upper end of the axis: all intervals with some room, as far as one can read."""
    ends = [end for row in rows if row.interval is not None for end in row.interval]
    low = max(min([*ends, 0.5]), 1 / _WIDEST)
    high = min(max([*ends, 2.0]), _WIDEST)
    return low / 1.15, high * 1.15


def _plain_numbers(axes: "Axes") -> None:
    """Write 0.5, 1, 2 rather than powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_xlim()
    digits = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 50 else (1,)
    ticks = [step * 10.0**digit for digit in digits for step in steps]
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
