"""Who has to look at what next: where nothing was found first, then the least certain.

An entry says which case, what to do and which mask; diagnosis, centre, outcome and grades are not
known here, so that nothing that shows a worklist can show them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from oncotrace.review.events import Step
from oncotrace.review.grade import is_accepted
from oncotrace.review.routing import CaseState, Task, due, step_reached
from oncotrace.review.standing import is_same_reader


@dataclass(frozen=True)
class WorklistEntry:
    """One case that waits for a person.

    Parameters
    ----------
    folder
        Name of the folder of the latest mask, among those of the case; none before there is any.
    predicted_dice
        How good that mask probably is; none where that is not known, or must not be shown.
    because
        Code of the failure that the case waits with, or ``not accepted``; empty for grades.
    not_by
        Reader who has graded the mask already; the next must be another. Empty if there is none.
    """

    case_id: str
    task: Task
    step: Step
    folder: str | None
    predicted_dice: float | None
    because: str = ""
    not_by: str = ""


def worklist(cases: Iterable[CaseState]) -> list[WorklistEntry]:
    """Cases that wait for a person, the most urgent first; see the module.

    First come failures, then masks that were not accepted, then those to be graded: of each, those
    of unknown quality, then by predicted Dice from the lowest. Ties stay in the order given.
    """
    waiting = [case for case in cases if due(case) not in ("segmentation", "nothing")]
    return [_entry(case) for case in sorted(waiting, key=_urgency)]


def entries_for(entries: Sequence[WorklistEntry], reader: str) -> list[WorklistEntry]:
    """Return what a reader may do, in the same order, and as the reader may see it.

    Not among it are masks that the reader has graded. A second reading looks like any other grade,
    and the predicted Dice is not shown, so that neither suggests one.
    """
    return [
        replace(
            entry,
            task="grade" if entry.task == "second reading" else entry.task,
            predicted_dice=None,
            not_by="",
        )
        for entry in entries
        if not (entry.not_by and is_same_reader(entry.not_by, reader))
    ]


def _urgency(case: CaseState) -> tuple[int, float]:
    if case.failure is not None:
        return 0, 0.0
    verdict = case.verdict
    is_refused = due(case) not in ("grade", "second reading") and verdict is not None
    predicted = case.mask.predicted_dice if case.mask is not None else None
    return (1 if is_refused else 2), (-1.0 if predicted is None else predicted)


def _entry(case: CaseState) -> WorklistEntry:
    task, mask = due(case), case.mask
    because = ""
    if case.failure is not None:
        because = case.failure.code
    elif task != "second reading" and case.verdict is not None and not is_accepted(case.verdict):
        because = "not accepted"
    return WorklistEntry(
        case_id=case.case_id,
        task=task,
        step=step_reached(case),
        folder=mask.folder if mask else None,
        predicted_dice=mask.predicted_dice if mask else None,
        because=because,
        not_by=case.grades[0].reader if task == "second reading" else "",
    )
