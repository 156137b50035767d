"""Picture of how often voxels of each predicted probability are tumour."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.chart import ACCENT, INK, QUIET, WARM, Drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (ACCENT, WARM, INK)
_LEAST_VOXELS = 100

Counts = Mapping[str, NDArray[np.float64]]
"""By bins of predicted probability: ``voxels``, ``tumour`` of them, sum of ``probability``."""


def calibration_picture(curves: Mapping[str, Counts], *, title: str) -> Drawing:
    """Return a drawing: observed share of tumour over mean predicted probability, bin by bin.

    On the diagonal, probabilities come true; below it they are too high. Bins of fewer than a
    hundred voxels are left out. At most three curves can be told apart.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
        for colour, (name, counts) in zip(_COLOURS, curves.items(), strict=False):
            predicted, observed = _shares(counts)
            axes.plot(predicted, observed, color=colour, marker="o", markersize=3, label=name)
        axes.set(
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
            xlabel="predicted probability of tumour",
            ylabel="share of voxels that are tumour",
            title=title,
        )
        axes.grid(visible=True)
        axes.legend(loc="upper left")

    return Drawing(draw, width_in=4.8, height_in=4.8)


def _shares(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    enough = counts["voxels"] >= _LEAST_VOXELS
    voxels = counts["voxels"][enough]
    return counts["probability"][enough] / voxels, counts["tumour"][enough] / voxels
