"""One patient at one time point, and a table of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oncotrace.domain.scan import Modality


@dataclass(frozen=True)
class Case:
    """One row of ``cohort.csv``: a patient at a time point, with the files that belong to it.

    ``images`` and ``masks`` are by modality; ``outcome`` and ``clinical`` hold the other columns
    as they were written, without their prefix.
    """

    case_id: str
    patient_id: str
    images: Mapping[Modality, Path]
    masks: Mapping[Modality, Path] = field(default_factory=dict)
    clicks: Path | None = None
    time_point: str = ""
    centre: str = ""
    split: str = ""
    outcome: Mapping[str, str] = field(default_factory=dict)
    clinical: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cohort:
    """Cases in the order of their table; case ids are unique."""

    cases: tuple[Case, ...]
