"""Short ways to write down what happens to a case."""

from dataclasses import replace

from oncotrace.review.events import Event, Failed, Graded, Segmented, Step, Withdrawn
from oncotrace.review.grade import Grade
from oncotrace.review.routing import CaseState, after


def mask(step: Step, *, case_id: str = "a", name: str = "", dice: float | None = None) -> Segmented:
    """Mask of a step; two with the same name are the same mask."""
    return Segmented(case_id, step, step, name or step, "2026-01-01T00:00:00+00:00", {}, dice)


def failed(step: str, *, case_id: str = "a", code: str = "nothing-found") -> Failed:
    """Failure of a step of the machine."""
    kind = "automatic" if step == "automatic" else "six-click"
    return Failed(case_id, kind, "segment", code, "nothing.", "digest", "2026-01-01")


def graded(grade: Grade, reader: str = "Anna", *, of: str = "", case_id: str = "a") -> Graded:
    """Grade of the mask with that name."""
    return Graded(case_id, grade, reader, of, "2026-01-01")


def withdrawn(reader: str = "Anna", *, of: str = "", case_id: str = "a") -> Withdrawn:
    """Withdrawal of a reader's grade of the mask with that name."""
    return Withdrawn(case_id, reader, of, "2026-01-01", "another case was meant.")


def history(*events: Event, is_sampled: bool = False, case_id: str = "a") -> CaseState:
    """State of a case after events; grades without a mask's name are of the latest mask."""
    case = CaseState(case_id, is_sampled)
    for event in events:
        case = after(case, of_latest(case, event))
    return case


def of_latest(case: CaseState, event: Event) -> Event:
    """Event, which names the latest mask if it is of a grade and names none."""
    if not isinstance(event, Graded | Withdrawn) or event.mask_digest or case.mask is None:
        return event
    return replace(event, mask_digest=case.mask.mask_digest)
