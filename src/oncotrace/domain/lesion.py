"""Lesions of a patient over time, as a reader or a segmentation saw them."""

from dataclasses import dataclass
from typing import Literal, get_args

LesionKind = Literal["target", "non-target", "new", "normal"]
"""Followed by size, followed by eye, not there at baseline, or a node of normal size."""

LesionState = Literal[
    "present", "absent", "too-small", "not-evaluable", "progressed", "equivocal", "merged"
]
"""``too-small`` is there but cannot be measured, ``progressed`` a non-target lesion that has grown
unequivocally, ``equivocal`` a new lesion that may be none, ``merged`` part of another by now."""

LESION_KINDS: tuple[LesionKind, ...] = get_args(LesionKind)
LESION_STATES: tuple[LesionState, ...] = get_args(LesionState)


@dataclass(frozen=True)
class LesionReading:
    """What was seen of one lesion at one time point; sizes are None where none was given."""

    state: LesionState
    longest_diameter_mm: float | None = None
    short_axis_mm: float | None = None
    volume_ml: float | None = None


@dataclass(frozen=True)
class LesionRow:
    """One lesion at one time point: a line of a table of lesions.

    Parameters
    ----------
    where
        What messages call the line: ``line 7``.
    time_point
        As the table has it; ``time`` is the same in days, from any origin.
    kind, is_node
        None where the table does not say.
    split_from, merged_into
        Name of the lesion that this one is a fragment of, or has become a part of; else empty.
    slice_thickness_mm
        Of the CT it was measured on, if known.
    """

    where: str
    patient_id: str
    time_point: str
    time: float
    lesion: str
    reading: LesionReading
    kind: LesionKind | None = None
    is_node: bool | None = None
    organ: str = ""
    reader: str = ""
    split_from: str = ""
    merged_into: str = ""
    slice_thickness_mm: float | None = None


@dataclass(frozen=True)
class TimePoint:
    """When a patient was examined: what the table calls it, and days since the first time."""

    label: str
    day: float


@dataclass(frozen=True)
class Lesion:
    """A lesion and what was seen of it at each of its patient's time points, in their order.

    A reading is None where nothing was noted; ``merged`` lesions name in ``merged_into`` the one
    that they are a part of by then.
    """

    name: str
    kind: LesionKind | None
    is_node: bool
    organ: str
    readings: tuple[LesionReading | None, ...]
    slice_thickness_mm: float | None = None
    merged_into: str = ""


@dataclass(frozen=True)
class LesionCourse:
    """All lesions of one patient, as one reader saw them, over time; the first is the baseline."""

    patient_id: str
    time_points: tuple[TimePoint, ...]
    lesions: tuple[Lesion, ...]
    reader: str = ""

    @property
    def title(self) -> str:
        """Name of the course in messages: the patient's id, and the reader if there is one."""
        return f"{self.patient_id} ({self.reader})" if self.reader else self.patient_id

    def of_kind(self, kind: LesionKind) -> tuple[Lesion, ...]:
        """Return the lesions of one kind."""
        return tuple(lesion for lesion in self.lesions if lesion.kind == kind)
