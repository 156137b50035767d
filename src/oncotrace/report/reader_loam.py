"""Picture of how far each reading is from the mean of its case."""

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from oncotrace.report.chart import INK, QUIET, Drawing, printable, signed
from oncotrace.report.reader_readings import Readings
from oncotrace.stats.limits_of_agreement_with_mean import LimitsWithMean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READER_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b7280",
)  # fmt: skip
"""Of readers in turn, after Okabe and Ito 2008."""
READER_MARKS = ("o", "s", "^", "D", "v", "P", "X")
"""Of readers: the next one where the colours begin anew, so that 49 readers are told apart."""

_MOST_IN_LEGEND = 20


def loam_drawing(readings: Readings, limits: LimitsWithMean, *, title: str) -> Drawing:
    """Differences from the mean of their case over that mean, coloured by reader.

    Lines are the 95 % limits of agreement with the mean, bands their confidence intervals. The
    cases are those that the limits were computed from.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.axhline(0, color=INK, linewidth=0.6)
        _draw_limits(axes, limits)
        complete = readings.complete_cases(every_repeat=True)
        values = readings.values[complete]
        means = values.mean(axis=(1, 2))
        colours = cycle(READER_COLOURS)
        for place, (name, colour) in enumerate(zip(readings.readers, colours, strict=False)):
            differences = values[:, place] - means[:, None]
            axes.scatter(
                np.repeat(means, differences.shape[1]),
                differences.ravel(),
                s=16,
                color=colour,
                marker=READER_MARKS[place // len(READER_COLOURS) % len(READER_MARKS)],
                linewidths=0,
                alpha=0.8,
                label=printable(name, 18),
                zorder=3,
            )
        quantity = printable(readings.quantity, 40)
        axes.set(
            xlabel=f"mean {quantity} of the case",
            ylabel="reading \N{MINUS SIGN} mean of the case",
            title=f"{title} ({limits.cases} cases, {limits.readers} readers)",
        )
        axes.margins(x=0.06, y=0.1)
        if len(readings.readers) <= _MOST_IN_LEGEND:
            figure.legend(loc="outside right center", fontsize=7.5, title="reader")

    return Drawing(draw, width_in=7.2, height_in=4.2)


def _draw_limits(axes: "Axes", limits: LimitsWithMean) -> None:
    for sign in (1, -1):
        level = sign * limits.limit
        axes.axhline(level, color=QUIET, linewidth=1.2, linestyle="--")
        if limits.interval is not None:
            ends = sorted(sign * end for end in limits.interval)
            axes.axhspan(*ends, color=QUIET, alpha=0.12, linewidth=0)
        axes.annotate(
            signed(level, 2),
            (0, level),
            xycoords=("axes fraction", "data"),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
        )
