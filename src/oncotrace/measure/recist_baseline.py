"""Which lesions are followed as targets, and where a reader's choice departs from RECIST 1.1.

References
----------
Eisenhauer et al., Eur J Cancer 2009;45:228-247, doi:10.1016/j.ejca.2008.10.026, sections 3.1.1
and 4.2. That nodes are one organ is said in the EORTC's answers to questions on RECIST 1.1,
https://recist.eortc.org/recist-1-1-2/.
"""

from collections import Counter
from dataclasses import dataclass, replace

from oncotrace.domain.lesion import Lesion, LesionCourse, LesionKind
from oncotrace.measure.recist import (
    MOST_TARGETS,
    MOST_TARGETS_PER_ORGAN,
    PATHOLOGICAL_NODE_MM,
    is_measurable,
    least_measurable_mm,
    recist_size,
)

_NODES = "lymph nodes"


@dataclass(frozen=True)
class Departure:
    """Something of a course that the guideline does not allow or leaves to the reader."""

    course: str
    lesion: str
    what: str
    section: str


def with_chosen_targets(course: LesionCourse) -> LesionCourse:
    """Course in which every lesion has a kind; those that the reader gave are kept.

    Of the lesions without a kind, those that were not seen at baseline are new, nodes of under
    10 mm normal. The largest measurable ones become targets, at most five with the reader's own
    and two of an organ, all nodes being one organ; the rest are non-target. An empty organ is
    not counted as one, since it is not known.
    """
    kinds = {lesion.name: _kind_without_choice(lesion) for lesion in course.lesions}
    chosen = [lesion for lesion in course.lesions if lesion.kind == "target"]
    candidates = [lesion for lesion in course.lesions if kinds[lesion.name] is None]
    for lesion in sorted(candidates, key=_baseline_mm, reverse=True):
        fits = is_measurable(lesion, lesion.readings[0]) and _has_room(chosen, lesion)
        kinds[lesion.name] = "target" if fits else "non-target"
        if fits:
            chosen.append(lesion)
    named = tuple(replace(lesion, kind=kinds[lesion.name]) for lesion in course.lesions)
    return replace(course, lesions=named)


def _kind_without_choice(lesion: Lesion) -> LesionKind | None:
    if lesion.kind is not None:
        return lesion.kind
    first = lesion.readings[0]
    if first is None or first.state == "absent":
        return "new"
    return "normal" if _is_normal_node(lesion) else None


def _baseline_mm(lesion: Lesion) -> float:
    return recist_size(lesion, lesion.readings[0], "diameter") or 0.0


def _is_normal_node(lesion: Lesion, at: int = 0) -> bool:
    size_mm = recist_size(lesion, lesion.readings[at], "diameter")
    return lesion.is_node and size_mm is not None and size_mm < PATHOLOGICAL_NODE_MM


def _organ(lesion: Lesion) -> str:
    return _NODES if lesion.is_node else lesion.organ.casefold()


def _has_room(chosen: list[Lesion], lesion: Lesion) -> bool:
    organ = _organ(lesion)
    same = sum(_organ(other) == organ for other in chosen)
    return len(chosen) < MOST_TARGETS and (not organ or same < MOST_TARGETS_PER_ORGAN)


def departures(course: LesionCourse) -> tuple[Departure, ...]:
    """Where a course departs from the guideline; every lesion of it has a kind.

    A departure does not change how the course is classified.
    """
    targets = course.of_kind("target")
    found = [*_too_many(targets), *(_of_target(lesion) for lesion in targets)]
    found += [_of_normal_node(lesion) for lesion in course.of_kind("normal")]
    found += [
        (lesion.name, "is a non-target node of under 10 mm at baseline: it counts as normal", "3.1")
        for lesion in course.of_kind("non-target")
        if _is_normal_node(lesion)
    ]
    return tuple(Departure(course.title, *said) for said in found if said is not None)


_Said = tuple[str, str, str]


def _too_many(targets: tuple[Lesion, ...]) -> list[_Said]:
    said: list[_Said] = []
    if len(targets) > MOST_TARGETS:
        said.append(("", f"has {len(targets)} targets, at most {MOST_TARGETS} are followed", "4.2"))
    for organ, count in Counter(_organ(lesion) for lesion in targets).items():
        if organ and count > MOST_TARGETS_PER_ORGAN:
            most = f"at most {MOST_TARGETS_PER_ORGAN} of an organ are followed"
            said.append(("", f"has {count} targets in {organ}, {most}", "4.2"))
    unknown = sum(not _organ(lesion) for lesion in targets)
    if unknown > MOST_TARGETS_PER_ORGAN:
        said.append(("", f"has {unknown} targets without an organ: two of one at most?", "4.2"))
    return said


def _of_target(lesion: Lesion) -> _Said | None:
    size_mm = recist_size(lesion, lesion.readings[0], "diameter")
    if size_mm is None:
        return lesion.name, "is a target without a size at baseline: its sum is not known", "4.2"
    if is_measurable(lesion, lesion.readings[0]):
        return None
    least_mm = least_measurable_mm(
        is_node=lesion.is_node, slice_thickness_mm=lesion.slice_thickness_mm
    )
    axis = "short axis" if lesion.is_node else "longest diameter"
    what = f"is a target with a {axis} of {size_mm:g} mm, measurable from {least_mm:g} mm"
    return lesion.name, what, "3.1.1"


def _of_normal_node(lesion: Lesion) -> _Said | None:
    sizes_mm = [recist_size(lesion, reading, "diameter") for reading in lesion.readings[1:]]
    largest_mm = max((size for size in sizes_mm if size is not None), default=0.0)
    if largest_mm < PATHOLOGICAL_NODE_MM:
        return None
    what = f"is a normal node that grew to {largest_mm:g} mm: is it a new lesion?"
    return lesion.name, what, "4.3.5"
