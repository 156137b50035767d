"""What stands on the pictures of a prognosis."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.unit.stats.survival_data import numbers, survival

from oncotrace.report.forest import ForestRow, forest_picture
from oncotrace.report.survival_plot import survival_picture
from oncotrace.stats.cut_off import parse_cut
from oncotrace.stats.prognosis import value_prognosis

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page() -> "Figure":
    from matplotlib.figure import Figure

    return Figure()


def drawn(name: str, value: str, *cuts: str) -> "Figure":
    found = value_prognosis(
        survival(name), numbers(name, value), name=value, cuts=[parse_cut(cut) for cut in cuts]
    )
    figure = page()
    survival_picture(found, event="death", time="days").draw(figure)
    return figure


def test_numbers_at_risk_stand_below_their_times() -> None:
    curves, table = drawn("lung", "sex", "1.5").axes
    ticks = [tick for tick in curves.get_xticks() if tick >= 0]
    times, women = numbers("lung", "time"), numbers("lung", "sex") == 2
    expected = [np.count_nonzero(times[women] >= tick) for tick in ticks]
    written = [int(text.get_text()) for text in table.texts if round(text.get_position()[1]) == 1]
    assert written == expected
    assert [label.get_text() for label in table.get_yticklabels()] == ["≤ 1.5", "> 1.5"]


def test_p_value_and_hazard_ratio_stand_in_the_legend() -> None:
    legend = drawn("lung", "sex", "1.5").axes[0].get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == (
        "log-rank p = 0.0013\nhazard ratio 0.59 (0.42 to 0.82)"
    )
    assert [text.get_text() for text in legend.get_texts()] == [
        "≤ 1.5 (n = 138, 112 events)",
        "> 1.5 (n = 90, 53 events)",
    ]


def test_several_groups_have_no_single_hazard_ratio() -> None:
    legend = drawn("veteran", "karno", "40", "60").axes[0].get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "log-rank p < 0.001"


def test_everybody_who_is_censored_has_a_tick() -> None:
    curves = drawn("aml", "maintained", "0.5").axes[0]
    ticks = [line for line in curves.lines if line.get_marker() == "|"]
    assert sum(len(line.get_xdata()) for line in ticks) == np.count_nonzero(
        numbers("aml", "event") == 0
    )


def test_intervals_that_reach_too_far_end_in_an_arrow() -> None:
    figure = page()
    rows = [
        ForestRow("plain", 2.0, (1.0, 4.0), "2.00"),
        ForestRow("wide", 50.0, (0.5, 5000.0), "50.00"),
        ForestRow("none", None, None, "not finite"),
    ]
    forest_picture(rows, title="Hazard ratios").draw(figure)
    (axes,) = figure.axes
    assert [line.get_marker() for line in axes.lines].count(">") == 1
    assert axes.get_xlim()[1] == pytest.approx(115)
    assert [text.get_text() for text in axes.texts] == ["2.00", "50.00", "not finite"]
