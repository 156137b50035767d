"""The flow diagram and its tables: what they show adds up, and is the same each time."""

import csv
import re
from dataclasses import replace

import pytest
from tests.unit.review.workflow_events import graded, history, mask, withdrawn

from oncotrace.domain.flow import Flow, FlowStep
from oncotrace.errors import InputError
from oncotrace.io.cohort_table import write_table
from oncotrace.report.flow_diagram import flow_diagram, note_of, steps_shown
from oncotrace.report.flow_tables import centre_rows, centre_tests, flow_rows
from oncotrace.review.flow_counts import flow_of

BAD = graded("Insufficient")
GOOD = history(mask("automatic"), graded("Excellent"))
CLICKED = history(mask("automatic"), BAD, mask("six-click"), graded("Sufficient"))


def flow(good: int = 6, clicked: int = 4) -> Flow:
    return flow_of([*[GOOD] * good, *[CLICKED] * clicked])


def test_the_diagram_is_a_png_and_an_svg_the_same_each_time():
    png, svg = flow_diagram(flow(), title="Workflow")
    assert png.startswith(b"\x89PNG")
    assert svg.lstrip().startswith(b"<?xml")
    assert (png, svg) == flow_diagram(flow(), title="Workflow")


def test_a_diagram_of_counts_that_do_not_add_up_is_not_drawn():
    wrong = replace(flow(), cases=11)
    with pytest.raises(InputError, match="do not add up"):
        flow_diagram(wrong, title="Workflow")
    with pytest.raises(InputError, match="do not add up"):
        flow_rows(wrong)


def test_steps_that_no_case_has_reached_are_not_drawn():
    assert [step.name for step in steps_shown(flow())] == ["automatic", "six-click"]
    assert [step.name for step in steps_shown(flow_of([]))] == ["automatic"]


def test_every_box_that_is_drawn_adds_up():
    """The numbers that stand in the boxes: of a step, and right of it and below it."""
    shown = steps_shown(flow())
    for step, below in zip(shown, [*shown[1:], None], strict=True):
        sent_on = below.cases if below else 0
        assert step.cases == step.total_accepted + step.total_waiting + sent_on


def test_grades_taken_back_are_said_beside_the_boxes_and_stand_in_the_table():
    again = history(mask("automatic"), BAD, withdrawn(), graded("Excellent"))
    first = flow_of([GOOD, again]).steps[0]
    assert note_of(first) == "grades taken back: 1"
    assert note_of(flow().steps[0]) == ""
    twice = replace(first, second_readings=2, disagreements=1)
    assert note_of(twice) == "second reader: 2, disagreed: 1; grades taken back: 1"
    assert [row["withdrawn_grades"] for row in flow_rows(flow_of([GOOD, again]))] == [1, 0, 0, 0]


def test_the_columns_of_the_table_add_up(tmp_path):
    write_table(flow_rows(flow()), tmp_path / "flow.csv")
    with (tmp_path / "flow.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["automatic", "six-click", "correction", "editing"]
    for row in rows:
        for whole in ("accepted", "waiting", "sent_on"):
            parts = [v for k, v in row.items() if re.match(f"{whole}_", k)]
            assert int(row[whole]) == sum(map(int, parts))
        assert int(row["cases"]) == sum(int(row[k]) for k in ("accepted", "waiting", "sent_on"))


def test_centres_are_counted_apart_and_add_up_to_all():
    flows = {"A": flow(6, 4), "B": flow(1, 2)}
    rows = centre_rows(flows)
    assert [(row["centre"], row["step"], row["accepted"]) for row in rows[:2]] == [
        ("A", "automatic", 6), ("A", "six-click", 4),
    ]  # fmt: skip
    assert sum(row["cases"] for row in rows if row["step"] == "automatic") == 13


def test_a_planted_difference_between_centres_is_found_and_none_where_there_is_none():
    different = centre_tests({"A": flow(40, 10), "B": flow(10, 40)})
    assert [row.test.p_value < 1e-6 for row in different] == [True, True, True]
    same = centre_tests({"A": flow(25, 25), "B": flow(25, 25)})
    assert [row.test.p_value for row in same] == [1.0, 1.0, 1.0]


def test_small_centres_are_tested_exactly_and_the_table_says_so():
    cells = [row.cells() for row in centre_tests({"A": flow(3, 1), "B": flow(1, 3)})]
    assert {cell["p_method"] for cell in cells} == {"Fisher"}
    assert {cell["least_expected"] for cell in cells} == {2.0}


def test_one_centre_is_not_compared():
    assert centre_tests({"A": flow()}) == []


def test_centres_without_any_outcome_are_not_compared():
    waiting = flow_of([history(mask("automatic"))])
    assert centre_tests({"A": waiting, "B": waiting}) == []


def test_a_step_of_another_name_is_drawn_by_its_name():
    png, _ = flow_diagram(Flow(1, (FlowStep("triage", 1, {"seen": 1}),)), title="Other")
    assert png.startswith(b"\x89PNG")
