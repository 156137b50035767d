"""From the lines of a table of lesions to the course of every patient's lesions.

References
----------
Fragments and lesions that grow together: Eisenhauer et al., Eur J Cancer 2009;45:228-247,
doi:10.1016/j.ejca.2008.10.026, section 4.3.2.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from oncotrace.domain.lesion import (
    Lesion,
    LesionCourse,
    LesionKind,
    LesionReading,
    LesionRow,
    LesionState,
    TimePoint,
)
from oncotrace.errors import TableError
from oncotrace.measure.equivalent_sphere import sphere_volume_ml
from oncotrace.measure.recist import TOO_SMALL_MM

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value", bound=Hashable)

_ABSENT = LesionReading("absent")


def lesion_courses(rows: Iterable[LesionRow]) -> tuple[LesionCourse, ...]:
    """Courses of all patients (and readers), in the order in which the rows first name them.

    The fragments of a lesion are one lesion with the sum of their sizes. A lesion that has merged
    into another stays so until it has a row of its own again.

    Raises
    ------
    TableError
        A lesion has two rows at one time point, its rows contradict each other, or its kind does
        not fit when it was seen; the message names the lesion and its lines.
    """
    by_course = _grouped(rows, lambda row: (row.patient_id, row.reader))
    return tuple(_course(of_course) for of_course in by_course.values())


def _course(rows: Sequence[LesionRow]) -> LesionCourse:
    labels = _labels_by_time(rows)
    times = sorted(labels)
    points = tuple(TimePoint(labels[time], time - times[0]) for time in times)
    by_lesion = _grouped(rows, lambda row: row.split_from or row.lesion)
    lesions = tuple(_lesion(name, of_lesion, times) for name, of_lesion in by_lesion.items())
    _require_known_targets(rows, lesions)
    return LesionCourse(rows[0].patient_id, points, lesions, rows[0].reader)


def _labels_by_time(rows: Sequence[LesionRow]) -> dict[float, str]:
    labels: dict[float, str] = {}
    for row in rows:
        labels.setdefault(row.time, row.time_point)
    return labels


def _lesion(name: str, rows: Sequence[LesionRow], times: Sequence[float]) -> Lesion:
    where = f"lesion {name} ({rows[0].where})"
    _require_one_row_per_part(rows, where)
    kind: LesionKind | None = _agreed([(row.kind, row) for row in rows], "kind", where)
    is_node = _agreed([(row.is_node, row) for row in rows], "node", where) or False
    organ = _agreed([(row.organ or None, row) for row in rows], "organ", where) or ""
    merged_into = _agreed([(row.merged_into or None, row) for row in rows], "merged_into", where)
    thickness = next(
        (row.slice_thickness_mm for row in rows if row.time == times[0]),
        None,
    )
    by_time = _grouped(rows, lambda row: row.time)
    readings: list[LesionReading | None] = []
    for time in times:
        if time in by_time:
            readings.append(_joined([row.reading for row in by_time[time]], is_node=is_node))
        else:
            readings.append(_carried_on(readings))
    _require_kind_fits(kind, readings, where)
    return Lesion(name, kind, is_node, organ, tuple(readings), thickness, merged_into or "")


def _carried_on(before: Sequence[LesionReading | None]) -> LesionReading | None:
    last = before[-1] if before else None
    return last if last is not None and last.state == "merged" else None


def _joined(parts: Sequence[LesionReading], *, is_node: bool) -> LesionReading:
    """Add the fragments of a lesion together."""
    if len(parts) == 1:
        return parts[0]
    states = [part.state for part in parts]
    if "not-evaluable" in states:
        return LesionReading("not-evaluable")
    if "progressed" in states:
        return LesionReading("progressed")
    seen = [part for part in parts if part.state not in ("absent", "merged")]
    if not seen:
        return LesionReading("merged") if "merged" in states else _ABSENT
    axes_mm = [part.short_axis_mm if is_node else part.longest_diameter_mm for part in seen]
    size_mm = _total(seen, axes_mm, too_small=TOO_SMALL_MM)
    volumes_ml = [part.volume_ml for part in seen]
    volume_ml = _total(seen, volumes_ml, too_small=sphere_volume_ml(TOO_SMALL_MM))
    state: LesionState = (
        "equivocal" if {part.state for part in seen} == {"equivocal"} else "present"
    )
    if is_node:
        return LesionReading(state, short_axis_mm=size_mm, volume_ml=volume_ml)
    return LesionReading(state, longest_diameter_mm=size_mm, volume_ml=volume_ml)


def _total(
    parts: Sequence[LesionReading], sizes: Sequence[float | None], *, too_small: float
) -> float | None:
    """Sum of the fragments' sizes; None if one is not known."""
    known = [
        too_small if size is None and part.state == "too-small" else size
        for part, size in zip(parts, sizes, strict=True)
    ]
    given = [size for size in known if size is not None]
    return sum(given) if len(given) == len(known) else None


def _agreed(
    values: Sequence[tuple[_Value | None, LesionRow]], column: str, where: str
) -> _Value | None:
    """Return the one value that the rows of a lesion give; empty cells do not contradict."""
    given = [(value, row.where) for value, row in values if value is not None]
    for value, place in given:
        if value != given[0][0]:
            raise TableError(
                f"{where}: {column} is {given[0][0]!r} in {given[0][1]} and {value!r} in {place}.",
                hint="Say the same in every row of a lesion, or leave the others empty.",
                code="contradictory-lesion",
            )
    return given[0][0] if given else None


def _require_one_row_per_part(rows: Sequence[LesionRow], where: str) -> None:
    seen: dict[tuple[str, float], str] = {}
    for row in rows:
        first = seen.setdefault((row.lesion, row.time), row.where)
        if first != row.where:
            raise TableError(
                f"{where}: {first} and {row.where} are both of time point {row.time_point}.",
                hint="Keep one row; name a fragment as a lesion of its own with split_from.",
                code="duplicate-rows",
            )


def _require_kind_fits(
    kind: LesionKind | None, readings: Sequence[LesionReading | None], where: str
) -> None:
    """Refuse a new lesion that was there at baseline, and a target that has no baseline row."""
    first = readings[0]
    was_there = first is not None and first.state not in ("absent", "not-evaluable")
    if kind == "new" and was_there:
        raise TableError(
            f"{where}: it is called new and was there at baseline.",
            hint="New lesions are those that first appear after the earliest time point.",
            code="lesion-kind",
        )
    if kind in ("target", "non-target") and first is None:
        raise TableError(
            f"{where}: it is called {kind} and has no row at the patient's earliest time point.",
            hint="Add its baseline row, or call it new.",
            code="lesion-kind",
        )
    if kind != "non-target" and any(r is not None and r.state == "progressed" for r in readings):
        raise TableError(
            f"{where}: only a non-target lesion can have the state progressed.",
            hint="Give the size of a target; call a lesion that was not there new.",
            code="lesion-kind",
        )


def _require_known_targets(rows: Sequence[LesionRow], lesions: Sequence[Lesion]) -> None:
    """Refuse a fragment or a merged lesion whose other lesion the patient does not have."""
    kinds = {lesion.name: lesion.kind for lesion in lesions}
    named = {row.lesion for row in rows}
    for row in rows:
        for column, other in (("split_from", row.split_from), ("merged_into", row.merged_into)):
            if other and (other == row.lesion or other not in named):
                raise TableError(
                    f"{row.where}: {column} is {other!r}, which is no "
                    "other lesion of this patient.",
                    hint="Give the name of the lesion as the column lesion has it.",
                    code="unknown-lesion",
                )
        own, into = kinds.get(row.lesion), kinds.get(row.merged_into)
        if row.merged_into and own == "target" and into != "target":
            raise TableError(
                f"{row.where}: a target has merged into "
                f"{row.merged_into!r}, which is none, so that its size would be lost.",
                hint="Give the merged lesion's size to the target, and merge the other into it.",
                code="unknown-lesion",
            )


def _grouped(
    rows: Iterable[LesionRow], key: Callable[[LesionRow], _Key]
) -> Mapping[_Key, list[LesionRow]]:
    groups: dict[_Key, list[LesionRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups
