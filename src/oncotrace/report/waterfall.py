"""Waterfall plot: the best change of every patient's tumour burden, from growth to shrinkage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oncotrace.report.chart import INK, QUIET, Drawing, printable
from oncotrace.report.response_marks import EDGE, RESPONSE_MARKS, mark_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEAST_WIDTH_IN, _MOST_WIDTH_IN, _IN_PER_BAR, _HEIGHT_IN = 4.8, 16.0, 0.24, 4.2
_LEAST_BARS = 6  # that there is room for, so that one bar is no wall
_MOST_NAMED = 60  # bars; more would write over each other
_CUT_PERCENT = 100.0  # taller bars are cut, their value written


@dataclass(frozen=True)
class WaterfallBar:
    """Best change of one patient's sum from baseline, in percent, and best overall response."""

    name: str
    change_percent: float
    response: str


def waterfall_drawing(
    bars: Sequence[WaterfallBar], *, title: str, decrease_percent: float, increase_percent: float
) -> Drawing:
    """Return the chart of one bar per patient, the greatest growth at the left.

    The response shows in colour, hatch and letters. Growth beyond 100 % is cut there and written.

    Parameters
    ----------
    decrease_percent, increase_percent
        Where the dashed lines of partial response and progression lie, both positive. Progression
        is told from the nadir, which the bars do not show.
    """
    ordered = sorted(bars, key=lambda bar: (-bar.change_percent, bar.name))
    width_in = min(max(_LEAST_WIDTH_IN, 1.2 + _IN_PER_BAR * len(bars)), _MOST_WIDTH_IN)

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        _draw_bars(axes, ordered)
        axes.axhline(0, color=INK, linewidth=0.8)
        for level in (increase_percent, -decrease_percent):
            axes.axhline(level, color=QUIET, linewidth=0.8, linestyle="--", zorder=0)
        top = max([bar.change_percent for bar in bars] + [increase_percent])
        axes.set(
            xlim=(-0.8, max(len(ordered), _LEAST_BARS) - 0.2),
            ylim=(-112, min(top, _CUT_PERCENT) + 14),
            ylabel="best change from baseline (%)",
            title=f"{title} (n = {len(bars)})",
        )
        _name_bars(axes, ordered)
        _add_legend(figure, {bar.response for bar in bars})

    return Drawing(draw, width_in, _HEIGHT_IN)


def _draw_bars(axes: "Axes", bars: Sequence[WaterfallBar]) -> None:
    for place, bar in enumerate(bars):
        mark = mark_of(bar.response)
        height = min(bar.change_percent, _CUT_PERCENT)
        axes.bar(
            place,
            height,
            width=0.8,
            color=mark.colour,
            hatch=mark.hatch,
            edgecolor=EDGE,
            linewidth=0.5,
        )
        if len(bars) > _MOST_NAMED:
            continue
        is_cut = bar.change_percent > _CUT_PERCENT
        letters = "nCnP" if bar.response == "non-CR/non-PD" else bar.response
        axes.annotate(
            f"{letters}\n{bar.change_percent:.0f}" if is_cut else letters,
            (place, height),
            xytext=(0, 2 if height >= 0 else -2),
            textcoords="offset points",
            ha="center",
            va="bottom" if height >= 0 else "top",
            fontsize=6.5,
        )


def _name_bars(axes: "Axes", bars: Sequence[WaterfallBar]) -> None:
    if len(bars) > _MOST_NAMED:
        axes.set_xticks([])
        axes.set_xlabel("patients")
        return
    axes.set_xticks(range(len(bars)), [printable(bar.name, 16) for bar in bars])
    axes.tick_params(axis="x", labelrotation=90, labelsize=7, length=0)


def _add_legend(figure: "Figure", there: set[str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=mark.colour, hatch=mark.hatch, edgecolor=EDGE, linewidth=0.5, label=name)
        for name, mark in RESPONSE_MARKS.items()
        if name in there
    ]
    figure.legend(
        handles=handles,
        title="best overall response",
        loc="outside lower center",
        fontsize=7.5,
        title_fontsize=7.5,
        ncols=len(handles),
    )
