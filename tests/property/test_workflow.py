"""Whatever readers and machines do in whatever order: counts add up, and the log is the truth."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import InputError
from oncotrace.review.events import (
    STEPS,
    Event,
    Failed,
    Graded,
    Segmented,
    Withdrawn,
    event_from_json,
    event_json,
)
from oncotrace.review.flow_counts import flow_of, outcome_at
from oncotrace.review.grade import GRADES, is_accepted
from oncotrace.review.routing import CaseState, after, due, replayed, step_reached
from oncotrace.review.worklist import entries_for, worklist

CASES = ("a", "b", "c")
READERS = ("Anna", "Bob", "anna ")

grades = st.builds(
    lambda grade, reader, mask: Graded("", grade, reader, mask, "2026-01-01"),
    st.sampled_from(GRADES),
    st.sampled_from(READERS),
    st.sampled_from(["latest", "latest", "latest", "other"]),
)
masks = st.builds(
    lambda step, name, dice: Segmented("", step, step, name, "2026-01-01", {}, dice),
    st.sampled_from(STEPS),
    st.sampled_from("mn"),
    st.none() | st.floats(0, 1),
)
failures = st.builds(
    lambda step: Failed("", step, "segment", "nothing-found", "nothing.", "digest", "2026-01-01"),
    st.sampled_from(["automatic", "six-click"]),
)
withdrawals = st.builds(
    lambda reader, mask: Withdrawn("", reader, mask, "2026-01-01", "a mistake."),
    st.sampled_from(READERS),
    st.sampled_from(["latest", "latest", "latest", "other"]),
)
attempts = st.lists(
    st.tuples(
        st.sampled_from(CASES), st.one_of(grades, grades, withdrawals, masks, masks, failures)
    ),
    max_size=60,
)
samples = st.sets(st.sampled_from(CASES))


def start(sample: set[str]) -> list[CaseState]:
    return [CaseState(case_id, case_id in sample) for case_id in CASES]


def of_case(case: CaseState, event: Event) -> Event:
    """Event of that case; of its latest mask, if it is a grade of the latest."""
    content = {**event_json(event), "case_id": case.case_id}
    is_of_mask = isinstance(event, Graded | Withdrawn) and event.mask_digest == "latest"
    if is_of_mask and case.mask is not None:
        content["mask_digest"] = case.mask.mask_digest
    made = event_from_json(json.dumps(content))
    assert made is not None
    return made


def played(
    sample: set[str], tried: list[tuple[str, Event]]
) -> tuple[list[Event], dict[str, CaseState]]:
    """Return the events that were possible, and the states after them."""
    states, happened = {case.case_id: case for case in start(sample)}, []
    for case_id, event in tried:
        made = of_case(states[case_id], event)
        try:
            states[case_id] = after(states[case_id], made)
        except InputError:
            continue
        happened.append(made)
    return happened, states


@given(samples, attempts)
def test_counts_add_up_after_every_event(sample, tried):
    happened, _ = played(sample, tried)
    for length in range(len(happened) + 1):
        states = replayed(start(sample), happened[:length])
        flow = flow_of(states.values())
        flow.require_adding_up()
        assert flow.cases == len(CASES)
        done = sum(due(case) == "nothing" for case in states.values())
        assert sum(step.total_accepted for step in flow.steps) == done
        assert sum(step.total_waiting for step in flow.steps) == len(CASES) - done


@given(samples, attempts)
def test_the_flow_of_all_is_the_sum_of_the_flows_of_parts(sample, tried):
    _, states = played(sample, tried)
    whole = flow_of(states.values())
    parts = [flow_of([case]) for case in states.values()]
    for number, step in enumerate(whole.steps):
        assert step.cases == sum(part.steps[number].cases for part in parts)
        assert step.total_sent_on == sum(part.steps[number].total_sent_on for part in parts)
        assert step.second_readings == sum(part.steps[number].second_readings for part in parts)


@given(samples, attempts, st.data())
def test_replaying_any_prefix_and_then_the_rest_gives_the_same_state(sample, tried, data):
    happened, states = played(sample, tried)
    cut = data.draw(st.integers(0, len(happened)))
    before = replayed(start(sample), happened[:cut])
    assert replayed(before.values(), happened[cut:]) == states


@given(samples, attempts)
def test_cases_do_not_depend_on_each_other(sample, tried):
    happened, states = played(sample, tried)
    for case in start(sample):
        own = [event for event in happened if event.case_id == case.case_id]
        assert replayed([case], own)[case.case_id] == states[case.case_id]


@given(samples, attempts)
def test_only_accepted_masks_end_a_case_and_sampled_ones_have_two_readers(sample, tried):
    _, states = played(sample, tried)
    for case in states.values():
        if due(case) != "nothing":
            continue
        assert is_accepted(outcome_at(case, step_reached(case)))
        readers = {graded.reader.strip().lower() for graded in case.grades}
        assert len(readers) == len(case.grades)
        if case.is_sampled or case.grades[0].grade == "uncertain":
            assert len(readers) == 2


@given(samples, attempts)
def test_grades_that_were_taken_back_leave_nothing_but_their_number(sample, tried):
    happened, states = played(sample, tried)
    for case in start(sample):
        own = [event for event in happened if event.case_id == case.case_id]
        told = list(own)
        for withdrawn in (event for event in own if isinstance(event, Withdrawn)):
            place = told.index(withdrawn)
            graded = max(
                n for n, event in enumerate(told[:place])
                if isinstance(event, Graded)
                and event.reader.strip().lower() == withdrawn.reader.strip().lower()
            )  # fmt: skip
            assert all(isinstance(event, Graded) for event in told[graded:place])
            told = [event for n, event in enumerate(told) if n not in (graded, place)]
        never = CaseState(case.case_id, case.is_sampled, tuple(told))
        now = states[case.case_id]
        assert (due(now), step_reached(now)) == (due(never), step_reached(never))
        assert (now.grades, now.verdict) == (never.grades, never.verdict)
        steps = [replace(step, withdrawn_grades=0) for step in flow_of([now]).steps]
        assert steps == list(flow_of([never]).steps)
        counted = sum(step.withdrawn_grades for step in flow_of([now]).steps)
        assert counted == sum(isinstance(event, Withdrawn) for event in own)


@given(samples, attempts)
def test_every_case_is_done_or_waits_for_exactly_one_thing(sample, tried):
    _, states = played(sample, tried)
    listed = [entry.case_id for entry in worklist(states.values())]
    for case in states.values():
        assert listed.count(case.case_id) == (due(case) not in ("nothing", "segmentation"))


@given(samples, attempts, st.sampled_from(READERS))
def test_what_is_offered_to_a_reader_can_be_done_by_that_reader(sample, tried, reader):
    _, states = played(sample, tried)
    for entry in entries_for(worklist(states.values()), reader):
        case = states[entry.case_id]
        if entry.task == "grade":
            grade = Graded(case.case_id, "Excellent", reader, case.mask.mask_digest, "2026-01-01")
            assert len(after(case, grade).grades) == len(case.grades) + 1


@given(samples, attempts)
def test_an_event_that_is_refused_changes_nothing(sample, tried):
    happened, states = played(sample, tried)
    before = dict(states)
    for event in (mask for mask in happened if isinstance(mask, Segmented)):
        case = states[event.case_id]
        if due(case) == "nothing":
            with pytest.raises(InputError):
                after(case, event)
    assert states == before
