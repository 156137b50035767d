"""Picture of where readers agree: contours of what one, half and nearly all have outlined."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.report.chart import INK, QUIET, Drawing, printable
from oncotrace.report.grey_window import grey_window
from oncotrace.report.slices import Frame, View, frame_around, largest_slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONTOUR_COLOURS = ("#56b4e9", "#ffb000", "#ff6b4a")
"""Of the contours in turn; told apart on grey images."""
STAPLE_COLOUR = "#2ee6a8"

_THIN, _LINE, _BROAD = 0.5, 1.5, 3.5  # points


def contours_drawing(
    contours: Mapping[str, Mask],
    consensus: Mask,
    readers: Mapping[str, Mask],
    scan: Scan | None,
    *,
    title: str,
) -> Drawing:
    """Draw contours and readers' outlines on the axial slice in which the first contour is largest.

    Parameters
    ----------
    contours
        Masks by what the legend calls them, the widest first; the first is not empty.
    consensus
        What STAPLE makes of them, drawn broad below the contours.
    readers
        Outlines of the readers, drawn thin.
    scan
        Image under the outlines, on their grid; white paper without one.

    Raises
    ------
    GeometryMismatchError
        The image has another grid.
    """
    widest = next(iter(contours.values()))
    if scan is not None:
        scan.geometry.require_match(widest.geometry, this="image", that="masks")
    frame = frame_around(widest.geometry, [widest], np.empty((0, 3)))
    view = frame.view("axial")
    index = largest_slice(view, widest)

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        if scan is not None:
            _draw_slice(axes, view, frame, scan, index)
        lines = [("STAPLE", consensus, STAPLE_COLOUR, _BROAD)]
        lines += [
            ("", mask, QUIET if scan is None else "white", _THIN) for mask in readers.values()
        ]
        lines += [
            (name, mask, colour, _LINE)
            for (name, mask), colour in zip(contours.items(), CONTOUR_COLOURS, strict=False)
        ]
        for name, mask, colour, width in lines:
            _draw_outline(axes, view, mask, index, colour, width)
            if name:
                axes.plot([], [], color=colour, linewidth=width, label=printable(name, 40))
        reach_mm = frame.half_width_mm("axial")
        axes.set(xlim=(-reach_mm, reach_mm), ylim=(reach_mm, -reach_mm), aspect="equal")
        left, right, _, bottom = view.letters()
        axes.set(xticks=[], yticks=[], xlabel=bottom, title=printable(title, 60))
        axes.set_ylabel(left, rotation=0, labelpad=8)
        axes.annotate(right, (1.02, 0.5), xycoords="axes fraction", va="center", color=INK)
        figure.legend(loc="outside lower left", ncols=2, fontsize=8)

    return Drawing(draw, width_in=4.8, height_in=5.4)


def _draw_slice(axes: "Axes", view: View, frame: Frame, scan: Scan, index: int) -> None:
    rows = view.image(scan.voxels, index)
    window = grey_window(scan.modality, frame.crop(scan.voxels).ravel())
    axes.imshow(window.grey_levels(rows), cmap="gray", vmin=0, vmax=255, extent=view.extent_mm())


def _draw_outline(
    axes: "Axes", view: View, mask: Mask, index: int, colour: str, width: float
) -> None:
    from matplotlib.collections import LineCollection

    pieces = view.outline_mm(mask, index)
    alpha = 1.0 if width == _LINE else 0.55
    axes.add_collection(LineCollection(list(pieces), colors=colour, linewidths=width, alpha=alpha))
