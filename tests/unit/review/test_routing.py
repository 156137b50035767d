"""Every way through the workflow, and every way that there is not."""

import json

import pytest
from tests.unit.review.workflow_events import failed, graded, history, mask, of_latest, withdrawn

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
ANNA_BACK, BOB_BACK = withdrawn("Anna"), withdrawn("Bob")
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
    ((AUTOMATIC, GOOD, ANNA_BACK), False, "grade", "automatic", NONE),
    ((AUTOMATIC, BAD, ANNA_BACK), False, "grade", "automatic", NONE),
    ((AUTOMATIC, UNSURE, ANNA_BACK), False, "grade", "automatic", NONE),
    ((AUTOMATIC, BAD, ANNA_BACK, GOOD), False, "nothing", "automatic", NONE),
    ((AUTOMATIC, BAD, ANNA_BACK, GOOD), True, "second reading", "automatic", NONE),
    ((AUTOMATIC, BAD, ANNA_BACK, BOB_GOOD), False, "nothing", "automatic", NONE),
    ((AUTOMATIC, GOOD, BOB_BAD, BOB_BACK), True, "second reading", "automatic", NONE),
    ((AUTOMATIC, GOOD, BOB_BAD, BOB_BACK, BOB_FAIR), True, "nothing", "automatic", NONE),
    ((AUTOMATIC, UNSURE, BOB_GOOD, BOB_BACK), False, "second reading", "automatic", NONE),
    # What is left of two grades is the first, and alone.
    ((AUTOMATIC, UNSURE, BOB_GOOD, ANNA_BACK), False, "nothing", "automatic", NONE),
    ((AUTOMATIC, UNSURE, BOB_GOOD, ANNA_BACK), True, "second reading", "automatic", NONE),
    ((AUTOMATIC, UNSURE, BOB_BAD, ANNA_BACK), False, "six clicks", "six-click", CLICK_OR_EDIT),
    ((AUTOMATIC, GOOD, BOB_UNSURE, ANNA_BACK), True, "second reading", "automatic", NONE),
    ((AUTOMATIC, UNSURE, BOB_BAD, ANNA_BACK, BOB_BACK), False, "grade", "automatic", NONE),
    ((*TO_CORRECTION, ANNA_BACK), False, "grade", "six-click", {"correction"}),
    ((*TO_EDITING, ANNA_BACK), False, "grade", "correction", {"correction"}),
    ((*TO_EDITING, EDITED, GOOD, ANNA_BACK), False, "grade", "editing", NONE),
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


@pytest.mark.parametrize("name", ["anna", " ANNA\t"])
def test_a_grade_is_taken_back_by_its_reader_under_any_spelling(name):
    assert due(history(AUTOMATIC, GOOD, withdrawn(name))) == "grade"


@pytest.mark.parametrize(
    "events",
    [
        (),
        (AUTOMATIC,),
        (AUTOMATIC, BOB_GOOD),
        (AUTOMATIC, GOOD, ANNA_BACK),
        (NOT_FOUND,),
        (AUTOMATIC, BAD, ANNA_BACK, BOB_BAD, CLICKED),
    ],
)
def test_a_grade_that_does_not_count_cannot_be_taken_back(events):
    case = history(*events)
    with pytest.raises(InputError, match="no grade that counts") as refusal:
        after(case, of_latest(case, ANNA_BACK))
    assert refusal.value.code == "no-grade"


@pytest.mark.parametrize(
    ("events", "named"),
    [
        ((*TO_CLICKS, CLICKED), "segmented from six clicks since, on 2026"),
        ((*TO_CLICKS, CLICKED, BOB_GOOD), "segmented from six clicks since"),
        ((*TO_CLICKS, NOT_CLICKED), "six-click was tried and gave no mask since"),
        ((*TO_CLICKS, NOT_CLICKED, EDITED), "six-click was tried and gave no mask since"),
        ((*TO_CORRECTION, CORRECTED), "the mask was corrected since"),
        ((*TO_CLICKS, EDITED), "an edited mask was taken in since"),
    ],
)
def test_a_grade_on_which_later_work_stands_is_not_taken_back_and_the_work_is_named(events, named):
    case = history(*events)
    with pytest.raises(InputError, match=named) as refusal:
        after(case, of_latest(case, ANNA_BACK))
    assert refusal.value.code == "later-work"
    assert refusal.value.hint is not None
    assert "edited mask" in refusal.value.hint


def test_the_grade_of_the_next_mask_can_be_taken_back_and_the_one_before_not():
    case = history(*TO_CLICKS, CLICKED, GOOD, ANNA_BACK)
    assert (due(case), step_reached(case)) == ("grade", "six-click")
    with pytest.raises(InputError) as refusal:
        after(case, of_latest(case, ANNA_BACK))
    assert refusal.value.code == "no-grade"


def test_a_withdrawal_that_names_another_mask_is_refused():
    with pytest.raises(InputError, match="another mask"):
        history(AUTOMATIC, GOOD, withdrawn(of="another"))


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


@pytest.mark.parametrize(
    "event", [*TO_EDITING, NOT_FOUND, graded("uncertain", "Zoë", of="x"), ANNA_BACK]
)
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
