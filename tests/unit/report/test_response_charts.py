from typing import TYPE_CHECKING

import pytest

from oncotrace.report.chart import Drawing
from oncotrace.report.response_marks import RESPONSE_MARKS
from oncotrace.report.spider import SpiderLine, SpiderPoint, spider_drawing
from oncotrace.report.waterfall import WaterfallBar, waterfall_drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = {"decrease_percent": 30.0, "increase_percent": 20.0}


def waterfall(*bars: WaterfallBar) -> Drawing:
    return waterfall_drawing(bars, title="Sum of diameters", **LEVELS)


def drawn(drawing: Drawing) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(drawing.width_in, drawing.height_in), layout="constrained")
    drawing.draw(figure)
    return figure


def words(figure: "Figure") -> list[str]:
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts]


BARS = (
    WaterfallBar("P1", -40.0, "PR"),
    WaterfallBar("P2", 25.0, "PD"),
    WaterfallBar("P3", -100.0, "CR"),
    WaterfallBar("P4", 5.0, "non-CR/non-PD"),
)


def test_bars_fall_from_growth_to_shrinkage_and_are_named() -> None:
    (axes,) = drawn(waterfall(*BARS)).axes
    assert [bar.get_height() for bar in axes.patches] == [25.0, 5.0, -40.0, -100.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["P2", "P4", "P1", "P3"]
    assert axes.get_title() == "Sum of diameters (n = 4)"


def test_response_shows_in_letters_and_hatch_besides_its_colour() -> None:
    figure = drawn(waterfall(*BARS))
    assert words(figure) == ["PD", "nCnP", "PR", "CR"]
    (axes,) = figure.axes
    assert len({bar.get_hatch() for bar in axes.patches}) == 4


def test_bars_beyond_double_are_cut_and_their_value_written() -> None:
    figure = drawn(waterfall(*BARS, WaterfallBar("P5", 340.0, "PD")))
    assert words(figure)[0] == "PD\n340"
    assert max(bar.get_height() for bar in figure.axes[0].patches) == 100.0


def test_many_bars_are_not_named_over_each_other() -> None:
    figure = drawn(waterfall(*(WaterfallBar(f"P{i}", float(-i), "SD") for i in range(80))))
    assert words(figure) == []
    assert figure.axes[0].get_xlabel() == "patients"


def test_marks_differ_in_more_than_colour() -> None:
    assert len({mark.marker for mark in RESPONSE_MARKS.values()}) == len(RESPONSE_MARKS)
    looks = {(mark.hatch, mark.colour) for mark in RESPONSE_MARKS.values()}
    assert len(looks) == len(RESPONSE_MARKS)


LINES = (
    SpiderLine("P1", (SpiderPoint(56, -20.0, "SD"), SpiderPoint(112, -40.0, "PR"))),
    SpiderLine("P2", (SpiderPoint(56, 400.0, "PD", has_new_lesion=True),)),
    SpiderLine("P3", (SpiderPoint(112, -40.5, "NE"),)),
)


def test_lines_begin_at_the_baseline_and_are_named_at_their_ends() -> None:
    figure = drawn(spider_drawing(LINES, title="Sum of diameters", **LEVELS))
    (axes,) = figure.axes
    curves = [line for line in axes.lines if len(line.get_xdata()) > 1 and line.get_xdata()[0] == 0]
    ends = [(line.get_xdata()[-1], line.get_ydata()[-1]) for line in curves[-3:]]
    assert ends == [(112, -40.0), (56, 200.0), (112, -40.5)]
    assert sorted(words(figure)) == ["P1", "P2", "P3"]
    heights = {text.get_text(): text.xy[1] for text in axes.texts}
    assert heights["P1"] - heights["P3"] > 5


def test_new_lesion_has_a_ring_and_stands_in_the_legend() -> None:
    figure = drawn(spider_drawing(LINES, title="Sum of diameters", **LEVELS))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "PR", "SD", "PD", "NE", "new lesion",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "drawing", [waterfall(*BARS), spider_drawing(LINES, title="Sum", **LEVELS)]
)
def test_same_input_gives_the_same_bytes(drawing: Drawing) -> None:
    assert drawing.rendered("png") == drawing.rendered("png")
    svg = drawing.rendered("svg")
    assert svg == drawing.rendered("svg")
    assert b"<svg" in svg
