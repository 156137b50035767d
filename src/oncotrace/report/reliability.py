"""Picture of how far a predicted Dice can be believed."""

from typing import TYPE_CHECKING

import numpy as np

from oncotrace.report.chart import ACCENT, INK, QUIET, WARM, Drawing
from oncotrace.report.evaluation_agreement import Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NAMES = 4


def reliability_picture(rated: Reliability, *, title: str) -> Drawing:
    """Return a drawing: real over predicted Dice, with the predicted intervals.

    A point on the diagonal was predicted exactly; its line shows the interval that was predicted
    for it, which is drawn in another colour where it missed the real value. Of those, the four
    that missed most are named.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, zorder=1)
        _draw_cases(axes, rated)
        least = min(float(rated.predicted.min()), float(rated.real.min()))
        low = np.floor((least - 0.02) * 20) / 20
        axes.set(
            xlim=(low, 1.0),
            ylim=(low, 1.0),
            aspect="equal",
            xlabel="real Dice",
            ylabel="predicted Dice",
            title=title,
        )
        axes.grid(visible=True)
        handles, _ = axes.get_legend_handles_labels()
        axes.legend(handles=handles, loc="lower right", title=_figures(rated), alignment="left")

    return Drawing(draw, width_in=4.8, height_in=4.8)


def _draw_cases(axes: "Axes", rated: Reliability) -> None:
    if rated.intervals is None:
        axes.scatter(rated.real, rated.predicted, s=20, c=INK, alpha=0.8, linewidths=0, zorder=3)
        return
    low, high = rated.intervals.T
    miss = np.maximum(low - rated.real, rated.real - high)
    for is_drawn, colour, name in (
        (miss <= 0, ACCENT, "interval holds the real Dice"),
        (miss > 0, WARM, "interval misses it"),
    ):
        x, y = rated.real[is_drawn], rated.predicted[is_drawn]
        axes.vlines(x, low[is_drawn], high[is_drawn], colors=colour, linewidth=1, alpha=0.45)
        axes.scatter(x, y, s=20, c=colour, linewidths=0, zorder=3, label=name)
    for case in np.argsort(-miss, kind="stable")[:_MOST_NAMES]:
        if miss[case] > 0:
            axes.annotate(
                rated.case_ids[case],
                (rated.real[case], rated.predicted[case]),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=WARM,
            )


def _figures(rated: Reliability) -> str:
    parts = [f"n = {len(rated.real)}"]
    if rated.rank_correlation is not None:
        text = f"Spearman {rated.rank_correlation:.2f}"
        if rated.rank_interval is not None:
            low, high = rated.rank_interval
            text += f" ({low:.2f} to {high:.2f})"
        parts.append(text.replace("-", "\N{MINUS SIGN}"))
    if rated.coverage is not None:
        parts.append(f"coverage {100 * rated.coverage:.0f} %")
    return "\n".join(parts)
