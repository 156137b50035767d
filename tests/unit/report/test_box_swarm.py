"""Boxes, swarms and brackets."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.report.box_swarm import Bracket, Panel, box_swarm, swarm_offsets
from oncotrace.report.significance import p_text, stars

RNG = np.random.default_rng(0)
GROUPS = {"new": RNG.normal(size=30), "old": RNG.normal(1, size=30)}


def drawn(panel: Panel):
    from matplotlib.figure import Figure

    figure = Figure()
    box_swarm([panel]).draw(figure)
    return figure


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_every_value_is_a_point_at_its_height() -> None:
    axes = drawn(Panel("dice", GROUPS)).axes[0]
    heights = [points.get_offsets()[:, 1] for points in axes.collections if points.get_label()
               in GROUPS]  # fmt: skip
    for drawn_heights, values in zip(heights, GROUPS.values(), strict=True):
        np.testing.assert_array_equal(drawn_heights, values)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["new\nn = 30", "old\nn = 30"]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_points_of_a_swarm_do_not_lie_on_each_other(values) -> None:
    sample = np.array(values)
    offsets = swarm_offsets(sample, 0.0, 10.0)
    for step in set(offsets.tolist()):
        column = np.sort(sample[offsets == step])
        assert (np.diff(column) >= 10.0 / 40 - 1e-9).all()


def test_brackets_carry_p_values_and_stars() -> None:
    panel = Panel("dice", GROUPS, [Bracket(0, 1, 0.0004)])
    assert texts(drawn(panel)) == ["p < 0.001 ***"]
    assert texts(drawn(Panel("dice", GROUPS, [Bracket(0, 1, 0.4)]))) == ["p = 0.400"]


def test_of_many_comparisons_only_the_significant_are_drawn() -> None:
    groups = {name: RNG.normal(size=5) for name in "abcd"}
    brackets = [Bracket(0, 1, 0.2), Bracket(0, 2, 0.03), Bracket(0, 3, 0.9), Bracket(1, 2, 0.5)]
    assert texts(drawn(Panel("x", groups, brackets))) == ["p = 0.030 *"]


def test_brackets_do_not_cover_values() -> None:
    axes = drawn(Panel("dice", GROUPS, [Bracket(0, 1, 0.01)])).axes[0]
    greatest = max(values.max() for values in GROUPS.values())
    assert all(line.get_ydata().min() > greatest for line in axes.lines)


def test_lines_connect_pairs() -> None:
    axes = drawn(Panel("dice", GROUPS, is_paired=True)).axes[0]
    assert len(axes.lines) == 30


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0]], ids=["one value", "equal values"])
def test_few_or_equal_values_are_drawn(values) -> None:
    panel = Panel("dice", {"a": np.array(values), "b": np.array(values)}, [Bracket(0, 1, 1.0)])
    drawing = box_swarm([panel] * 2)
    assert drawing.rendered() == drawing.rendered()
    from matplotlib.image import imread

    assert imread(BytesIO(drawing.rendered()), format="png").shape[0] == 780


def test_p_values_are_written_as_in_papers() -> None:
    assert [p_text(p) for p in (0.0, 0.00099, 0.0123, 1.0, None)] == [
        "p < 0.001", "p < 0.001", "p = 0.012", "p > 0.999", "p –",
    ]  # fmt: skip
    assert [stars(p) for p in (0.0009, 0.009, 0.049, 0.05)] == ["***", "**", "*", "n.s."]
