"""Picture of how the trainings of a model went."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.learning.curve import Curve
from oncotrace.report.chart import QUIET, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# After Okabe and Ito 2008: told apart by people of any colour vision; a sixth fold begins again.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
_SMOOTHED_SHARE = 25
_OUTLIERS_PERCENT = 0.5


def training_curves_picture(curves: Mapping[int, Curve]) -> bytes:
    """Return a PNG: loss of every fold over the steps, validation if any, and the learning rate.

    Drawn strong is the running mean of the loss over 4 % of the steps; behind it, for a single
    fold, pale that of every step. The scale leaves out the most extreme half percent of what is
    drawn on either side.

    Parameters
    ----------
    curves
        What `oncotrace.learning.curve.read_curve` read, by fold; unfinished trainings too.
    """
    begun = {fold: curves[fold] for fold in sorted(curves) if len(curves[fold].loss)}
    is_validated = any(np.isfinite(curve.validation).any() for curve in begun.values())
    heights = (4, 2, 1) if is_validated else (4, 1)

    def draw(figure: "Figure") -> None:
        panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        losses, *_, rates = panels
        for place, (fold, curve) in enumerate(begun.items()):
            colour = _COLOURS[place % len(_COLOURS)]
            _draw_losses(losses, curve, colour, f"fold {fold}", is_alone=len(begun) == 1)
            steps = np.arange(1, len(curve.loss) + 1)
            rates.plot(steps, curve.learning_rate, color=colour, linewidth=1.0)
            if is_validated:
                scored = np.isfinite(curve.validation)
                panels[1].plot(steps[scored], curve.validation[scored], "o-", ms=3, color=colour)
                panels[1].set_ylabel("validation")
        losses.set(title="Training", ylabel="loss")
        rates.set(xlabel="step", ylabel="learning rate")
        for axes in panels:
            axes.grid(visible=True)
        figure.align_ylabels(panels)
        if begun:
            losses.set_ylim(*_range_of_losses(list(begun.values())))
            losses.legend(loc="upper right", ncols=2)
        else:
            losses.text(
                0.5, 0.5, "no step yet", color=QUIET, ha="center", transform=losses.transAxes
            )

    return chart(draw, width_in=6.4, height_in=3.2 + 0.8 * len(heights))


def running_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Mean of each value and its neighbours, shape as ``values``; fewer neighbours at the ends.

    Parameters
    ----------
    window
        Values that are averaged; an even number counts as the next odd one.
    """
    reach = window // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    means: NDArray[np.float64] = (sums[high] - sums[low]) / (high - low)
    return means


def _draw_losses(axes: "Axes", curve: Curve, colour: str, label: str, *, is_alone: bool) -> None:
    steps = np.arange(1, len(curve.loss) + 1)
    if is_alone:
        axes.plot(steps, curve.loss, color=colour, linewidth=0.4, alpha=0.25)
    axes.plot(steps, _smoothed(curve), color=colour, linewidth=1.5, label=label)


def _smoothed(curve: Curve) -> NDArray[np.float64]:
    return running_mean(curve.loss, max(1, len(curve.loss) // _SMOOTHED_SHARE))


def _range_of_losses(curves: list[Curve]) -> tuple[float, float]:
    """Range of the axis, which single odd steps do not decide."""
    alone = len(curves) == 1
    losses = np.concatenate([curve.loss if alone else _smoothed(curve) for curve in curves])
    low, high = np.percentile(losses, (_OUTLIERS_PERCENT, 100 - _OUTLIERS_PERCENT))
    margin = 0.05 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
