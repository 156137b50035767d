"""Picture of the Dice of every case, group by group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.chart import ACCENT, INK, WARM, Drawing, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BIN = 0.012  # cases nearer than this in Dice lie beside each other
_STEP = 0.11  # of a row
_LEAST_FOR_QUARTILES = 4
_WIDEST = 0.36  # half a row, less a margin
_POOR = 0.7  # cases below are named
_NAME_PT = 7.0
_LETTER_WIDTH = 0.68  # of the height of the letters, with room beside
_PLOT_IN = 4.6  # about the width that is left for the points


def dice_strip_picture(
    groups: Sequence[tuple[str, Sequence[tuple[str, float]]]], *, title: str
) -> Drawing:
    """Return a drawing: one row for each group, one point for each of its cases.

    The bar spans the quartiles, its line is the median. Rows of fewer than four cases have points
    only. Cases below 0.7 are named, the worst first, as far as there is room.

    Parameters
    ----------
    groups
        Name of each group, with case id and Dice of its cases; from top to bottom.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        least = min(dice for _, members in groups for _, dice in members)
        left = min(0.5, np.floor(least * 10) / 10) - 0.01
        for row, (_, members) in enumerate(groups):
            _draw_row(axes, row, members, letter=_letter_width(1.0 - left))
        axes.set(
            xlim=(left, 1.0),
            ylim=(len(groups) - 0.5, -0.6),
            xlabel="Dice",
            title=title,
        )
        labels = [f"{printable(name)}  ({len(members)})" for name, members in groups]
        axes.set_yticks(range(len(groups)), labels)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")
        axes.spines["left"].set_visible(False)

    return Drawing(draw, width_in=6.4, height_in=1.2 + 0.55 * len(groups))


def _letter_width(span: float) -> float:
    """Width of a letter in units of Dice, where the picture shows a range of ``span``."""
    return _LETTER_WIDTH * _NAME_PT / 72 * span / _PLOT_IN


def _draw_row(
    axes: "Axes", row: int, members: Sequence[tuple[str, float]], *, letter: float
) -> None:
    dice = np.array([value for _, value in members])
    if len(dice) >= _LEAST_FOR_QUARTILES:
        q1, median, q3 = np.percentile(dice, (25, 50, 75))
        axes.barh(row, q3 - q1, left=q1, height=0.8, color=ACCENT, alpha=0.15, linewidth=0)
        axes.plot([median, median], [row - 0.4, row + 0.4], color=ACCENT, linewidth=2)
    places = row + _beside(dice)
    colours = [WARM if value < _POOR else INK for value in dice]
    axes.scatter(dice, places, s=14, c=colours, alpha=0.75, linewidths=0, zorder=3)
    free_from = -np.inf
    for name, value in sorted(members, key=lambda member: member[1]):
        half = len(name) * letter / 2
        if value < _POOR and value - half >= free_from:
            axes.text(value, row - 0.42, name, ha="center", fontsize=_NAME_PT, color=WARM)
            free_from = value + half


def _beside(dice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offset of each point across its row, so that near ones do not cover each other."""
    bins = np.floor(dice / _BIN).astype(int)
    offsets = np.zeros(len(dice))
    for chosen in np.unique(bins):
        members = np.flatnonzero(bins == chosen)
        step = min(_STEP, 2 * _WIDEST / max(len(members) - 1, 1))
        offsets[members] = step * (np.arange(len(members)) - (len(members) - 1) / 2)
    return offsets
