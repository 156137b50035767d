"""Where the probability of tumour is 10 % and 90 %: the nearer, the surer is the mask there."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.slices import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES: dict[float, Literal[":", "--"]] = {0.1: ":", 0.9: "--"}
"""Probability and style of each line; the mask's outline stands for 50 %."""
LINE_WIDTH = 0.9


def draw_probability_lines(
    axes: "Axes", view: View, index: int, probability: NDArray[np.float32], colour: str
) -> None:
    """Draw the lines of one slice; none of a level that the slice does not cross.

    Parameters
    ----------
    probability
        Of tumour, [z, y, x], on the grid of the view.
    """
    slice_ = view.image(probability, index)
    crossed = [level for level in LINES if slice_.min() < level < slice_.max()]
    if not crossed:
        return
    left, right, bottom, top = view.extent_mm()
    rows, columns = slice_.shape
    axes.contour(
        left + (np.arange(columns) + 0.5) * (right - left) / columns,
        top + (np.arange(rows) + 0.5) * (bottom - top) / rows,
        slice_,
        levels=sorted(crossed),
        colors=colour,
        linewidths=LINE_WIDTH,
        linestyles=[LINES[level] for level in sorted(crossed)],
    )
