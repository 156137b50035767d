"""A picture of a pre-processing: the image and its histogram before and after every step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.planes import patient_axes
from oncotrace.report.chart import ACCENT, QUIET, WARM, chart
from oncotrace.report.slices import PLANES, Plane, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 128
_SHOWN = (0.5, 99.5)  # percentiles
_WIDTH_IN, _ROW_IN = 7.0, 2.3
_NEARLY_EVEN = 1.2


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Middle slice and histogram of an image at one stage.

    Parameters
    ----------
    slice_rows
        Rows from top to bottom, columns from left, as a radiologist sees them.
    extent_mm
        Left, right, bottom and top edge of the slice.
    outline_mm
        Pieces of the mask's outline in the slice, shape (n, 2, 2).
    counts, edges
        Histogram between the 0.5 and 99.5 percentiles.
    """

    title: str
    slice_rows: NDArray[np.float32]
    extent_mm: tuple[float, float, float, float]
    outline_mm: NDArray[np.float64]
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


def acquired_plane(geometry: Geometry) -> Plane:
    """Plane across the coarsest axis; axial where the voxels are nearly cubes."""
    spacing = np.asarray(geometry.spacing_mm)
    if spacing.max() < _NEARLY_EVEN * spacing.min():
        return "axial"
    return PLANES[list(patient_axes(geometry)).index(int(spacing.argmax()))]


def snapshot(title: str, scan: Scan, mask: Mask | None, plane: Plane) -> Snapshot:
    """Take what the picture shows of an image, so that the image itself need not be kept.

    The slice lies in the middle of the mask's box, or of the grid if there is none.
    """
    geometry = scan.geometry
    centre = (np.asarray(geometry.size_xyz) - 1) / 2
    if mask is not None and not mask.is_empty:
        centre = np.array([(s.start + s.stop - 1) / 2 for s in reversed(mask.box_zyx())])
    view = View(plane, geometry, geometry.to_point_mm(centre))
    index = int(centre[view.across])
    low, high = np.percentile(scan.voxels, _SHOWN)
    counts, edges = np.histogram(scan.voxels, bins=_BINS, range=(float(low), float(high)))
    return Snapshot(
        title,
        view.image(scan.voxels, index).copy(),
        view.extent_mm(),
        np.empty((0, 2, 2)) if mask is None else view.outline_mm(mask, index),
        counts,
        edges,
    )


def preprocessing_picture(snapshots: Sequence[Snapshot]) -> bytes:
    """PNG with a row for every stage: middle slice with the mask's outline, and histogram."""

    def draw(figure: "Figure") -> None:
        grid = figure.subplots(len(snapshots), 2, squeeze=False, width_ratios=(1, 1.4))
        for (left, right), taken in zip(grid, snapshots, strict=True):
            _draw_slice(left, taken)
            _draw_histogram(right, taken)

    return chart(draw, width_in=_WIDTH_IN, height_in=_ROW_IN * len(snapshots))


def _draw_slice(axes: "Axes", taken: Snapshot) -> None:
    from matplotlib.collections import LineCollection

    axes.imshow(
        taken.slice_rows,
        cmap="gray",
        vmin=float(taken.edges[0]),
        vmax=float(taken.edges[-1]),
        extent=taken.extent_mm,
        interpolation="nearest",
    )
    axes.add_collection(LineCollection(list(taken.outline_mm), colors=WARM, linewidths=0.8))
    axes.set_axis_off()


def _draw_histogram(axes: "Axes", taken: Snapshot) -> None:
    axes.stairs(taken.counts, taken.edges, fill=True, color=ACCENT, alpha=0.8)
    axes.set_title(taken.title)
    axes.set_yticks([])
    axes.tick_params(colors=QUIET)
    axes.spines["left"].set_visible(False)
