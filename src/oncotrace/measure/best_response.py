"""Best overall response of a patient, how long it lasted, and the time to progression.

References
----------
Eisenhauer et al., Eur J Cancer 2009;45:228-247, doi:10.1016/j.ejca.2008.10.026, sections 4.4.3
(best overall response, table 3), 4.4.4 and 4.6 (confirmation, durations).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oncotrace.measure.response import Response, TimePointResponse

_RESPONSES: tuple[Response, ...] = ("CR", "PR")
_STABLE: tuple[Response, ...] = ("SD", "non-CR/non-PD")


@dataclass(frozen=True)
class ResponseRules:
    """What a protocol fixes beyond the guideline.

    Parameters
    ----------
    must_confirm
        Whether a response counts only when a second assessment confirms it (section 4.6.1: in
        trials where response is the primary endpoint and which are not randomised).
    least_confirmation_days
        Least time between them; the guideline says "generally 4 weeks".
    least_stable_days
        Least time from baseline for a stable disease; "in general not less than 6-8 weeks".
    """

    must_confirm: bool = False
    least_confirmation_days: float = 28.0
    least_stable_days: float = 42.0


@dataclass(frozen=True)
class PatientResponse:
    """Best overall response, and times in days; None where there is none.

    ``has_ended`` and ``has_progressed`` are false where the time is censored: at the last
    assessment that could be evaluated. Times begin at the baseline, durations of response when it
    was first seen. ``best_change_percent`` is the smallest sum against the baseline's, up to
    progression.
    """

    best: Response
    best_change_percent: float | None
    response_day: float | None
    duration_of_response_days: float | None
    duration_of_complete_response_days: float | None
    has_ended: bool
    time_to_progression_days: float | None
    has_progressed: bool


def patient_response(
    responses: Sequence[TimePointResponse], rules: ResponseRules
) -> PatientResponse:
    """Best overall response and durations from the responses at all time points."""
    until = _until_progression(responses)
    progressed = bool(until) and until[-1].overall == "PD"
    evaluable = [one.time_point.day for one in until if one.overall != "NE"]
    last_day = evaluable[-1] if evaluable else None
    began = _began(until, rules, _RESPONSES)
    complete = _began(until, rules, ("CR",))
    changes = [
        one.change_from_baseline_percent
        for one in until
        if one.change_from_baseline_percent is not None
    ]
    return PatientResponse(
        best=best_response(until, rules),
        best_change_percent=min(changes, default=None),
        response_day=began,
        duration_of_response_days=_since(began, last_day),
        duration_of_complete_response_days=_since(complete, last_day),
        has_ended=progressed and began is not None,
        time_to_progression_days=last_day,
        has_progressed=progressed,
    )


def best_response(responses: Sequence[TimePointResponse], rules: ResponseRules) -> Response:
    """Best overall response, from the start up to the first progression.

    A response that needs to be confirmed and is not counts as stable disease, if it or a stable
    assessment was late enough; else as progression, if that was seen (after a complete response
    any disease is), else it cannot be evaluated.

    References
    ----------
    Section 4.4.3 and table 3; section 4.4.4: between the two assessments of a confirmed response
    there may be some that could not be evaluated.
    """
    until = _until_progression(responses)
    for response in _RESPONSES:
        accepted: tuple[Response, ...] = ("CR",) if response == "CR" else _RESPONSES
        if _began(until, rules, accepted) is not None:
            return response
    has_lasted = any(
        one.overall in (*_RESPONSES, *_STABLE) and one.time_point.day >= rules.least_stable_days
        for one in until
    )
    if has_lasted:
        return "non-CR/non-PD" if until[0].target is None else "SD"
    seen = [one.overall for one in until if one.overall != "NE"]
    has_come_back = "CR" in seen and seen[-1] != "CR"
    return "PD" if "PD" in seen or has_come_back else "NE"


def _until_progression(responses: Sequence[TimePointResponse]) -> list[TimePointResponse]:
    until: list[TimePointResponse] = []
    for one in responses:
        until.append(one)
        if one.overall == "PD":
            break
    return until


def _began(
    until: Sequence[TimePointResponse], rules: ResponseRules, accepted: Sequence[Response]
) -> float | None:
    """Day on which a response of one of these kinds was first seen, confirmed if it must be."""
    for place, one in enumerate(until):
        if one.overall not in accepted:
            continue
        if not rules.must_confirm or _is_confirmed(until[place:], rules, accepted):
            return one.time_point.day
    return None


def _is_confirmed(
    since: Sequence[TimePointResponse], rules: ResponseRules, accepted: Sequence[Response]
) -> bool:
    first_day = since[0].time_point.day
    for later in since[1:]:
        if later.overall in accepted:
            if later.time_point.day - first_day >= rules.least_confirmation_days:
                return True
        elif later.overall != "NE":
            return False
    return False


def _since(began: float | None, last_day: float | None) -> float | None:
    return None if began is None or last_day is None else last_day - began
