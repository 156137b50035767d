"""Counts of the workflow: how many cases each step took, accepted and sent on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from oncotrace.domain.flow import Flow, FlowStep
from oncotrace.review.events import STEPS, Failed, Graded, Segmented, Step
from oncotrace.review.grade import ACCEPTED, GRADES, Grade, deciding_grade, is_accepted
from oncotrace.review.routing import CaseState, Task, due, step_reached

FAILED = "failed"
NOT_GRADED = "not graded"
"""Why a case went on that has no grade there: its mask was changed first, or there was none."""

_WHY_ON = (*(grade for grade in GRADES if not is_accepted(grade)), FAILED, NOT_GRADED)
_WAITS: tuple[Task, ...] = (
    "segmentation",
    "six clicks",
    "correction",
    "editing",
    "grade",
    "second reading",
)


def flow_of(cases: Iterable[CaseState]) -> Flow:
    """Count what became of the cases at every step; the counts add up.

    A case is at exactly one step (`oncotrace.review.routing.step_reached`): accepted, or waiting.
    At every step before it the case counts by the latest mask that it had there: its grade, of two
    readers' the deciding one.
    """
    states = list(cases)
    flow = Flow(len(states), tuple(_counted(step, states) for step in STEPS))
    flow.require_adding_up()
    return flow


def outcome_at(case: CaseState, step: Step) -> str | None:
    """Grade that decided at a step which the case has left or was accepted at, or why none did.

    None if the case has not got there, or waits there.
    """
    reached, is_done = step_reached(case), due(case) == "nothing"
    if STEPS.index(step) > STEPS.index(reached) or (step == reached and not is_done):
        return None
    outcome = NOT_GRADED
    for made, grades in _attempts(case):
        if made.step == step and isinstance(made, Failed):
            outcome = FAILED
        elif made.step == step:
            outcome = deciding_grade(grades) if grades else NOT_GRADED
    return outcome


def _counted(step: Step, cases: Sequence[CaseState]) -> FlowStep:
    there = [case for case in cases if STEPS.index(step) <= STEPS.index(step_reached(case))]
    outcomes = Counter(outcome_at(case, step) for case in there)
    waiting = Counter(due(case) for case in there if outcome_at(case, step) is None)
    twice = [
        grades
        for case in cases
        for made, grades in _attempts(case)
        if made.step == step and len(grades) > 1
    ]
    return FlowStep(
        name=step,
        cases=len(there),
        accepted={grade: outcomes[grade] for grade in ACCEPTED},
        waiting={task: waiting[task] for task in _WAITS},
        sent_on={why: outcomes[why] for why in _WHY_ON},
        second_readings=len(twice),
        disagreements=sum(map(_is_disagreement, twice)),
    )


def _is_disagreement(grades: Sequence[Grade]) -> bool:
    """Whether the second reader overrules the first; an uncertain first reader is not overruled."""
    first, second = grades
    return first != "uncertain" and is_accepted(first) != is_accepted(second)


def _attempts(case: CaseState) -> Iterator[tuple[Segmented | Failed, list[Grade]]]:
    """Masks and failures of a case, oldest first, each with its grades."""
    made: Segmented | Failed | None = None
    grades: list[Grade] = []
    for event in case.events:
        if isinstance(event, Graded):
            grades.append(event.grade)
            continue
        if made is not None:
            yield made, grades
        made, grades = event, []
    if made is not None:
        yield made, grades
