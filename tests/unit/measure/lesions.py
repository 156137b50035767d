"""Lesions for the tests of response: short to write, with days as time points."""

from dataclasses import replace

from oncotrace.domain.lesion import (
    Lesion,
    LesionCourse,
    LesionKind,
    LesionReading,
    LesionRow,
    LesionState,
    TimePoint,
)

Seen = float | str | None
"""A size in mm, a state, or nothing noted."""


def reading(seen: Seen, *, is_node: bool = False) -> LesionReading | None:
    """Return a longest diameter, or a node's short axis; or a state; or nothing."""
    if seen is None:
        return None
    if isinstance(seen, str):
        state: LesionState = seen  # type: ignore[assignment]  # tests write states as text
        return LesionReading(state)
    if is_node:
        return LesionReading("present", short_axis_mm=seen)
    return LesionReading("present", longest_diameter_mm=seen)


def lesion(
    name: str,
    *seen: Seen,
    kind: LesionKind | None = "target",
    organ: str = "",
    is_node: bool = False,
    slice_thickness_mm: float | None = None,
) -> Lesion:
    """Return a lesion with one reading per time point."""
    readings = tuple(reading(one, is_node=is_node) for one in seen)
    return Lesion(name, kind, is_node, organ, readings, slice_thickness_mm)


def course(*lesions: Lesion, days: tuple[float, ...] = (0, 56, 112, 168, 224)) -> LesionCourse:
    """Return the course of one patient; every lesion has as many readings as there are days."""
    count = len(lesions[0].readings)
    points = tuple(TimePoint(f"{day:g}", day) for day in days[:count])
    return LesionCourse("P1", points, lesions)


def row(
    name: str, day: float, seen: Seen, *, where: str = "", is_node: bool = False, **columns: object
) -> LesionRow:
    """Return one line of a table of lesions."""
    read = reading(seen, is_node=is_node)
    assert read is not None
    line = LesionRow(where or f"line of {name} at {day:g}", "P1", f"{day:g}", day, name, read)
    return replace(line, is_node=is_node or None, **columns)  # type: ignore[arg-type]
