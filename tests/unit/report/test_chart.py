"""Charts are the same bytes every time, as PNG and as SVG."""

from xml.etree import ElementTree

import pytest

from oncotrace.report.chart import Drawing, chart


def draw(figure) -> None:
    axes = figure.add_subplot()
    axes.plot([1, 2, 3], [2, 1, 3], marker="o")
    axes.fill_between([1, 2, 3], [0, 0, 1], hatch="/", label="band")
    axes.legend()


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_drawing_gives_the_same_bytes(form) -> None:
    drawing = Drawing(draw, 3.0, 2.0)
    assert drawing.rendered(form) == drawing.rendered(form)
    assert drawing.rendered(form) == chart(draw, width_in=3.0, height_in=2.0, form=form)


def test_an_svg_has_the_size_it_was_given_and_no_date() -> None:
    svg = Drawing(draw, 3.0, 2.0).rendered("svg")
    root = ElementTree.fromstring(svg)  # noqa: S314 -- we wrote it
    assert root.get("width") == "216pt"
    assert b"dc:date" not in svg
