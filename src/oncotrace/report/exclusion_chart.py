"""Flow chart of exclusions, as the first figure of a paper has it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from oncotrace.errors import InputError
from oncotrace.report.chart import ACCENT, INK, QUIET, WARM, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_IN, _LINE_IN, _BOX_IN, _GAP_IN = 6.4, 0.22, 0.62, 0.45
_MAIN_X, _MAIN_WIDTH, _SIDE_X, _SIDE_WIDTH = 1.5, 2.4, 4.75, 3.1
_LONGEST = 46
_RIM_IN = 0.05


def exclusion_chart(considered: int, excluded: Mapping[str, int]) -> bytes:
    """Return a PNG: cases considered, those left out with the reasons, those selected.

    Raises
    ------
    InputError
        More cases are left out than were considered.
    """
    left = considered - sum(excluded.values())
    if left < 0 or min(excluded.values(), default=0) < 0:
        raise InputError("the counts of the selection do not add up.", code="counts-do-not-add-up")
    side_in = _LINE_IN * (len(excluded) + 1) + 0.2
    height = 2 * _BOX_IN + max(side_in, _GAP_IN) + 2 * _GAP_IN

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.set(xlim=(0, _WIDTH_IN), ylim=(-_RIM_IN, height + _RIM_IN))  # room for the frames
        axes.set_axis_off()
        top, bottom = height - _BOX_IN, 0.0
        _box(axes, top, f"Considered\nn = {considered}", INK)
        _box(axes, bottom, f"Selected\nn = {left}", ACCENT)
        _arrow(axes, (_MAIN_X, top), (_MAIN_X, bottom + _BOX_IN))
        if excluded:
            middle = (top + bottom + _BOX_IN) / 2
            _reasons(axes, middle, side_in, excluded)
            _arrow(axes, (_MAIN_X, middle), (_SIDE_X - _SIDE_WIDTH / 2, middle))

    return chart(draw, width_in=_WIDTH_IN, height_in=height + 0.3)


def _reasons(axes: "Axes", middle: float, height: float, excluded: Mapping[str, int]) -> None:
    corner = (_SIDE_X - _SIDE_WIDTH / 2, middle - height / 2)
    _frame(axes, corner, _SIDE_WIDTH, height, WARM)
    lines = [f"Left out, n = {sum(excluded.values())}"]
    lines += [f"{count}  {_short(why)}" for why, count in excluded.items()]
    for place, line in enumerate(lines):
        y = middle + height / 2 - 0.1 - _LINE_IN * (place + 0.5)
        weight = "bold" if place == 0 else "normal"
        axes.text(corner[0] + 0.12, y, line, va="center", fontsize=8, weight=weight)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _box(axes: "Axes", bottom: float, text: str, colour: str) -> None:
    _frame(axes, (_MAIN_X - _MAIN_WIDTH / 2, bottom), _MAIN_WIDTH, _BOX_IN, colour)
    axes.text(
        _MAIN_X, bottom + _BOX_IN / 2, text, ha="center", va="center", fontsize=10, color=colour
    )


def _frame(
    axes: "Axes", corner: tuple[float, float], width: float, height: float, colour: str
) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            corner,
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            linewidth=1.0,
            edgecolor=colour,
            facecolor="white",
        )
    )


def _arrow(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": QUIET, "linewidth": 1.0}
    )
