"""Flow diagram of the workflow: how many masks each step made, accepted and sent on.

Every box of a row adds up to the box on its left, and what is sent on to the box below; a flow of
which this is not so is not drawn.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from oncotrace.domain.flow import Flow, FlowStep
from oncotrace.report.chart import ACCENT, INK, QUIET, WARM, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES: Mapping[str, str] = {
    "automatic": "Automatic segmentation",
    "six-click": "Six clicks",
    "correction": "Correction",
    "editing": "Edited by hand",
}
_WIDTH_IN, _ROW_IN = 8.4, 1.55
_STEP_X, _ACCEPTED_X, _WAITING_X = 1.45, 4.55, 7.1
_BOX_WIDTH, _BOX_HEIGHT = 2.1, 0.86


def flow_diagram(flow: Flow, *, title: str) -> tuple[bytes, bytes]:
    """Return the diagram as PNG and as SVG; the same counts, the same bytes.

    Raises
    ------
    InputError
        The counts do not add up.
    """
    flow.require_adding_up()
    shown = steps_shown(flow)
    height_in = _ROW_IN * len(shown) + 0.6
    svg = BytesIO()

    def draw(figure: "Figure") -> None:
        _draw(figure, flow, shown, title)
        _write_svg(figure, svg)

    png = chart(draw, width_in=_WIDTH_IN, height_in=height_in)
    return png, svg.getvalue()


def steps_shown(flow: Flow) -> tuple[FlowStep, ...]:
    """Return the steps that any case has reached, and the first."""
    return tuple(step for step in flow.steps if step.cases or step is flow.steps[0])


def _write_svg(figure: "Figure", svg: BytesIO) -> None:
    import matplotlib as mpl

    # Without a salt of its own an SVG has random names inside.
    with mpl.rc_context({"svg.hashsalt": "oncotrace", "svg.fonttype": "path"}):
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})


def _draw(figure: "Figure", flow: Flow, shown: tuple[FlowStep, ...], title: str) -> None:
    axes = figure.add_subplot()
    height = _ROW_IN * len(shown)
    axes.set(xlim=(0, _WIDTH_IN), ylim=(0, height), title=f"{title}   n = {flow.cases}")
    axes.set_axis_off()
    for row, step in enumerate(shown):
        y = height - _ROW_IN * (row + 0.5)
        is_last = row + 1 == len(shown)
        _draw_step(axes, step, y)
        if not is_last:
            _arrow(axes, (_STEP_X, y - _BOX_HEIGHT / 2), (_STEP_X, y - _ROW_IN + _BOX_HEIGHT / 2))
            text = f"{step.total_sent_on} sent on: {_listed(step.sent_on)}"
            axes.text(_STEP_X + 0.12, y - _ROW_IN / 2, text, va="center", fontsize=7.5, color=WARM)


def _draw_step(axes: "Axes", step: FlowStep, y: float) -> None:
    _box(axes, _STEP_X, y, _TITLES.get(step.name, step.name), step.cases, "", INK)
    accepted = _listed(step.accepted, " + ") if step.total_accepted else ""
    _box(axes, _ACCEPTED_X, y, "accepted", step.total_accepted, accepted, ACCENT)
    _arrow(axes, (_STEP_X + _BOX_WIDTH / 2, y), (_ACCEPTED_X - _BOX_WIDTH / 2, y))
    if step.total_waiting:
        _box(axes, _WAITING_X, y, "waiting", step.total_waiting, _waits(step.waiting), QUIET)
    if note := note_of(step):
        axes.text(
            _ACCEPTED_X, y - _BOX_HEIGHT / 2 - 0.1, note, ha="center", va="top", fontsize=7,
            color=QUIET,
        )  # fmt: skip


def note_of(step: FlowStep) -> str:
    """Say what the counts in the boxes do not: second readings, and grades taken back."""
    notes = []
    if step.second_readings:
        notes.append(f"second reader: {step.second_readings}, disagreed: {step.disagreements}")
    if step.withdrawn_grades:
        notes.append(f"grades taken back: {step.withdrawn_grades}")
    return "; ".join(notes)


def _listed(counts: Mapping[str, int], separator: str = ", ") -> str:
    return separator.join(f"{count} {name}" for name, count in counts.items() if count)


def _waits(counts: Mapping[str, int]) -> str:
    return ", ".join(f"for {name}: {count}" for name, count in counts.items() if count)


def _box(axes: "Axes", x: float, y: float, name: str, count: int, note: str, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2)
    box = FancyBboxPatch(
        corner, _BOX_WIDTH, _BOX_HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.06",
        linewidth=1.0, edgecolor=colour, facecolor="white",
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(x, y + 0.24, name, ha="center", va="center", fontsize=9)
    axes.text(
        x, y - 0.02, str(count), ha="center", va="center", fontsize=12, weight="bold", color=colour
    )
    axes.text(x, y - 0.29, note, ha="center", va="center", fontsize=6.5, color=QUIET, wrap=False)


def _arrow(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": QUIET, "linewidth": 1.0}
    )
