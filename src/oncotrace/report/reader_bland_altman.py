"""Pictures of how pairs of readers agree: differences over means, with limits of agreement."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from oncotrace.report.chart import ACCENT, INK, QUIET, WARM, Drawing, printable, signed
from oncotrace.report.reader_agreement import MeasuredAgreement, PairAgreement
from oncotrace.report.reader_readings import Readings
from oncotrace.stats.agreement import BlandAltman, Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_PANELS = 6
_MOST_NAMES = 3
_COLUMNS = 3


def bland_altman_drawing(found: MeasuredAgreement, *, percent: bool) -> Drawing | None:
    """One panel for each pair of readers; of more than six pairs those with the widest limits.

    Lines are bias and limits of agreement, bands their 95 % confidence intervals. Cases outside the
    limits are named, the farthest first, at most three. Nothing is drawn where no pair has limits.

    Parameters
    ----------
    percent
        Differences in percent of the mean of both readings.
    """
    known = [pair for pair in found.pairs if _limits_of(pair, percent) is not None]
    if not known:
        return None
    shown = known if len(known) <= _MOST_PANELS else _widest(known, percent)
    columns = min(_COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)

    def draw(figure: "Figure") -> None:
        if len(shown) < len(known):
            figure.suptitle(
                f"The {len(shown)} of {len(known)} pairs with the widest limits",
                x=0.01,
                ha="left",
                fontsize=10,
                fontweight="bold",
            )
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, pair in zip(panels, shown, strict=False):
            _draw_panel(axes, found.readings, pair, percent=percent)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()

    return Drawing(draw, width_in=max(4.6, 3.6 * columns), height_in=3.3 * rows)


def _limits_of(pair: PairAgreement, percent: bool) -> BlandAltman | None:
    return pair.percent if percent else pair.difference


def _widest(pairs: Sequence[PairAgreement], percent: bool) -> list[PairAgreement]:
    """Return the pairs with the widest limits, in their order."""
    widths = [
        limits.upper - limits.lower
        for pair in pairs
        if (limits := _limits_of(pair, percent)) is not None
    ]
    places = sorted(np.argsort(widths, kind="stable")[-_MOST_PANELS:].tolist())
    return [pairs[place] for place in places]


def _draw_panel(axes: "Axes", readings: Readings, pair: PairAgreement, *, percent: bool) -> None:
    limits = _limits_of(pair, percent)
    if limits is None:
        return
    cases = list(pair.cases)
    first, second = (
        readings.first[cases, readings.readers.index(name)] for name in (pair.first, pair.second)
    )
    means = (first + second) / 2
    differences = 100 * (first - second) / means if percent else first - second
    axes.axhline(0, color=INK, linewidth=0.6)
    unit = " %" if percent else ""
    _draw_level(axes, limits.bias, limits.bias_interval, ACCENT, unit)
    _draw_level(axes, limits.upper, limits.upper_interval, QUIET, unit)
    _draw_level(axes, limits.lower, limits.lower_interval, QUIET, unit)
    axes.scatter(means, differences, s=16, color=ACCENT, linewidths=0, alpha=0.8, zorder=3)
    outside = np.flatnonzero((differences < limits.lower) | (differences > limits.upper))
    farthest = outside[np.argsort(-np.abs(differences[outside] - limits.bias), kind="stable")]
    for place in farthest[:_MOST_NAMES].tolist():
        axes.annotate(
            printable(readings.cases[cases[place]], 16),
            (means[place], differences[place]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=WARM,
        )
    axes.set(
        title=f"{printable(pair.first, 16)} \N{MINUS SIGN} {printable(pair.second, 16)} "
        f"(n = {limits.n})",
        xlabel=f"mean {printable(readings.quantity, 28)}",
        ylabel="difference (% of the mean)" if percent else "difference",
    )
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.3 * (high - low))  # room for the levels' names
    axes.margins(y=0.1)


def _draw_level(axes: "Axes", level: float, interval: Interval, colour: str, unit: str) -> None:
    axes.axhspan(*interval, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(level, color=colour, linewidth=1.1, linestyle="-" if colour == ACCENT else "--")
    decimals = 1 if abs(level) >= 10 else 2
    axes.annotate(
        f"{signed(level, decimals)}{unit}",
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 2 if level >= 0 else -2),  # on the side away from the line of no difference
        textcoords="offset points",
        ha="right",
        va="bottom" if level >= 0 else "top",
        fontsize=7.5,
        color=colour if colour == ACCENT else INK,
    )
