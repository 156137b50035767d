"""What an analysis of response says in words, and its figures."""

from collections import Counter
from collections.abc import Sequence

from oncotrace.measure.best_response import ResponseRules
from oncotrace.measure.response import Criterion, Response
from oncotrace.pipeline.response_tables import AssessedCourse
from oncotrace.report.chart import Drawing
from oncotrace.report.spider import SpiderLine, SpiderPoint, spider_drawing
from oncotrace.report.waterfall import WaterfallBar, waterfall_drawing
from oncotrace.stats.proportions import wilson_interval
from oncotrace.stats.usable import listed

ORDER: tuple[Response, ...] = ("CR", "PR", "SD", "non-CR/non-PD", "PD", "NE")
_RESPONSES = ("CR", "PR")


def summary_text(
    assessed: Sequence[AssessedCourse], rules: ResponseRules, said: Sequence[str]
) -> str:
    """Numbers of patients and responses, and who is missing or was left out.

    Parameters
    ----------
    said
        Sentences on what was left out before.
    """
    patients = len({one.course.patient_id for one in assessed})
    points = sum(len(one.course.time_points) for one in assessed)
    readers = {one.course.reader for one in assessed if one.course.reader}
    of_readers = f" by {len(readers)} readers" if len(readers) > 1 else ""
    lines = [
        f"RECIST 1.1: {patients} patient{_s(patients)}, {points} time points{of_readers}.",
        _best_responses(assessed),
        _rate(assessed),
        _confirmation(rules),
        *_by_volume(assessed),
        *_who_is_missing(assessed),
        *said,
        *_departures(assessed),
    ]
    return "\n".join(line for line in lines if line)


def counts(assessed: Sequence[AssessedCourse]) -> dict[str, int]:
    """How many courses have each best response, from the best to that which cannot be told."""
    found = Counter(one.patient["diameter"].best for one in assessed)
    return {name: found[name] for name in ORDER if found[name]}


def responders(assessed: Sequence[AssessedCourse]) -> int:
    """How many courses have a complete or partial response."""
    return sum(one.patient["diameter"].best in _RESPONSES for one in assessed)


def _best_responses(assessed: Sequence[AssessedCourse]) -> str:
    said = ", ".join(f"{name} {count}" for name, count in counts(assessed).items())
    return f"Best overall response: {said}."


def _rate(assessed: Sequence[AssessedCourse]) -> str:
    responded, n = responders(assessed), len(assessed)
    if len({one.course.patient_id for one in assessed}) < n:
        return ""  # readings of one patient are not independent
    low, high = wilson_interval(responded, n)
    return (
        f"Objective response {responded} of {n} ({100 * responded / n:.0f} %, 95 % CI "
        f"{100 * low:.0f} to {100 * high:.0f}, Wilson; NE counts as no response)."
    )


def _confirmation(rules: ResponseRules) -> str:
    stable = f"Stable disease needs {rules.least_stable_days:g} days from baseline."
    if rules.must_confirm:
        days = f"{rules.least_confirmation_days:g}"
        return f"CR and PR are confirmed by an assessment at least {days} days later. {stable}"
    return f"CR and PR need no confirmation. {stable}"


def _by_volume(assessed: Sequence[AssessedCourse]) -> list[str]:
    measured = [one for one in assessed if "volume" in one.patient]
    if not measured:
        return []
    other = [
        one.course.title
        for one in measured
        if one.patient["volume"].best != one.patient["diameter"].best
    ]
    same = f"the same best response as by diameter in {len(measured) - len(other)}"
    differs = f", another in {len(other)} ({listed(other)})" if other else ""
    return [f"By volume ({len(measured)} of {len(assessed)} measured): {same}{differs}."]


def _who_is_missing(assessed: Sequence[AssessedCourse]) -> list[str]:
    alone = [one.course.title for one in assessed if len(one.course.time_points) == 1]
    partly = [
        f"{one.course.title} at {at.time_point.label}"
        for one in assessed
        for at in one.time_points["diameter"]
        if at.target == "NE" or at.non_target == "NE"
    ]
    undrawn = [
        one.course.title
        for one in assessed
        if one.patient["diameter"].best_change_percent is None and len(one.course.time_points) > 1
    ]
    lines = []
    if undrawn:
        lines.append(f"{len(undrawn)} not in the figures, no change of a sum ({listed(undrawn)}).")
    if alone:
        lines.append(f"{len(alone)} without a follow-up, NE ({listed(alone)}).")
    if partly:
        lines.append(f"Lesions were not all evaluated at {len(partly)} times ({listed(partly)}).")
    return lines


def _departures(assessed: Sequence[AssessedCourse]) -> list[str]:
    found = [departure for one in assessed for departure in one.departures]
    if not found:
        return []
    who = listed(list(dict.fromkeys(departure.course for departure in found)))
    return [f"{len(found)} departure{_s(len(found))} from the guideline ({who}): departures.csv."]


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def response_drawings(
    assessed: Sequence[AssessedCourse], criteria: Sequence[Criterion]
) -> dict[str, Drawing]:
    """Waterfall and spider plots by diameter and, where it was measured, by volume."""
    drawings: dict[str, Drawing] = {}
    for criterion in criteria:
        if criterion.quantity == "sphere-diameter":
            continue
        suffix = "" if criterion.quantity == "diameter" else "_by_volume"
        what = "Sum of diameters" if criterion.quantity == "diameter" else "Sum of volumes"
        bars, lines = _bars(assessed, criterion), _lines(assessed, criterion)
        levels = {
            "decrease_percent": criterion.decrease_percent,
            "increase_percent": criterion.increase_percent,
        }
        if bars:
            drawings[f"waterfall{suffix}"] = waterfall_drawing(bars, title=what, **levels)
        if lines:
            drawings[f"spider{suffix}"] = spider_drawing(lines, title=what, **levels)
    return drawings


def _bars(assessed: Sequence[AssessedCourse], criterion: Criterion) -> list[WaterfallBar]:
    return [
        WaterfallBar(one.course.title, best.best_change_percent, best.best)
        for one in assessed
        if (best := one.patient.get(criterion.quantity)) is not None
        and best.best_change_percent is not None
    ]


def _lines(assessed: Sequence[AssessedCourse], criterion: Criterion) -> list[SpiderLine]:
    lines = []
    for one in assessed:
        points = tuple(
            SpiderPoint(
                at.time_point.day,
                at.change_from_baseline_percent,
                at.overall,
                has_new_lesion=bool(at.new_lesions),
            )
            for at in one.time_points.get(criterion.quantity, ())
            if at.change_from_baseline_percent is not None
        )
        if points:
            lines.append(SpiderLine(one.course.title, points))
    return lines
