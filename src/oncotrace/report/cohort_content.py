"""What the page of a prepared cohort shows, as plain rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NO_CENTRE = "(not given)"


@dataclass(frozen=True)
class CheckOutcome:
    """Outcome of one check of one image; ``passed`` is none where it cannot be told."""

    check: str
    passed: bool | None
    value: str
    rule: str


@dataclass(frozen=True)
class Structure:
    """A structure that is outlined, and its volume where that is known."""

    name: str
    volume_ml: float | None


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """One image of a case.

    Parameters
    ----------
    sequence
        What oncotrace calls it, such as ``mr-t1``.
    mask
        The structure that its mask outlines; none where the image has no mask.
    others
        Structures beside that of the mask.
    parameters
        How it was made, by column of an inventory: numbers and texts.
    picture
        JPEG, small.
    """

    sequence: str
    mask: Structure | None = None
    others: tuple[Structure, ...] = ()
    parameters: Mapping[str, str | float] = field(default_factory=dict)
    checks: tuple[CheckOutcome, ...] = ()
    picture: bytes | None = None


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """One patient at one time point."""

    case_id: str
    patient_id: str
    time_point: str = ""
    centre: str = ""
    images: tuple[PreparedImage, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Centre, or words that say that none is given."""
        return self.centre or NO_CENTRE


@dataclass(frozen=True)
class ExclusionStep:
    """A line of the flow of cases; those that were left out count below zero."""

    step: str
    cases: int


@dataclass(frozen=True)
class FailedCase:
    """A case that could not be prepared, and why."""

    case_id: str
    stage: str
    code: str
    message: str


@dataclass(frozen=True)
class LeftOutImage:
    """An image that a case of the cohort does not have though there is a series of that kind."""

    case_id: str
    sequence: str
    reason: str


@dataclass(frozen=True, eq=False)
class CohortContent:
    """All that the page shows.

    Parameters
    ----------
    flow
        Lines of ``flow.csv``: considered, left out by reason, selected; none where it is not known.
    version, date
        Version of oncotrace that prepared the cohort, and when; empty where it is not known.
    notes
        Parts of the cohort that could not be read.
    left_out
        Series of the cases that were left out.
    """

    cases: tuple[PreparedCase, ...]
    failures: tuple[FailedCase, ...] = ()
    flow: tuple[ExclusionStep, ...] = ()
    version: str = ""
    date: str = ""
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOutImage, ...] = ()


_SEQUENCE_NAMES = {
    "ct": "CT",
    "pet": "PET",
    "mr-t1": "MR T1",
    "mr-t1gd": "MR T1 with contrast agent",
    "mr-t1fs": "MR T1, fat suppressed",
    "mr-t2": "MR T2",
    "mr-t2fs": "MR T2, fat suppressed",
}


def sequence_name(sequence: str) -> str:
    """Return what people call a sequence, or its own name where it is not a usual one."""
    return _SEQUENCE_NAMES.get(sequence, sequence)


def sequences_of(cases: tuple[PreparedCase, ...]) -> list[str]:
    """Sequences that any case has: the usual ones in their usual order, then the others."""
    found = {image.sequence for case in cases for image in case.images}
    usual = [name for name in _SEQUENCE_NAMES if name in found]
    return [*usual, *sorted(found - set(usual))]
