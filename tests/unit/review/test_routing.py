"""Every way through the workflow, and every way that there is not."""

import json

import pytest
from tests.unit.review.workflow_events import failed, graded, history, mask, of_latest

from oncotrace.errors import InputError
from oncotrace.review.events import STEPS, event_from_json, event_json
from oncotrace.review.grade import GRADES
from oncotrace.review.routing import after, due, possible_steps, replayed, step_reached, waits_for

AUTOMATIC, CLICKED = mask("automatic"), mask("six-click")
CORRECTED, EDITED = mask("correction"), mask("editing")
BAD = graded("Insufficient")
NOT_FOUND, NOT_CLICKED = failed("automatic"), failed("six-click")
TO_CLICKS = (AUTOMATIC, BAD)
TO_CORRECTION = (*TO_CLICKS, CLICKED, BAD)
TO_EDITING = (*TO_CORRECTION, CORRECTED, BAD)

GOOD, FAIR, UNSURE = graded("Excellent"), graded("Sufficient"), graded("uncertain")
BOB_GOOD, BOB_FAIR = graded("Excellent", "Bob"), graded("Sufficient", "Bob")
BOB_BAD, BOB_UNSURE = graded("Incorrect", "Bob"), graded("uncertain", "Bob")
NONE: set[str] = set()
CLICK_OR_EDIT, CORRECT_OR_EDIT = {"six-click", "editing"}, {"correction", "editing"}

# What has happened, whether the case is one of the sample, what is due, where, what may come next.
TABLE = [
    ((), False, "segmentation", "automatic", {"automatic"}),
    ((AUTOMATIC,), False, "grade", "automatic", NONE),
    ((AUTOMATIC, GOOD), False, "nothing", "automatic", NONE),
    ((AUTOMATIC, FAIR), False, "nothing", "automatic", NONE),
    ((AUTOMATIC, BAD), False, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, graded("Incorrect")), False, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, UNSURE), False, "second reading", "automatic", NONE),
    ((AUTOMATIC, UNSURE, BOB_GOOD), False, "nothing", "automatic", NONE),
    ((AUTOMATIC, UNSURE, BOB_BAD), False, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, UNSURE, BOB_UNSURE), False, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, GOOD), True, "second reading", "automatic", NONE),
    ((AUTOMATIC, BAD), True, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, GOOD, BOB_FAIR), True, "nothing", "automatic", NONE),
    ((AUTOMATIC, GOOD, BOB_BAD), True, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, GOOD, BOB_UNSURE), True, "six clicks", "six-click", CLICK_OR_EDIT),
    ((NOT_FOUND,), False, "six clicks", "six-click", {"automatic", *CLICK_OR_EDIT}),
    ((NOT_FOUND, AUTOMATIC), False, "grade", "automatic", NONE),
    ((NOT_FOUND, NOT_CLICKED), False, "editing", "editing", CLICK_OR_EDIT),
    ((*TO_CLICKS, NOT_CLICKED), False, "editing", "editing", CLICK_OR_EDIT),
    ((*TO_CLICKS, NOT_CLICKED, CLICKED), False, "grade", "six-click", {"correction"}),
    ((*TO_CLICKS, CLICKED), False, "grade", "six-click", {"correction"}),
    ((*TO_CLICKS, CLICKED, GOOD), False, "nothing", "six-click", NONE),
    ((*TO_CLICKS, CLICKED, UNSURE), False, "second reading", "six-click", {"correction"}),
    (TO_CORRECTION, False, "correction", "correction", CORRECT_OR_EDIT),
    ((*TO_CORRECTION, CORRECTED), False, "grade", "correction", {"correction"}),
    ((*TO_CORRECTION, CORRECTED, FAIR), False, "nothing", "correction", NONE),
    (TO_EDITING, False, "editing", "editing", CORRECT_OR_EDIT),
    ((*TO_EDITING, EDITED), False, "grade", "editing", NONE),
    ((*TO_EDITING, EDITED, GOOD), False, "nothing", "editing", NONE),
    ((*TO_EDITING, EDITED, GOOD), True, "second reading", "editing", NONE),
    ((*TO_EDITING, EDITED, BAD), False, "editing", "editing", {"editing"}),
    ((*TO_EDITING, EDITED, BAD, EDITED, FAIR), False, "nothing", "editing", NONE),
]


@pytest.mark.parametrize(("events", "is_sampled", "task", "step", "steps"), TABLE)
def test_every_history_leads_to_one_task(events, is_sampled, task, step, steps):
    case = history(*events, is_sampled=is_sampled)
    assert due(case) == task
    assert step_reached(case) == step
    assert possible_steps(case) == steps


@pytest.mark.parametrize("row", TABLE)
def test_masks_that_are_not_due_are_refused(row):
    events, is_sampled, _, _, steps = row
    case = history(*events, is_sampled=is_sampled)
    for other in STEPS:
        if other in steps:
            assert after(case, mask(other)).mask == mask(other)
        else:
            with pytest.raises(InputError, match=f"step {other} is not due"):
                after(case, mask(other))
    for machine in ("automatic", "six-click"):
        if machine not in steps:
            with pytest.raises(InputError, match=f"step {machine} is not due"):
                after(case, failed(machine))


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("grade", GRADES)
def test_grades_are_taken_only_when_one_is_due(row, grade):
    events, is_sampled, task, _, _ = row
    case = history(*events, is_sampled=is_sampled)
    event = of_latest(case, graded(grade, "Carl"))
    if task in ("grade", "second reading"):
        assert after(case, event).events[-1] == event
    else:
        with pytest.raises(InputError, match="no grade is due"):
            after(case, event)


@pytest.mark.parametrize("again", ["Anna", "anna", " ANNA ", "anna\t"])
def test_a_reader_does_not_check_himself(again):
    case = history(AUTOMATIC, graded("uncertain", "Anna"))
    with pytest.raises(InputError, match="another reader"):
        after(case, of_latest(case, graded("Excellent", again)))


def test_the_same_reader_may_grade_the_next_mask():
    case = history(*TO_CLICKS, CLICKED, graded("Excellent", "Anna"))
    assert due(case) == "nothing"


def test_a_grade_of_a_mask_that_was_replaced_is_refused():
    with pytest.raises(InputError, match="another mask"):
        history(*TO_CLICKS, CLICKED, graded("Excellent", of="automatic"))


def test_nothing_that_is_said_of_a_waiting_case_tells_that_there_was_a_first_reader():
    first = history(AUTOMATIC)
    second = history(AUTOMATIC, graded("uncertain"))
    assert waits_for(first) == waits_for(second) == "the case waits for a grade"


def test_an_event_of_a_case_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="no such case"):
        replayed([history()], [mask("automatic", case_id="b")])


@pytest.mark.parametrize("event", [*TO_EDITING, NOT_FOUND, graded("uncertain", "Zoë", of="x")])
def test_an_event_is_the_same_after_it_was_written_and_read(event):
    assert event_from_json(json.dumps(event_json(event))) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"kind": "graded"}',
        '{"kind": "erased", "case_id": "a"}',
        "null",
        "nonsense",
    ],
)
def test_what_is_no_event_is_not_read_as_one(text):
    assert event_from_json(text) is None
