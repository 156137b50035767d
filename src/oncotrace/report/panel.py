"""One slice of a case: image, outlines, clicks, diameters, orientation, scale."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter, TumourSize
from oncotrace.domain.scan import Scan
from oncotrace.report.probability_lines import draw_probability_lines
from oncotrace.report.slices import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patheffects import AbstractPathEffect

# Told apart by people with any colour vision on grey images (after Okabe and Ito 2008).
MASK_COLOUR = "#ffb000"
REFERENCE_COLOUR = "#56b4e9"
CLICK_COLOUR = "#ff7fd0"
OTHER_COLOURS = ("#2ee6a8", "#56b4e9", "#d9a0ff", "#f0e442", "#ff6b4a", "#b0c4de")
"""Of structures besides the mask, in turn."""
LINE_COLOUR = "#ffffff"
BACKGROUND = "#15181c"
TEXT_COLOUR = "#e8eaed"
QUIET_COLOUR = "#aab0b8"
_FRAME_COLOUR = "#3a4048"

_NEAR_MM = 3.0  # a click this near to a plane, or within a slice of it, is drawn filled
_SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
_SLANT = 0.38  # sine of 22.5 degrees: a line less steep than that counts as level
_AXIS_NAMES = {"sagittal": "x", "coronal": "y", "axial": "z"}


@dataclass(frozen=True, eq=False)
class Shown:
    """What is drawn of a case, and which values are black and white."""

    scan: Scan
    mask: Mask
    reference: Mask | None
    clicks: Clicks | None
    size: TumourSize | None
    window: tuple[float, float]
    probability: NDArray[np.float32] | None = None
    others: Mapping[str, Mask] = field(default_factory=dict)

    def other_colours(self) -> dict[str, str]:
        """Colour of every other structure by its name."""
        return dict(zip(self.others, cycle(OTHER_COLOURS), strict=False))


@dataclass(frozen=True, eq=False)
class Panel:
    """A square that shows one slice around the view's centre; small ones carry outlines only."""

    view: View
    index: int
    half_width_mm: float
    side_px: int
    is_small: bool = False

    @property
    def mm_per_px(self) -> float:
        """Size of a pixel, the same in both directions."""
        return 2 * self.half_width_mm / self.side_px


def draw_panel(axes: "Axes", panel: Panel, shown: Shown) -> None:
    """Draw one slice of the case."""
    view, half = panel.view, panel.half_width_mm
    axes.set(xlim=(-half, half), ylim=(half, -half), xticks=[], yticks=[], facecolor="black")
    axes.spines[:].set_color(_FRAME_COLOUR)
    axes.imshow(
        view.image(shown.scan.voxels, panel.index),
        cmap="gray",
        vmin=shown.window[0],
        vmax=shown.window[1],
        extent=view.extent_mm(),
        interpolation="bilinear",
        aspect="auto",  # the axes are square and show as many mm across as down
    )
    if shown.reference is not None:
        _draw_outline(axes, panel, shown.reference, REFERENCE_COLOUR)
    for name, colour in shown.other_colours().items():
        _draw_outline(axes, panel, shown.others[name], colour)
    _draw_outline(axes, panel, shown.mask, MASK_COLOUR)
    if not panel.is_small:
        if shown.probability is not None:
            draw_probability_lines(axes, view, panel.index, shown.probability, MASK_COLOUR)
        if view.plane == "axial" and shown.size is not None:
            _draw_diameter(axes, panel, shown.size.longest_axial)
            _draw_diameter(axes, panel, shown.size.perpendicular)
        if shown.clicks is not None:
            _draw_clicks(axes, panel, shown.clicks)
        _draw_letters(axes, panel)
        _draw_scale_bar(axes, panel)
    if shown.mask.is_empty:
        _write(axes, (0.5, 0.42), "empty mask", size_pt=15, colour=MASK_COLOUR, ha="center")
    inset = 7 / panel.side_px
    _write(axes, (inset, 1 - inset), _caption(panel), size_pt=8 if panel.is_small else 10)


def _caption(panel: Panel) -> str:
    """Where the slice is; the index, as results count it, where it can be compared with them."""
    view = panel.view
    position_mm = round(view.position_mm(panel.index), 1) + 0.0  # never -0.0
    position = f"{_AXIS_NAMES[view.plane]} {position_mm:.1f} mm".replace("-", "−")
    if view.plane == "axial":
        position = f"slice {panel.index} · {position}"
    return position if panel.is_small else f"{view.name}\n{position}"


def _draw_outline(axes: "Axes", panel: Panel, mask: Mask, colour: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    pieces = panel.view.outline_mm(mask, panel.index)
    codes = np.tile([Path.MOVETO, Path.LINETO], len(pieces))
    outline = PathPatch(  # one path, so that no piece's rim covers its neighbour
        Path(pieces.reshape(-1, 2), codes),
        fill=False,
        edgecolor=colour,
        linewidth=1.1 if panel.is_small else 1.5,
        capstyle="round",
        path_effects=_halo(2.4 if panel.is_small else 3.0, alpha=0.45),
    )
    axes.add_artist(outline)


def _draw_diameter(axes: "Axes", panel: Panel, diameter: Diameter) -> None:
    """Draw the line, and its length beyond the end that is farther right or, if upright, up."""
    ends = panel.view.to_screen_mm([diameter.start_mm, diameter.end_mm])
    axes.plot(
        *ends.T,
        color=LINE_COLOUR,
        linewidth=1.3,
        path_effects=_halo(2.8, alpha=0.7),
        solid_capstyle="butt",
    )
    way = ends[1] - ends[0]
    length = float(np.linalg.norm(way))
    way = way / length if length > 0 else np.array([1.0, 0.0])
    if way[0] < 0 or (way[0] < _SLANT and way[1] > 0):
        way = -way
    end = ends[np.argmax(ends @ way)] + 5 * panel.mm_per_px * way
    if way[0] > _SLANT:  # not over the orientation letter, which stands at half height
        clear_mm = 22 * panel.mm_per_px
        end[1] = min(end[1], -clear_mm) if end[1] <= 0 else max(end[1], clear_mm)
    axes.text(
        end[0],
        end[1],
        f"{diameter.length_mm:.1f} mm",
        color=LINE_COLOUR,
        fontsize=9.5,
        weight="bold",
        family="DejaVu Sans",
        ha="left" if way[0] > _SLANT else "center",
        va="center" if abs(way[1]) < _SLANT else ("bottom" if way[1] < 0 else "top"),
        path_effects=_halo(2.5),
        clip_on=True,
    )


def correction_marker(is_tumour: bool) -> str:
    """Return matplotlib's name of the marker of a correction: a plus for tumour, else a cross."""
    return "P" if is_tumour else "X"


def _draw_clicks(axes: "Axes", panel: Panel, clicks: Clicks) -> None:
    if clicks.box_mm is not None:
        _draw_box(axes, panel, clicks.box_mm)
    corrections = clicks.standing_corrections()
    groups = [("o", clicks.points_mm)]
    for correction in corrections:
        is_line = correction.kind == "stroke"
        marked = correction.points_mm[:1] if is_line else correction.points_mm
        groups.append((correction_marker(correction.marks_tumour), marked))
        if is_line:
            on_screen = panel.view.to_screen_mm(correction.points_mm)
            axes.plot(*on_screen.T, color=CLICK_COLOUR, linewidth=1.6, path_effects=_halo(2.8))
    near_mm = max(_NEAR_MM, panel.view.geometry.spacing_mm[panel.view.across])
    for marker, points_mm in groups:
        if len(points_mm) == 0:
            continue
        is_near = panel.view.distance_mm(points_mm, panel.index) <= near_mm
        on_screen = panel.view.to_screen_mm(points_mm)
        for place, is_filled in zip(on_screen, is_near, strict=True):
            axes.plot(
                *place,
                linestyle="",
                marker=marker,
                markersize=6.5,
                markerfacecolor=CLICK_COLOUR if is_filled else "none",
                markeredgecolor="black" if is_filled else CLICK_COLOUR,
                markeredgewidth=0.8 if is_filled else 1.2,
            )


def _draw_box(axes: "Axes", panel: Panel, box_mm: NDArray[np.float64]) -> None:
    """Draw the shadow of the box, which is along the patient's axes, on the plane."""
    from matplotlib.patches import Polygon
    from scipy.spatial import ConvexHull

    corners = panel.view.to_screen_mm(list(product(*box_mm.T)))
    if np.ptp(corners, axis=0).min() > 0:
        outline = corners[ConvexHull(corners).vertices]
        axes.add_patch(
            Polygon(outline, fill=False, edgecolor=CLICK_COLOUR, linewidth=1.2, linestyle="--")
        )


def _draw_letters(axes: "Axes", panel: Panel) -> None:
    inset = 8 / panel.side_px
    places = ((inset, 0.5), (1 - inset, 0.5), (0.5, 1 - inset), (0.5, inset))
    aligned = (("left", "center"), ("right", "center"), ("center", "top"), ("center", "bottom"))
    for letters, place, (ha, va) in zip(panel.view.letters(), places, aligned, strict=True):
        _write(axes, place, letters, size_pt=12, ha=ha, va=va, weight="bold")


def _draw_scale_bar(axes: "Axes", panel: Panel) -> None:
    most_mm = 0.28 * 2 * panel.half_width_mm
    bar_mm = max((bar for bar in _SCALE_BARS_MM if bar <= most_mm), default=_SCALE_BARS_MM[0])
    left = -panel.half_width_mm + 10 * panel.mm_per_px
    down = panel.half_width_mm - 12 * panel.mm_per_px
    axes.plot(
        [left, left + bar_mm],
        [down, down],
        color=TEXT_COLOUR,
        linewidth=2.5,
        solid_capstyle="butt",
        path_effects=_halo(4.0),
    )
    place = (10 / panel.side_px, 18 / panel.side_px)
    _write(axes, place, f"{bar_mm} mm", size_pt=9.5, va="bottom")


def _write(
    axes: "Axes",
    place: tuple[float, float],
    text: str,
    *,
    size_pt: float,
    colour: str = TEXT_COLOUR,
    weight: str = "normal",
    ha: str = "left",
    va: str = "top",
) -> None:
    """Write at a place given in fractions of the panel, from its lower left corner."""
    axes.text(
        *place,
        text,
        transform=axes.transAxes,
        color=colour,
        fontsize=size_pt,
        weight=weight,
        family="DejaVu Sans",
        ha=ha,
        va=va,
        path_effects=_halo(2.5),
    )


def _halo(width: float, alpha: float = 0.9) -> "list[AbstractPathEffect]":
    """Dark rim that keeps lines and letters legible on bright tissue."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground="black", alpha=alpha), Normal()]
