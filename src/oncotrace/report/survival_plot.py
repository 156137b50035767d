"""Picture of survival by group: Kaplan-Meier curves with the numbers at risk below them."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.chart import ACCENT, INK, QUIET, WARM, Drawing, printable
from oncotrace.report.prognosis_words import p_text, ratio_text
from oncotrace.stats.cox import CoxModel
from oncotrace.stats.prognosis import GroupSurvival, ValuePrognosis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (ACCENT, WARM, "#009e73", "#cc79a7", INK, QUIET)  # after Okabe and Ito 2008
_LINES = ("-", "--", "-.", ":")  # told apart in grey too
_TICKS = 6
_FALLS = 0.55
_CURVES_IN = 3.6
_ROW_IN = 0.17


def survival_picture(found: ValuePrognosis, *, event: str, time: str) -> Drawing:
    """Return a chart of the groups' curves, bands of 95 % confidence and ticks where censored.

    The legend says p of the log-rank test and, of two groups, the hazard ratio. Below stands how
    many are at risk at each time of the axis.
    """

    def draw(figure: "Figure") -> None:
        curves, table = figure.subplots(
            2, 1, sharex=True, height_ratios=(_CURVES_IN, _ROW_IN * (len(found.groups) + 1))
        )
        for group, colour, line in zip(found.groups, cycle(_COLOURS), cycle(_LINES), strict=False):
            _draw_curve(curves, group, colour, line)
        longest = max(float(group.curve.times[-1]) for group in found.groups)
        curves.set(
            xlim=(0, longest * 1.02),
            ylim=(0, 1.02),
            ylabel=f"share without {printable(event)}",
            title=printable(found.name, longest=60),
        )
        curves.grid(visible=True)
        falls = all(group.curve.share_at(longest / 2) < _FALLS for group in found.groups)
        curves.legend(
            loc="upper right" if falls else "lower left",  # where no curve runs
            title=_corner(found),
            alignment="left",
            frameon=True,
            framealpha=0.8,
            edgecolor="none",
            fontsize=8,
            title_fontsize=8,
        )
        curves.tick_params(labelbottom=True)
        ticks = _ticks(curves, longest)
        curves.set_xticks(ticks)
        _draw_numbers(table, found.groups, ticks)
        curves.set_xlabel(printable(time))

    height_in = _CURVES_IN + 0.7 + _ROW_IN * (len(found.groups) + 1)
    return Drawing(draw, width_in=6.4, height_in=height_in)


def _draw_curve(axes: "Axes", group: GroupSurvival, colour: str, line: str) -> None:
    """Draw one group from (0, 1) on, its band as far as it is defined, and who was censored."""
    curve = group.curve
    times = np.concatenate([[0.0], curve.times])
    share, lower, upper = (
        np.concatenate([[1.0], heights]) for heights in (curve.share, curve.lower, curve.upper)
    )
    label = f"{printable(group.label)} (n = {group.n}, {group.events} events)"
    axes.step(times, share, where="post", color=colour, linestyle=line, linewidth=1.4, label=label)
    axes.fill_between(times, lower, upper, step="post", color=colour, alpha=0.13, linewidth=0)
    ended = curve.censored > 0
    axes.plot(
        curve.times[ended], curve.share[ended], "|", color=colour, markersize=6, markeredgewidth=0.9
    )


def _draw_numbers(
    axes: "Axes", groups: Sequence[GroupSurvival], ticks: NDArray[np.float64]
) -> None:
    """Write how many are at risk, a line for each group in its colour."""
    for row, (group, colour) in enumerate(zip(groups, cycle(_COLOURS), strict=False)):
        for tick, number in zip(ticks, group.curve.at_risk_at(ticks), strict=True):
            axes.text(tick, row, str(number), ha="center", va="center", color=colour, fontsize=8)
    axes.set_yticks(range(len(groups)), [printable(group.label) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -1.5)
    axes.text(ticks[0], -1, "at risk", ha="center", va="center", fontsize=8, color=QUIET)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelbottom=False, labelsize=8)
    axes.tick_params(axis="y", pad=18)  # clear of the first column, which lies on the axis


def _ticks(axes: "Axes", longest: float) -> NDArray[np.float64]:
    """Round times from 0 on that lie on the axis."""
    from matplotlib.ticker import MaxNLocator

    found = np.asarray(MaxNLocator(nbins=_TICKS).tick_values(0, longest), dtype=np.float64)
    axes.set_xticks(found)
    return found[(found >= 0) & (found <= longest)]


def _corner(found: ValuePrognosis) -> str:
    lines = [f"log-rank {p_text(found.log_rank.p_value)}"]
    model = found.by_group.model
    if isinstance(model, CoxModel) and len(model.ratios) == 1:
        lines.append(f"hazard ratio {ratio_text(model.ratios[0])}")
    elif not isinstance(model, CoxModel):
        lines.append("no finite hazard ratio")
    return "\n".join(lines)
