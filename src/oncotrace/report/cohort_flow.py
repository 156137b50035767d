"""Flow chart of a prepared cohort, to be drawn as SVG: considered, left out, selected, prepared."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from oncotrace.report.cohort_content import CohortContent, ExclusionStep

WIDTH = 640
_MAIN_WIDTH, _MAIN_HEIGHT = 210, 58
_SIDE_LEFT, _SIDE_WIDTH = 270, WIDTH - 270 - 2
_LINE, _EDGE, _GAP = 20, 12, 22
_LONGEST = 46


@dataclass(frozen=True)
class FlowBox:
    """A box, in pixels from the upper left corner, with a heading and lines."""

    left: int
    top: int
    width: int
    height: int
    heading: str
    cases: int
    lines: tuple[str, ...] = ()
    is_left_out: bool = False

    @property
    def bottom(self) -> int:
        """Where its lower edge is."""
        return self.top + self.height

    @property
    def middle(self) -> tuple[int, int]:
        """Its middle (right, down)."""
        return self.left + self.width // 2, self.top + self.height // 2


@dataclass(frozen=True)
class FlowChart:
    """Boxes of those who stay, one below the other, and between them those who were left out."""

    main: tuple[FlowBox, ...]
    beside: tuple[FlowBox, ...]

    @property
    def height(self) -> int:
        """Height of the whole chart in pixels."""
        return self.main[-1].bottom + 2


def flow_chart(content: CohortContent) -> FlowChart | None:
    """Return the chart of a flow, or nothing if its counts do not add up.

    What became of the selected cases is drawn if those in the cohort and those that failed are as
    many as were selected.
    """
    flow = content.flow
    if len(flow) < 2 or not _adds_up(flow):
        return None
    first, *left_out, last = flow
    steps: list[tuple[str, Sequence[ExclusionStep], str, int]] = [
        ("Left out", left_out, "Selected", last.cases)
    ]
    failed = {one.case_id: f"{one.stage}: {one.code}" for one in content.failures}
    if failed and len(content.cases) + len(failed) == last.cases:
        reasons = Counter(failed.values()).most_common()
        lost = [ExclusionStep(why, -count) for why, count in reasons]
        steps.append(("Failed", lost, "In the cohort", len(content.cases)))
    main, beside = [_main_box(1, "Considered", first.cases)], []
    for why, steps_out, what, count in steps:
        top = main[-1].bottom + _GAP
        if steps_out:
            beside.append(_side_box(top, why, steps_out))
            top = beside[-1].bottom + _GAP
        main.append(_main_box(top, what, count))
    return FlowChart(tuple(main), tuple(beside))


def shortened(text: str, longest: int) -> str:
    """Return the text on one line, cut where it is longer than so many letters of usual width."""
    line = " ".join(text.split())
    taken = 0
    for place, letter in enumerate(line):
        taken += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if taken > longest:
            return line[: max(place - 1, 0)] + "…"
    return line


def _adds_up(flow: Sequence[ExclusionStep]) -> bool:
    first, *left_out, last = flow
    is_falling = all(step.cases <= 0 for step in left_out) and last.cases >= 0
    return is_falling and first.cases + sum(step.cases for step in left_out) == last.cases


def _main_box(top: int, heading: str, cases: int) -> FlowBox:
    return FlowBox(1, top, _MAIN_WIDTH, _MAIN_HEIGHT, heading, cases)


def _side_box(top: int, heading: str, steps: Sequence[ExclusionStep]) -> FlowBox:
    lines = tuple(f"{-step.cases}  {shortened(step.step, _LONGEST)}" for step in steps)
    height = _LINE * (len(lines) + 1) + _EDGE
    cases = -sum(step.cases for step in steps)
    return FlowBox(_SIDE_LEFT, top, _SIDE_WIDTH, height, heading, cases, lines, is_left_out=True)
