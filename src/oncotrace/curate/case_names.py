"""What cases are called: after their patient, numbered by date where a patient has several."""

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from oncotrace.curate.selection import SelectedCase

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 60
_NAMELESS = "patient"


@dataclass(frozen=True)
class NamedCase:
    """A selected case, and what it is called from here on.

    Parameters
    ----------
    case_id
        Unique, also where upper and lower case count as the same; fit to name a folder.
    time_point
        Its number among the patient's cases by date, from 1; empty for an only one.
    days_from_first
        From the patient's first case; none where a date is not known.
    """

    case: SelectedCase
    case_id: str
    patient_id: str
    time_point: str
    days_from_first: int | None


def named_cases(
    cases: Sequence[SelectedCase], pseudonyms: Mapping[str, str] | None = None
) -> list[NamedCase]:
    """Name cases, in the order of the names of their patients, each by study date.

    Parameters
    ----------
    pseudonyms
        What patients are called instead, by id; without them they keep their ids.
    """
    by_patient: dict[str, list[SelectedCase]] = defaultdict(list)
    for case in cases:
        by_patient[case.patient_id].append(case)
    taken: set[str] = set()
    named = []
    called = {old: old if pseudonyms is None else pseudonyms[old] for old in by_patient}
    for patient_id, patient in sorted(called.items(), key=lambda pair: (pair[1], pair[0])):
        own = sorted(by_patient[patient_id], key=lambda case: (case.study_date, case.name))
        stem = _free_stem(_folder_name(patient), len(own), taken)
        first = _date(own[0].study_date)
        for number, (case, case_id) in enumerate(zip(own, _ids(stem, len(own)), strict=True), 1):
            taken.add(case_id.casefold())
            day = _date(case.study_date)
            days = (day - first).days if day and first else None
            named.append(NamedCase(case, case_id, patient, str(number) if own[1:] else "", days))
    return named


def _folder_name(patient_id: str) -> str:
    return _UNSAFE.sub("-", patient_id).strip("-")[:_LONGEST] or _NAMELESS


def _ids(stem: str, count: int) -> list[str]:
    return [stem] if count == 1 else [f"{stem}_{number}" for number in range(1, count + 1)]


def _free_stem(stem: str, count: int, taken: set[str]) -> str:
    """Return the name, with a number behind it where another patient's cases are called so."""
    stems = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(s for s in stems if not any(i.casefold() in taken for i in _ids(s, count)))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
