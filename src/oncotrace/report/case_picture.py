"""One picture of one case, from which a reader sees at a glance whether the mask is right."""

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Scan
from oncotrace.errors import GeometryMismatchError
from oncotrace.report.chart import printable
from oncotrace.report.legend import legend_entries, other_entries
from oncotrace.report.panel import (
    BACKGROUND,
    MASK_COLOUR,
    QUIET_COLOUR,
    TEXT_COLOUR,
    Panel,
    Shown,
    draw_panel,
)
from oncotrace.report.slices import (
    Frame,
    Plane,
    View,
    frame_around,
    largest_slice,
    middle_slice,
    nearest_slice,
    spread_slices,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_DPI = 100
_WIDTH, _EDGE, _GAP = 1400, 16, 12  # pixels, as all sizes of the page
_HEADER, _FOOTER = 74, 44
_PANEL = (_WIDTH - 2 * _EDGE - 2 * _GAP) // 3
_STRIP_COUNT = 7
_STRIP = (_WIDTH - 2 * _EDGE - (_STRIP_COUNT - 1) * _GAP) // _STRIP_COUNT
_LONGEST_TITLE = 110  # characters that fit into the width

_CT_WINDOW_HU = (-160.0, 240.0)  # soft tissue: level 40, width 400
_ORDER: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
_RESEARCH = "oncotrace · research use only, not for diagnosis"


def case_picture(
    scan: Scan,
    mask: Mask,
    *,
    title: str,
    clicks: Clicks | None = None,
    size: TumourSize | None = None,
    reference: Mask | None = None,
    probability: NDArray[np.float32] | None = None,
    others: Mapping[str, Mask] | None = None,
    footer: str = _RESEARCH,
) -> bytes:
    """Return a PNG, 1400 pixels wide: three planes, and axial slices from one end to the other.

    The planes are those of the grid, shown as radiologists see them (patient's right on the left,
    head or front up) and named after the patient's planes nearest to them. The axial one is the
    slice of the longest diameter, or without ``size`` the mask's largest; the others pass through
    its middle. The same input gives the same bytes.

    Parameters
    ----------
    title
        First line; the case id, never a patient's name.
    clicks
        Drawn filled near the plane, else hollow.
    size
        Measurements of ``mask``; the two axial diameters are drawn.
    reference
        Another outline to compare with.
    probability
        Of tumour, [z, y, x] on the scan's grid; where it is 10 % and 90 % is drawn in the planes.
    others
        Further structures by name, outlined in colours of their own.

    Raises
    ------
    GeometryMismatchError
        A mask or the reference is not on the scan's grid, or ``size`` is not of this mask.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    beside = dict(others or {})
    _require_one_grid(scan, mask, reference, size)
    for name, other in beside.items():
        other.geometry.require_match(scan.geometry, this=name, that="image")
    masks = [mask, *beside.values()] if reference is None else [mask, reference, *beside.values()]
    frame = frame_around(scan.geometry, masks, _all_points_mm(clicks))
    shown = Shown(scan, mask, reference, clicks, size, _window(scan, frame), probability, beside)

    height = _HEADER + _PANEL + _FOOTER + (0 if mask.is_empty else _STRIP + _GAP)
    figure = Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    _draw_header(figure, shown, title)
    axial = _draw_planes(figure, shown, frame)
    if not mask.is_empty:
        _draw_strip(figure, shown, axial)
    _draw_footer(figure, shown, footer)

    png = BytesIO()
    figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": None})
    return png.getvalue()


def _require_one_grid(
    scan: Scan, mask: Mask, reference: Mask | None, size: TumourSize | None
) -> None:
    mask.geometry.require_match(scan.geometry, this="mask", that="image")
    if reference is not None:
        reference.geometry.require_match(scan.geometry, this="reference mask", that="image")
    if size is not None and not 0 <= size.axial_slice < mask.geometry.size_xyz[size.axial_axis]:
        raise GeometryMismatchError(
            f"the measurements lie in slice {size.axial_slice}, the mask has "
            f"{mask.geometry.size_xyz[size.axial_axis]}.",
            hint="Measure the mask that is drawn.",
        )


def _all_points_mm(clicks: Clicks | None) -> NDArray[np.float64]:
    if clicks is None:
        return np.empty((0, 3))
    box = [] if clicks.box_mm is None else [clicks.box_mm]
    return np.concatenate([clicks.points_mm, *box])


def _window(scan: Scan, frame: Frame) -> tuple[float, float]:
    """Values shown black and white: soft tissue on CT, else 1st to 99th percentile in the frame."""
    if scan.modality == "ct":
        return _CT_WINDOW_HU
    low, high = (float(value) for value in np.percentile(frame.crop(scan.voxels), (1, 99)))
    return (low, high) if high > low else (low, low + 1.0)


def _draw_planes(figure: "Figure", shown: Shown, frame: Frame) -> Panel:
    """Draw the three large panels; return the axial one."""
    panels = {}
    for place, plane in enumerate(_ORDER):
        view = frame.view(plane)
        panels[plane] = Panel(
            view,
            _slice_to_show(view, shown),
            half_width_mm=frame.half_width_mm(plane),
            side_px=_PANEL,
        )
        left = _EDGE + place * (_PANEL + _GAP)
        draw_panel(_axes(figure, left, _HEADER, _PANEL), panels[plane], shown)
    return panels["axial"]


def _slice_to_show(view: View, shown: Shown) -> int:
    if view.plane == "axial" and shown.size is not None:
        return shown.size.axial_slice
    if shown.mask.is_empty:
        centre = view.geometry.to_index(view.centre_mm)[view.across]
        return nearest_slice(view, np.arange(view.geometry.size_xyz[view.across]), centre)
    return (largest_slice if view.plane == "axial" else middle_slice)(view, shown.mask)


def _draw_strip(figure: "Figure", shown: Shown, axial: Panel) -> None:
    """Draw small axial slices through the mask, from the head to the feet."""
    top = _HEADER + _PANEL + _GAP
    for place, index in enumerate(spread_slices(axial.view, shown.mask, _STRIP_COUNT)):
        panel = Panel(
            axial.view, index, half_width_mm=axial.half_width_mm, side_px=_STRIP, is_small=True
        )
        draw_panel(_axes(figure, _EDGE + place * (_STRIP + _GAP), top, _STRIP), panel, shown)


def _axes(figure: "Figure", left: int, top: int, side: int) -> "Axes":
    """Return square axes at pixels from the page's upper left corner."""
    width, height = figure.get_size_inches() * _DPI
    return figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))


def _draw_header(figure: "Figure", shown: Shown, title: str) -> None:
    _write(figure, printable(title, _LONGEST_TITLE), top=24, size_pt=15, weight="bold")
    if shown.mask.is_empty:
        _write(figure, "Empty mask: no voxel is set.", top=54, size_pt=11, colour=MASK_COLOUR)
    elif shown.size is not None:
        _write(figure, _size_line(shown.size), top=54, size_pt=11)
    _draw_legend(figure, other_entries(shown), top=54, is_right=True)


def _size_line(size: TumourSize) -> str:
    decimals = 1 if size.volume_ml >= 10 else 3
    return (
        f"volume {size.volume_ml:.{decimals}f} ml"
        f"   ·   longest axial {size.longest_axial.length_mm:.1f} mm"
        f"   ·   perpendicular {size.perpendicular.length_mm:.1f} mm"
        f"   ·   longest 3D {size.longest_3d.length_mm:.1f} mm"
    )


def _draw_footer(figure: "Figure", shown: Shown, footer: str) -> None:
    height = figure.get_size_inches()[1] * _DPI
    _draw_legend(figure, legend_entries(shown), top=height - _FOOTER / 2)
    _write(
        figure,
        printable(footer, _LONGEST_TITLE),
        top=height - _FOOTER / 2,
        size_pt=9.5,
        colour=QUIET_COLOUR,
        is_right=True,
    )


def _draw_legend(
    figure: "Figure", entries: "list[Line2D]", *, top: float, is_right: bool = False
) -> None:
    """Draw one line of entries whose middle is ``top`` pixels below the page's upper edge."""
    if not entries:
        return
    height = figure.get_size_inches()[1] * _DPI
    inset = (_EDGE - 8) / _WIDTH
    figure.legend(
        handles=entries,
        loc="center right" if is_right else "center left",
        bbox_to_anchor=(1 - inset if is_right else inset, 1 - top / height),
        ncols=len(entries),
        frameon=False,
        fontsize=9.5,
        labelcolor=TEXT_COLOUR,
        handlelength=1.6,
        columnspacing=1.6,
        borderpad=0,
    )


def _write(
    figure: "Figure",
    text: str,
    *,
    top: float,
    size_pt: float,
    colour: str = TEXT_COLOUR,
    weight: str = "normal",
    is_right: bool = False,
) -> None:
    """Write one line whose middle is ``top`` pixels below the page's upper edge."""
    height = figure.get_size_inches()[1] * _DPI
    figure.text(
        1 - _EDGE / _WIDTH if is_right else _EDGE / _WIDTH,
        1 - top / height,
        text,
        fontsize=size_pt,
        color=colour,
        weight=weight,
        family="DejaVu Sans",
        ha="right" if is_right else "left",
        va="center",
        parse_math=False,
    )
