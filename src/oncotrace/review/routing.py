"""What a case must have next, from what has happened to it; the rules of the graded workflow.

A mask is made automatically and graded. If it is not accepted, or there is none, six clicks make
the next; if that is not accepted, it is corrected; if that is not accepted either, it is edited by
hand, again and again until it is accepted. Where six clicks give no mask there is nothing to
correct, and the case is edited. A second reader grades a mask if the first was uncertain, or if the
case is one of a sample and the first has accepted it; ``grade`` says which of the two counts.

A reader may take back a grade as long as no later mask, nor an attempt at one, stands on it; the
case is then where it was without that grade.

References
----------
Spaanderman et al., eClinicalMedicine 2024;76:102802, doi:10.1016/j.eclinm.2024.102802, of which the
correction between six clicks and editing is ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from oncotrace.errors import InputError
from oncotrace.review.events import Event, Failed, Graded, Segmented, Step, Withdrawn
from oncotrace.review.grade import Grade, deciding_grade, is_accepted
from oncotrace.review.standing import in_words, is_same_reader, standing_grades, work_after_grade

Task = Literal[
    "segmentation", "grade", "second reading", "six clicks", "correction", "editing", "nothing"
]

_AFTER_REFUSAL: Mapping[Step, Task] = {
    "automatic": "six clicks",
    "six-click": "correction",
    "correction": "editing",
    "editing": "editing",
}
_STEP_OF_TASK: Mapping[Task, Step] = {
    "segmentation": "automatic",
    "six clicks": "six-click",
    "correction": "correction",
    "editing": "editing",
}


@dataclass(frozen=True)
class CaseState:
    """A case of the workflow with everything that has happened to it, oldest first.

    ``is_sampled``: a second reader looks at what the first has accepted.
    """

    case_id: str
    is_sampled: bool
    events: tuple[Event, ...] = ()

    @property
    def mask(self) -> Segmented | None:
        """The latest mask; none before there is any."""
        masks = (event for event in reversed(self.events) if isinstance(event, Segmented))
        return next(masks, None)

    @property
    def failure(self) -> Failed | None:
        """The failure that the case waits with; none if a mask came since, or nothing failed."""
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Failed) else None

    @property
    def grades(self) -> tuple[Graded, ...]:
        """Grades of the latest mask that count, in their order: at most two."""
        of_mask: list[Graded | Withdrawn] = []
        for event in reversed(self.events):
            if isinstance(event, Segmented | Failed):
                break
            of_mask.append(event)
        return tuple(standing_grades(reversed(of_mask)))

    @property
    def verdict(self) -> Grade | None:
        """Grade of the latest mask that counts so far; none if it has none."""
        return deciding_grade([graded.grade for graded in self.grades]) if self.grades else None


def due(case: CaseState) -> Task:
    """Return what the case waits for."""
    if case.failure is not None:
        return "six clicks" if case.failure.step == "automatic" else "editing"
    if case.mask is None:
        return "segmentation"
    verdict = case.verdict
    if verdict is None:
        return "grade"
    if len(case.grades) == 1 and _needs_second_reader(verdict, is_sampled=case.is_sampled):
        return "second reading"
    return "nothing" if is_accepted(verdict) else _AFTER_REFUSAL[case.mask.step]


def _needs_second_reader(first: Grade, *, is_sampled: bool) -> bool:
    return first == "uncertain" or (is_sampled and is_accepted(first))


def step_reached(case: CaseState) -> Step:
    """Step at which the case is: that of its mask while it is graded, else that of its task."""
    task = due(case)
    if case.mask is None or task in _STEP_OF_TASK:
        return _STEP_OF_TASK[task]
    return case.mask.step


def possible_steps(case: CaseState) -> frozenset[Step]:
    """Return the steps that may give the case its next mask.

    Besides the one that is due: a mask may be edited instead of clicked or corrected; what failed
    may be tried again; and what six clicks gave may be corrected until it is accepted, also before
    it is graded.
    """
    task = due(case)
    if task == "nothing":
        return frozenset()
    steps: set[Step] = set()
    if task in _STEP_OF_TASK:
        steps.add(_STEP_OF_TASK[task])
    if task in ("six clicks", "correction"):
        steps.add("editing")
    if case.failure is not None:
        steps.add(case.failure.step)
    elif case.mask is not None and case.mask.step in ("six-click", "correction"):
        steps.add("correction")
    return frozenset(steps)


def after(case: CaseState, event: Event) -> CaseState:
    """State of the case when one more thing has happened to it.

    Raises
    ------
    InputError
        It cannot happen now: the case waits for something else, the grade is of another mask, the
        second reader is the first, or there is no grade to take back or later work stands on it.
    """
    if isinstance(event, Graded):
        _require_gradable(case, event)
    elif isinstance(event, Withdrawn):
        _require_withdrawable(case, event)
    elif event.step not in possible_steps(case):
        raise InputError(
            f"a mask of the step {event.step} is not due: {waits_for(case)}.",
            case_id=case.case_id,
            code="not-due",
        )
    return replace(case, events=(*case.events, event))


def replayed(cases: Iterable[CaseState], events: Iterable[Event]) -> dict[str, CaseState]:
    """Cases by id after all events, which may be of any of them.

    Raises
    ------
    InputError
        An event cannot have happened when it stands, or is of a case that there is not.
    """
    states = {case.case_id: case for case in cases}
    for event in events:
        if event.case_id not in states:
            raise InputError(
                "there is no such case in this run.", case_id=event.case_id, code="unknown-case"
            )
        states[event.case_id] = after(states[event.case_id], event)
    return states


def _require_gradable(case: CaseState, graded: Graded) -> None:
    if case.mask is None or due(case) not in ("grade", "second reading"):
        raise InputError(
            f"no grade is due: {waits_for(case)}.",
            hint="`oncotrace worklist RUN` shows what is due.",
            case_id=case.case_id,
            code="not-due",
        )
    if graded.mask_digest != case.mask.mask_digest:
        raise InputError(
            "the grade is of another mask than the case has now.",
            hint="Look at the mask again.",
            case_id=case.case_id,
            code="mask-changed",
        )
    if any(is_same_reader(graded.reader, earlier.reader) for earlier in case.grades):
        raise InputError(
            "this reader has graded this mask already; another reader is asked for.",
            hint="A grade given by mistake is taken back by `oncotrace grade --withdraw`.",
            case_id=case.case_id,
            code="same-reader",
        )


def _require_withdrawable(case: CaseState, withdrawn: Withdrawn) -> None:
    if not any(is_same_reader(withdrawn.reader, graded.reader) for graded in case.grades):
        work = work_after_grade(case.events, withdrawn.reader)
        if work is not None:
            raise InputError(
                f"the grade cannot be taken back: {in_words(work)} since, on {work.at}.",
                hint="Grade the mask that the case has now. To have an earlier one, save it as the "
                "edited mask.",
                case_id=case.case_id,
                code="later-work",
            )
        raise InputError(
            "this reader has given the mask no grade that counts.",
            hint="A grade is taken back under the name that it was given under.",
            case_id=case.case_id,
            code="no-grade",
        )
    if case.mask is None or withdrawn.mask_digest != case.mask.mask_digest:
        raise InputError(
            "the grade is of another mask than the case has now.",
            hint="Look at the mask again.",
            case_id=case.case_id,
            code="mask-changed",
        )


def waits_for(case: CaseState) -> str:
    """Say what the case waits for, without any grade."""
    task = due(case)
    return "the case is done" if task == "nothing" else f"the case waits for {_WORDS[task]}"


_WORDS: Mapping[Task, str] = {
    "segmentation": "its automatic segmentation",
    "grade": "a grade",
    "second reading": "a grade",  # a reader is not told that there was one before
    "six clicks": "six clicks",
    "correction": "a correction",
    "editing": "an edited mask",
}
