"""A picture of a registration: the two images woven together before and after, on three planes."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.report.chart import chart, printable
from oncotrace.report.grey_window import grey_window
from oncotrace.report.panel import BACKGROUND, MASK_COLOUR, OTHER_COLOURS, TEXT_COLOUR
from oncotrace.report.slices import PLANES, View, frame_around, middle_slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SQUARE_MM = 25.0
_MOVED_COLOUR = np.array([1.0, 0.82, 0.62])  # so that it is seen which square is whose
_COLUMN_IN, _ROW_IN, _HEAD_IN = 3.2, 3.3, 0.9


def registration_picture(
    fixed: Scan,
    before: Scan,
    after: Scan,
    masks: Mapping[str, tuple[Mask, Mask]],
    *,
    title: str,
    verdict: str,
) -> bytes:
    """PNG of two rows, before and after; axial, coronal and sagittal, in squares of 25 mm.

    Grey squares are of the fixed image, warm ones of the moving one. The slices pass through the
    middle of the first mask that is not empty after registration, without one through the grid's
    middle; where a mask has voxels the outlines are drawn on both rows. The same input gives the
    same bytes.

    Parameters
    ----------
    before, after
        The moving image on the fixed one's grid, as it lies and as it was moved.
    masks
        By name the mask before and after, on the fixed image's grid.
    title, verdict
        Lines above the picture: no patient's name.

    Raises
    ------
    GeometryMismatchError
        An image or a mask is not on the fixed image's grid.
    """
    for name, scan in (("image before", before), ("image after", after)):
        scan.geometry.require_match(fixed.geometry, this=name, that="fixed image")
    for name, pair in masks.items():
        for mask in pair:
            mask.geometry.require_match(fixed.geometry, this=name, that="fixed image")
    guide = next((mask for _, mask in masks.values() if not mask.is_empty), None)
    frame = frame_around(fixed.geometry, [], np.empty((0, 3)))

    def draw(figure: "Figure") -> None:
        figure.patch.set_facecolor(BACKGROUND)
        lines = (printable(title, 100), *_wrapped(verdict))
        figure.suptitle("\n".join(lines), color=TEXT_COLOUR, fontsize=9.0, ha="left", x=0.02)
        grid = figure.subplots(2, len(PLANES), squeeze=False)
        for row, (label, scan) in enumerate((("before", before), ("after", after))):
            outlines = [(pair[row], _colour(place)) for place, pair in enumerate(masks.values())]
            for axes, plane in zip(grid[row], reversed(PLANES), strict=True):
                view = frame.view(plane)
                index = _slice_of(view, guide)
                _draw_woven(axes, view, index, fixed, scan, outlines)
                axes.set_title(f"{label}, {view.name.lower()}", color=TEXT_COLOUR, fontsize=8.5)

    return chart(draw, width_in=3 * _COLUMN_IN, height_in=2 * _ROW_IN + _HEAD_IN)


def _colour(place: int) -> str:
    colours = cycle((MASK_COLOUR, *OTHER_COLOURS))
    return next(colour for at, colour in enumerate(colours) if at == place)


def _slice_of(view: View, guide: Mask | None) -> int:
    if guide is not None:
        return middle_slice(view, guide)
    return (view.geometry.size_xyz[view.across] - 1) // 2


def _draw_woven(
    axes: "Axes",
    view: View,
    index: int,
    fixed: Scan,
    moved: Scan,
    outlines: Sequence[tuple[Mask, str]],
) -> None:
    from matplotlib.collections import LineCollection

    axes.imshow(_woven(view, index, fixed, moved), extent=view.extent_mm(), interpolation="nearest")
    for mask, colour in outlines:
        pieces = list(view.outline_mm(mask, index))
        axes.add_collection(LineCollection(pieces, colors=colour, linewidths=0.9))
    axes.set_axis_off()


def _woven(view: View, index: int, fixed: Scan, moved: Scan) -> NDArray[np.float64]:
    """Rows and columns of colours, shape (n, m, 3): squares of one image and of the other."""
    here, there = (_grey(view.image(scan.voxels, index), scan) for scan in (fixed, moved))
    left, right, bottom, top = view.extent_mm()
    rows, columns = here.shape
    down = np.floor(np.arange(rows) * abs(bottom - top) / rows / _SQUARE_MM)
    across = np.floor(np.arange(columns) * abs(right - left) / columns / _SQUARE_MM)
    is_fixed = (down[:, None] + across[None, :]) % 2 == 0
    return np.where(is_fixed[..., None], here[..., None], there[..., None] * _MOVED_COLOUR)


def _grey(rows: NDArray[np.float32], scan: Scan) -> NDArray[np.float64]:
    window = grey_window(scan.modality, scan.voxels.ravel())
    return window.grey_levels(rows) / 255.0


def _wrapped(text: str, longest: int = 110) -> list[str]:
    lines: list[str] = []
    for word in printable(text, 500).split():
        if lines and len(lines[-1]) + len(word) < longest:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
