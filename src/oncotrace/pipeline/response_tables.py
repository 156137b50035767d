"""Tables of an analysis of response: lesions, time points, patients, departures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oncotrace.domain.lesion import Lesion, LesionCourse, LesionReading
from oncotrace.measure.best_response import PatientResponse
from oncotrace.measure.recist import Burden, Quantity, burden
from oncotrace.measure.recist_baseline import Departure
from oncotrace.measure.response import TimePointResponse

Row = Mapping[str, object]

SUM_COLUMNS: dict[Quantity, str] = {
    "diameter": "sum_of_diameters_mm",
    "volume": "sum_of_volumes_ml",
    "sphere-diameter": "sum_of_sphere_diameters_mm",
}
_SUFFIX: dict[Quantity, str] = {
    "diameter": "",
    "volume": "_by_volume",
    "sphere-diameter": "_by_sphere_diameter",
}


@dataclass(frozen=True)
class AssessedCourse:
    """A course whose lesions all have a kind, and its responses by each quantity.

    Volumes are there only where every target has one at baseline.
    """

    course: LesionCourse
    time_points: Mapping[Quantity, tuple[TimePointResponse, ...]]
    patient: Mapping[Quantity, PatientResponse]
    departures: tuple[Departure, ...]


def lesion_rows(assessed: Sequence[AssessedCourse]) -> list[Row]:
    """Lines of a table of lesions as they were used: kinds chosen, fragments added together."""
    return [
        _lesion_row(one.course, lesion, reading, place)
        for one in assessed
        for place in range(len(one.course.time_points))
        for lesion in one.course.lesions
        if (reading := lesion.readings[place]) is not None
    ]


def _lesion_row(course: LesionCourse, lesion: Lesion, reading: LesionReading, place: int) -> Row:
    return {
        "patient_id": course.patient_id,
        "reader": course.reader,
        "time_point": course.time_points[place].label,
        "lesion": lesion.name,
        "kind": lesion.kind,
        "node": "yes" if lesion.is_node else "no",
        "organ": lesion.organ,
        "state": "" if reading.state == "merged" else reading.state,
        "longest_diameter_mm": reading.longest_diameter_mm,
        "short_axis_mm": reading.short_axis_mm,
        "volume_ml": reading.volume_ml,
        "slice_thickness_mm": lesion.slice_thickness_mm,
        "merged_into": lesion.merged_into if reading.state == "merged" else "",
    }


def response_rows(assessed: Sequence[AssessedCourse]) -> list[Row]:
    """One line per time point, the baseline first."""
    rows: list[Row] = []
    for one in assessed:
        rows.append(_baseline_row(one))
        rows += [_response_row(one, place) for place in range(len(one.course.time_points) - 1)]
    return rows


def _baseline_row(one: AssessedCourse) -> Row:
    course, targets = one.course, one.course.of_kind("target")
    sums = {
        SUM_COLUMNS[quantity]: _complete(burden(targets, 0, quantity)) if targets else None
        for quantity in one.time_points
    }
    return {**_place(course, 0), "overall": "baseline", **sums}


def _response_row(one: AssessedCourse, place: int) -> Row:
    by_diameter = one.time_points["diameter"][place]
    row: dict[str, object] = {
        **_place(one.course, place + 1),
        "overall": by_diameter.overall,
        "target": by_diameter.target,
        "non_target": by_diameter.non_target,
        "new_lesions": "; ".join(by_diameter.new_lesions),
        "returned_lesions": "; ".join(by_diameter.returned),
        "not_evaluated": "; ".join(by_diameter.burden.missing),
    }
    for quantity, responses in one.time_points.items():
        at, suffix = responses[place], _SUFFIX[quantity]
        has_sum = at.target is not None
        row[SUM_COLUMNS[quantity]] = _complete(at.burden) if has_sum else None
        row[SUM_COLUMNS[quantity].replace("sum", "nadir")] = at.nadir
        row[f"change_from_baseline_percent{suffix}"] = at.change_from_baseline_percent
        row[f"change_from_nadir_percent{suffix}"] = at.change_from_nadir_percent
        row[f"overall{suffix}"] = at.overall
    return row


def _place(course: LesionCourse, place: int) -> dict[str, object]:
    point = course.time_points[place]
    return {
        "patient_id": course.patient_id,
        "reader": course.reader,
        "time_point": point.label,
        "day": point.day,
    }


def _complete(summed: Burden) -> float | None:
    return summed.measured if summed.is_complete else None


def patient_rows(assessed: Sequence[AssessedCourse]) -> list[Row]:
    """One line per patient (and reader): best response, durations, time to progression."""
    return [_patient_row(one) for one in assessed]


def _patient_row(one: AssessedCourse) -> Row:
    best = one.patient["diameter"]
    row: dict[str, object] = {
        "patient_id": one.course.patient_id,
        "reader": one.course.reader,
        "targets": len(one.course.of_kind("target")),
        "non_targets": len(one.course.of_kind("non-target")),
        "time_points": len(one.course.time_points),
        "best_response": best.best,
        "best_change_percent": best.best_change_percent,
        "response_day": best.response_day,
        "duration_of_response_days": best.duration_of_response_days,
        "duration_of_complete_response_days": best.duration_of_complete_response_days,
        "response_ended": _event(best.has_ended, best.response_day),
        "time_to_progression_days": best.time_to_progression_days,
        "progressed": _event(best.has_progressed, best.time_to_progression_days),
    }
    for quantity, response in one.patient.items():
        row[f"best_response{_SUFFIX[quantity]}"] = response.best
        row[f"best_change_percent{_SUFFIX[quantity]}"] = response.best_change_percent
    return row


def _event(has_happened: bool, time: float | None) -> int | None:
    return None if time is None else int(has_happened)


def departure_rows(assessed: Sequence[AssessedCourse]) -> list[Row]:
    """One line for each departure from the guideline."""
    return [
        {
            "patient_id": one.course.patient_id,
            "reader": one.course.reader,
            "lesion": departure.lesion,
            "what": departure.what,
            "section": departure.section,
        }
        for one in assessed
        for departure in one.departures
    ]
