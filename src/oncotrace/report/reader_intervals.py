"""Picture of one figure with its confidence interval for each pair of readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oncotrace.report.chart import ACCENT, QUIET, Drawing, printable
from oncotrace.stats.agreement import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_ROWS = 40
_ROW_IN, _AROUND_IN = 0.22, 1.1


@dataclass(frozen=True)
class NamedValue:
    """A value to be drawn, its interval if it has one, and what it is of."""

    name: str
    value: float
    interval: Interval | None


def intervals_drawing(values: Sequence[NamedValue], *, quantity: str, title: str) -> Drawing | None:
    """One row for each value, the largest on top, with a line for its interval.

    Of more than forty values the smallest are shown, and the title says so. Nothing is drawn
    without a value.
    """
    if not values:
        return None
    shown = sorted(values, key=lambda one: (-one.value, one.name))[-_MOST_ROWS:]
    said = title if len(shown) == len(values) else f"{title}: the {len(shown)} lowest"

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for row, one in enumerate(shown):
            if one.interval is not None:
                axes.plot(one.interval, (row, row), color=QUIET, linewidth=1.2, zorder=2)
        places = range(len(shown))
        axes.scatter([one.value for one in shown], places, s=18, color=ACCENT, zorder=3)
        axes.set_yticks(places, [printable(one.name, 40) for one in shown], fontsize=7.5)
        axes.set(
            ylim=(len(shown) - 0.5, -0.5),
            xlabel=quantity,
            title=f"{said} (n = {len(values)})",
        )
        axes.grid(visible=True, axis="x")

    return Drawing(draw, width_in=6.0, height_in=_AROUND_IN + _ROW_IN * len(shown))
