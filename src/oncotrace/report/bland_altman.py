"""Pictures of how volumes agree: Bland-Altman, and one against the other."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.chart import (
    ACCENT,
    DICE_COLOURS,
    DICE_RANGE,
    INK,
    QUIET,
    WARM,
    Drawing,
    add_dice_scale,
    signed,
)
from oncotrace.report.evaluation_agreement import VolumeAgreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

_MOST_NAMES = 4


def bland_altman_picture(agreement: VolumeAgreement, *, title: str) -> Drawing:
    """Return a drawing: difference of volumes in percent over their mean, points coloured by Dice.

    Lines are bias and limits of agreement, bands their 95 % confidence intervals. Cases outside
    the limits are named, the farthest first, at most four.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        limits = agreement.limits
        axes.axhline(0, color=INK, linewidth=0.6)
        _draw_level(axes, "bias", limits.bias, limits.bias_interval)
        _draw_level(axes, "+1.96 SD", limits.upper, limits.upper_interval)
        _draw_level(axes, "\N{MINUS SIGN}1.96 SD", limits.lower, limits.lower_interval)
        points = _draw_points(axes, agreement, agreement.mean_ml, agreement.difference_percent)
        _name_cases_outside(axes, agreement)
        axes.set(
            xscale="log",
            xlim=_around(agreement.mean_ml, right=4.0),  # room for the levels' names
            xlabel="mean of predicted and reference volume (ml)",
            ylabel="predicted \N{MINUS SIGN} reference (% of their mean)",
            title=f"{title} (n = {limits.n})",
        )
        axes.margins(y=0.08)
        _plain_numbers(axes.xaxis)
        add_dice_scale(figure, axes, points)

    return Drawing(draw, width_in=6.8, height_in=4.2)


def volume_scatter_picture(agreement: VolumeAgreement, *, title: str) -> Drawing:
    """Return a drawing: predicted over reference volume, points coloured by Dice."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        limits = _around(np.concatenate([agreement.predicted_ml, agreement.reference_ml]))
        axes.plot(limits, limits, color=INK, linewidth=0.8, label="equal")
        axes.fill_between(
            limits,
            [0.8 * end for end in limits],
            [1.2 * end for end in limits],
            color=QUIET,
            alpha=0.12,
            linewidth=0,
            label="within 20 %",
        )
        points = _draw_points(axes, agreement, agreement.reference_ml, agreement.predicted_ml)
        axes.set(
            xscale="log",
            yscale="log",
            xlim=limits,
            ylim=limits,
            aspect="equal",
            xlabel="reference volume (ml)",
            ylabel="predicted volume (ml)",
            title=title,
        )
        axes.grid(visible=True)
        _plain_numbers(axes.xaxis)
        _plain_numbers(axes.yaxis)
        axes.legend(loc="upper left", title=_correlation_text(agreement), alignment="left")
        add_dice_scale(figure, axes, points)

    return Drawing(draw, width_in=5.6, height_in=4.6)


def _draw_points(
    axes: "Axes", agreement: VolumeAgreement, x: NDArray[np.float64], y: NDArray[np.float64]
) -> "PathCollection":
    """Draw the cases; the worst last, so that nothing covers them. Empty masks have no place."""
    from matplotlib.colors import Normalize

    order = np.argsort(-agreement.dice, kind="stable")
    return axes.scatter(
        x[order],
        y[order],
        c=agreement.dice[order],
        cmap=DICE_COLOURS,
        norm=Normalize(*DICE_RANGE),
        s=26,
        edgecolors=INK,  # the palest colour would be lost on white
        linewidths=0.4,
        zorder=3,
    )


def _draw_level(axes: "Axes", name: str, level: float, interval: tuple[float, float]) -> None:
    """Draw a line with its confidence band, and write its value at the right."""
    is_bias = name == "bias"
    colour = ACCENT if is_bias else QUIET
    axes.axhspan(*interval, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(level, color=colour, linewidth=1.2, linestyle="-" if is_bias else "--")
    axes.annotate(
        f"{name}  {signed(level)} %\n({signed(interval[0])} to {signed(interval[1])})",
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(-3, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=7.5,
        color=colour if is_bias else INK,
    )


def _name_cases_outside(axes: "Axes", agreement: VolumeAgreement) -> None:
    limits, differences = agreement.limits, agreement.difference_percent
    distance = np.abs(differences - limits.bias)
    for case in np.argsort(-distance, kind="stable")[:_MOST_NAMES]:
        if limits.lower <= differences[case] <= limits.upper:
            return
        axes.annotate(
            agreement.case_ids[case],
            (agreement.mean_ml[case], differences[case]),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=WARM,
        )


def _around(volumes_ml: NDArray[np.float64], right: float = 1.4) -> tuple[float, float]:
    """Range of a logarithmic axis that leaves some room on both sides."""
    positive = volumes_ml[volumes_ml > 0]
    return float(positive.min()) / 1.4, float(positive.max()) * right


def _plain_numbers(axis: "Axis") -> None:
    """Write 1, 10, 100 rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _correlation_text(agreement: VolumeAgreement) -> str:
    correlation = agreement.correlation
    if correlation.r is None:
        return f"n = {correlation.n}"
    text = f"n = {correlation.n}, r = {correlation.r:.3f}"
    if correlation.interval is None:
        return text
    low, high = correlation.interval
    return f"{text} ({low:.3f} to {high:.3f})"
