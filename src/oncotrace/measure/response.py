"""Response at each time point by RECIST 1.1: target, non-target and new lesions, and overall.

References
----------
Eisenhauer et al., Eur J Cancer 2009;45:228-247, doi:10.1016/j.ejca.2008.10.026, sections 4.3 and
4.4, tables 1 and 2. That what returns is progression only after a complete response is said in
its answers to frequently asked questions (appendix) and, for nodes, in those of the EORTC,
https://recist.eortc.org/recist-1-1-2/. irRC and iRECIST are not offered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from oncotrace.domain.lesion import Lesion, LesionCourse, TimePoint
from oncotrace.measure.recist import (
    PATHOLOGICAL_NODE_MM,
    Burden,
    Quantity,
    burden,
    is_gone,
    recist_size,
)

TargetResponse = Literal["CR", "PR", "SD", "PD", "NE"]
NonTargetResponse = Literal["CR", "non-CR/non-PD", "PD", "NE"]
Response = Literal["CR", "PR", "SD", "non-CR/non-PD", "PD", "NE"]
"""``NE`` cannot be evaluated; ``non-CR/non-PD`` where there are non-target lesions only."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Criterion:
    """From which change of the targets' sum there is a response or a progression.

    Parameters
    ----------
    decrease_percent
        From baseline, for a partial response.
    increase_percent, least_increase
        From the nadir, for progression: both must be reached; the second in mm or ml.
    """

    quantity: Quantity
    decrease_percent: float
    increase_percent: float
    least_increase: float = 0.0

    @property
    def unit(self) -> str:
        """Unit of the sum."""
        return "ml" if self.quantity == "volume" else "mm"


RECIST = Criterion("diameter", 30.0, 20.0, 5.0)
"""Section 4.3.1."""

VOLUMETRIC_RECIST = Criterion("sphere-diameter", 30.0, 20.0, 5.0)
"""RECIST's thresholds on the diameters of spheres of the lesions' volumes."""

VOLUME = Criterion("volume", 65.7, 72.8)
"""What RECIST's thresholds are for spheres: 1 - 0.7 ** 3 and 1.2 ** 3 - 1; RECIST 1.1 has none for
volume. Rounded to 65 % and 73 % in Therasse et al., J Natl Cancer Inst 2000;92:205-216,
doi:10.1093/jnci/92.3.205, appendix II. A sum of volumes has no least increase."""


@dataclass(frozen=True)
class TimePointResponse:
    """Response at one time point after baseline, and what it was told from.

    Changes are None where the sum is not complete or there is nothing to compare it with; the
    ``nadir`` is the smallest complete sum before. ``returned`` names lesions that are there again
    after a complete response.
    """

    time_point: TimePoint
    burden: Burden
    nadir: float | None
    change_from_baseline_percent: float | None
    change_from_nadir_percent: float | None
    target: TargetResponse | None
    non_target: NonTargetResponse | None
    new_lesions: tuple[str, ...]
    returned: tuple[str, ...]
    overall: Response


def time_point_responses(
    course: LesionCourse, criterion: Criterion = RECIST
) -> tuple[TimePointResponse, ...]:
    """Response at every time point after the baseline, in order; every lesion has a kind.

    Progression of the targets is told even if some were not evaluated, where those that were
    measured have grown enough alone (section 4.4.2).
    """
    targets, others = course.of_kind("target"), course.of_kind("non-target")
    burdens = [burden(targets, at, criterion.quantity) for at in range(len(course.time_points))]
    baseline = burdens[0].measured if targets and burdens[0].is_complete else None
    found: list[TimePointResponse] = []
    for at in range(1, len(course.time_points)):
        now = burdens[at]
        nadir = _smallest(burdens[:at]) if targets else None
        target = (
            target_response(targets, at, now, baseline, nadir, criterion=criterion)
            if targets
            else None
        )
        non_target = non_target_response(others, at) if others else None
        new = new_lesions(course.of_kind("new"), at)
        is_after_complete = any(earlier.overall == "CR" for earlier in found)
        back = returned_lesions(targets, others, at) if is_after_complete else ()
        overall = overall_response(target, non_target, is_new=bool(new or back))
        found.append(
            TimePointResponse(
                time_point=course.time_points[at],
                burden=now,
                nadir=nadir,
                change_from_baseline_percent=_change_percent(now, baseline),
                change_from_nadir_percent=_change_percent(now, nadir),
                target=target,
                non_target=non_target,
                new_lesions=new,
                returned=back,
                overall=overall,
            )
        )
    return tuple(found)


def target_response(
    targets: tuple[Lesion, ...],
    at: int,
    now: Burden,
    baseline: float | None,
    nadir: float | None,
    *,
    criterion: Criterion,
) -> TargetResponse:
    """Response of the target lesions at a time point.

    A complete response stands before progression: nodes of under 10 mm are normal, however much
    they have grown.

    Parameters
    ----------
    baseline, nadir
        Sum at baseline, and the smallest complete sum before; None if not known.

    References
    ----------
    Section 4.3.1; 4.4.2 for what was not evaluated.
    """
    if all(is_gone(lesion, lesion.readings[at]) for lesion in targets):
        return "CR"
    if nadir is not None and _has_grown(now.measured, nadir, criterion):
        return "PD"
    if not now.is_complete or baseline is None:
        return "NE"
    return "PR" if _has_shrunk(now.measured, baseline, criterion) else "SD"


def non_target_response(lesions: tuple[Lesion, ...], at: int) -> NonTargetResponse:
    """Response of the non-target lesions at a time point.

    References
    ----------
    Section 4.3.3. A tumour marker above its limit is a lesion that is present.
    """
    readings = [lesion.readings[at] for lesion in lesions]
    if any(reading is not None and reading.state == "progressed" for reading in readings):
        return "PD"
    if any(reading is None or reading.state == "not-evaluable" for reading in readings):
        return "NE"
    if all(is_gone(lesion, lesion.readings[at]) for lesion in lesions):
        return "CR"
    return "non-CR/non-PD"


def new_lesions(lesions: tuple[Lesion, ...], at: int) -> tuple[str, ...]:
    """Names of the new lesions that have been seen by a time point and are no mere suspicion.

    A lesion that was equivocal at first and definite later counts from the first time.

    References
    ----------
    Section 4.3.5.
    """
    return tuple(
        lesion.name
        for lesion in lesions
        if any(_is_seen(lesion, place) for place in range(at + 1))
        and any(
            _is_seen(lesion, place) and not _is_equivocal(lesion, place)
            for place in range(len(lesion.readings))
        )
    )


def _is_seen(lesion: Lesion, at: int) -> bool:
    reading = lesion.readings[at]
    if reading is None or reading.state in ("not-evaluable", "absent", "merged"):
        return False
    return recist_size(lesion, reading, "diameter") != 0


def _is_equivocal(lesion: Lesion, at: int) -> bool:
    reading = lesion.readings[at]
    return reading is not None and reading.state == "equivocal"


def returned_lesions(
    targets: tuple[Lesion, ...], others: tuple[Lesion, ...], at: int
) -> tuple[str, ...]:
    """Names of lesions that are there at a time point after a complete response.

    A target node is there again at 10 mm, a non-target node when it has progressed
    unequivocally; any other lesion as soon as it is seen.
    """
    back = [lesion.name for lesion in targets if _is_back(lesion, at)]
    back += [lesion.name for lesion in others if not lesion.is_node and _is_seen(lesion, at)]
    return tuple(back)


def _is_back(lesion: Lesion, at: int) -> bool:
    if not lesion.is_node:
        return _is_seen(lesion, at)
    size_mm = recist_size(lesion, lesion.readings[at], "diameter")
    return size_mm is not None and size_mm >= PATHOLOGICAL_NODE_MM


def overall_response(
    target: TargetResponse | None, non_target: NonTargetResponse | None, *, is_new: bool
) -> Response:
    """Response at a time point from its parts; None where a patient has no lesion of the kind.

    References
    ----------
    Section 4.4.1, table 1 (patients with targets) and table 2 (with non-target lesions only).
    Without lesions at baseline only a new one can be told: else ``NE``.
    """
    if is_new or "PD" in (target, non_target):
        return "PD"
    if target is None:
        return non_target or "NE"
    if target == "CR" and non_target not in (None, "CR"):
        return "PR"
    return target


def _smallest(burdens: Iterable[Burden]) -> float | None:
    return min((one.measured for one in burdens if one.is_complete), default=None)


def _has_grown(now: float, nadir: float, criterion: Criterion) -> bool:
    growth = now - nadir
    enough = criterion.increase_percent / 100 * nadir
    return growth > 0 and growth >= max(enough, criterion.least_increase) - _ROUNDING


def _has_shrunk(now: float, baseline: float, criterion: Criterion) -> bool:
    return baseline - now >= criterion.decrease_percent / 100 * baseline - _ROUNDING


def _change_percent(now: Burden, before: float | None) -> float | None:
    if not now.is_complete or not before:
        return None
    return 100 * (now.measured - before) / before
