"""Counts of the workflow: how many cases each step took, accepted and sent on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oncotrace.domain.flow import Flow, FlowStep
from oncotrace.review.events import STEPS, Failed, Graded, Segmented, Step, Withdrawn
from oncotrace.review.grade import ACCEPTED, GRADES, Grade, deciding_grade, is_accepted
from oncotrace.review.routing import CaseState, Task, due, step_reached
from oncotrace.review.standing import standing_grades

FAILED = "failed"
NOT_GRADED = "not graded"
"""Why a case went on that has no grade there: its mask was changed before it had one, or before a
second reader had looked at what the first accepted; or there was none."""

_WHY_ON = (*(grade for grade in GRADES if not is_accepted(grade)), FAILED, NOT_GRADED)
_WAITS: tuple[Task, ...] = (
    "segmentation",
    "six clicks",
    "correction",
    "editing",
    "grade",
    "second reading",
)


@dataclass(frozen=True)
class _Attempt:
    """A mask or a failure, the grades of it that count, and how many were taken back."""

    made: Segmented | Failed
    grades: tuple[Grade, ...]
    withdrawn: int


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
    for attempt in _attempts_at(case, step):
        if isinstance(attempt.made, Failed):
            outcome = FAILED
        else:
            outcome = deciding_grade(attempt.grades) if attempt.grades else NOT_GRADED
    left_accepted = step != reached and outcome in ACCEPTED
    return NOT_GRADED if left_accepted else outcome


def _counted(step: Step, cases: Sequence[CaseState]) -> FlowStep:
    there = [case for case in cases if STEPS.index(step) <= STEPS.index(step_reached(case))]
    outcomes = Counter(outcome_at(case, step) for case in there)
    waiting = Counter(due(case) for case in there if outcome_at(case, step) is None)
    attempts = [attempt for case in cases for attempt in _attempts_at(case, step)]
    twice = [attempt.grades for attempt in attempts if len(attempt.grades) > 1]
    return FlowStep(
        name=step,
        cases=len(there),
        accepted={grade: outcomes[grade] for grade in ACCEPTED},
        waiting={task: waiting[task] for task in _WAITS},
        sent_on={why: outcomes[why] for why in _WHY_ON},
        second_readings=len(twice),
        disagreements=sum(map(_is_disagreement, twice)),
        withdrawn_grades=sum(attempt.withdrawn for attempt in attempts),
    )


def _is_disagreement(grades: Sequence[Grade]) -> bool:
    """Whether the second reader overrules the first; an uncertain first reader is not overruled."""
    first, second = grades
    return first != "uncertain" and is_accepted(first) != is_accepted(second)


def _attempts_at(case: CaseState, step: Step) -> Iterator[_Attempt]:
    """Masks and failures that a case had at a step, oldest first."""
    made: Segmented | Failed | None = None
    said: list[Graded | Withdrawn] = []
    for event in (*case.events, None):
        if isinstance(event, Graded | Withdrawn):
            said.append(event)
            continue
        if made is not None and made.step == step:
            grades = tuple(graded.grade for graded in standing_grades(said))
            yield _Attempt(made, grades, sum(isinstance(of, Withdrawn) for of in said))
        made, said = event, []
