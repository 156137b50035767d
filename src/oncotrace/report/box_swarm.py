"""Boxes and swarms: every value of every group, with brackets over the groups that differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oncotrace.report.chart import INK, QUIET, Drawing, printable
from oncotrace.report.significance import p_text, stars

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

SIGNIFICANT = 0.05
# Okabe and Ito 2008, told apart by the colour-blind too.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#f0e442")
_ROWS = 40  # a swarm's point is one of so many parts of the axis high
_HALF_BOX = 0.28
_WIDEST_SWARM = 0.36
_COLUMNS = 3
_FEW_PAIRS = 3
_LONG_LABEL = 10
_MANY_POINTS = 100


@dataclass(frozen=True)
class Bracket:
    """That two groups, counted from 0, were compared, and what came out."""

    first: int
    second: int
    p_value: float


@dataclass(frozen=True)
class Panel:
    """One column of values: finite values by group in order, and what was compared.

    ``is_paired`` says that the groups hold the same cases in the same order, which lines connect.
    """

    title: str
    groups: Mapping[str, NDArray[np.float64]]
    brackets: Sequence[Bracket] = ()
    is_paired: bool = False


def box_swarm(panels: Sequence[Panel]) -> Drawing:
    """Box (quartiles, median; whiskers to the last value within 1.5 IQR) and every value.

    Brackets carry the p values as given, with one to three stars below 0.05, 0.01 and 0.001; of
    more than three comparisons only those below 0.05 are drawn.
    """
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    widest = max(len(panel.groups) for panel in panels)

    def draw(figure: "Figure") -> None:
        for place, panel in enumerate(panels, start=1):
            _draw_panel(figure.add_subplot(rows, columns, place), panel)

    width = max(2.6, 0.9 + 0.85 * widest)
    return Drawing(draw, width_in=max(3.2, width * columns), height_in=3.9 * rows)


def swarm_offsets(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return how far each point moves sideways, in steps, so that points do not lie on each other.

    Parameters
    ----------
    values
        Shape (n,), finite.
    low, high
        Ends of the axis. From the lowest value up, each point takes the first of the places 0, 1,
        -1, 2, ... whose last point is at least a part of the axis below.
    """
    height = (high - low) / _ROWS if high > low else 1.0
    offsets = np.zeros(len(values))
    last: dict[int, float] = {}
    for place in np.argsort(values, kind="stable").tolist():
        value = float(values[place])
        step = next(k for k in _sideways() if value - last.get(k, -math.inf) >= height)
        last[step] = value
        offsets[place] = step
    return offsets


def _sideways() -> Iterator[int]:
    yield 0
    for step in count(1):
        yield step
        yield -step


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    every = np.concatenate(list(panel.groups.values()))
    low, high = float(every.min()), float(every.max())
    positions = []
    for place, (group, values) in enumerate(panel.groups.items()):
        _draw_box(axes, place, values)
        offsets = swarm_offsets(values, low, high)
        step = min(0.06, _WIDEST_SWARM / max(1.0, float(np.abs(offsets).max(initial=0))))
        positions.append(place + offsets * step)
        axes.scatter(
            positions[-1], values, s=14 if len(values) < _MANY_POINTS else 7,
            color=_COLOURS[place % len(_COLOURS)], edgecolors="white", linewidths=0.3, zorder=3,
            label=group,
        )  # fmt: skip
    if panel.is_paired:
        _connect(axes, positions, list(panel.groups.values()))
    top = _draw_brackets(axes, panel, low, high)
    axes.set_ylim(low - 0.06 * ((high - low) or 1.0), top)
    axes.set_xlim(-0.6, len(panel.groups) - 0.4)
    _name_groups(axes, panel)
    axes.set_title(printable(panel.title))
    axes.grid(axis="y", visible=True)


def _name_groups(axes: "Axes", panel: Panel) -> None:
    """Write label and n below each group, slanted where long labels would run into each other."""
    labels = [f"{printable(group, 20)}\nn = {len(of)}" for group, of in panel.groups.items()]
    is_slanted = max(map(len, panel.groups)) > _LONG_LABEL and len(labels) > 2
    axes.set_xticks(
        range(len(labels)),
        labels,
        rotation=35 if is_slanted else 0,
        ha="right" if is_slanted else "center",
        rotation_mode="anchor" if is_slanted else "default",
    )


def _draw_box(axes: "Axes", place: int, values: NDArray[np.float64]) -> None:
    q1, median, q3 = np.percentile(values, (25, 50, 75))
    reach = 1.5 * (q3 - q1)
    inside = values[(values >= q1 - reach) & (values <= q3 + reach)]
    axes.add_patch(_rectangle(place - _HALF_BOX, q1, 2 * _HALF_BOX, q3 - q1))
    axes.hlines(median, place - _HALF_BOX, place + _HALF_BOX, color=INK, linewidth=1.6, zorder=4)
    ends = ((q1, float(inside.min(initial=q1))), (q3, float(inside.max(initial=q3))))
    for quartile, end in ends:
        axes.vlines(place, quartile, end, color=QUIET, linewidth=0.9, zorder=1)
        axes.hlines(end, place - 0.1, place + 0.1, color=QUIET, linewidth=0.9, zorder=1)


def _rectangle(x: float, y: float, width: float, height: float) -> "Rectangle":
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x, y), width, height, facecolor="#f3f4f6", edgecolor=QUIET, linewidth=0.9, zorder=1
    )


def _connect(
    axes: "Axes", positions: Sequence[NDArray[np.float64]], values: Sequence[NDArray[np.float64]]
) -> None:
    for x, y in zip(np.stack(positions, axis=1), np.stack(values, axis=1), strict=True):
        axes.plot(x, y, color=QUIET, linewidth=0.4, alpha=0.5, zorder=2)


def _draw_brackets(axes: "Axes", panel: Panel, low: float, high: float) -> float:
    """Draw the brackets above the values, narrow ones first, and return where the axis ends."""
    shown = list(panel.brackets)
    if len(shown) > _FEW_PAIRS:
        shown = [bracket for bracket in shown if bracket.p_value < SIGNIFICANT]
    step = ((high - low) or 1.0) * 0.11
    level = high + 0.5 * step
    for bracket in sorted(shown, key=lambda one: (one.second - one.first, one.first)):
        ends, foot = (bracket.first, bracket.second), level - 0.2 * step
        axes.plot(
            [ends[0], ends[0], ends[1], ends[1]], [foot, level, level, foot],
            color=INK, linewidth=0.9, solid_capstyle="butt", zorder=4,
        )  # fmt: skip
        axes.annotate(
            _bracket_text(bracket.p_value), (sum(ends) / 2, level), xytext=(0, 1.5),
            textcoords="offset points", ha="center", va="bottom", fontsize=7.5,
        )  # fmt: skip
        level += step
    return level + 0.4 * step


def _bracket_text(p_value: float) -> str:
    mark = stars(p_value)
    return p_text(p_value) if mark == "n.s." else f"{p_text(p_value)} {mark}"
