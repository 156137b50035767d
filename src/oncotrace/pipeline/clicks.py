"""The clicks journey: clicks drawn from masks, and clicks from one file format to another."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.io.clicks_file import read_clicks, write_clicks
from oncotrace.io.cohort_table import read_cohort, write_table
from oncotrace.pipeline.cohort import chosen_sequence
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.pipeline.run.folder import require_new, whole_folder

Person = Literal["exact", "person-like"]

_RULES: dict[Person, Callable[..., Clicks]] = {
    "exact": exact_clicks,
    "person-like": person_like_clicks,
}


@dataclass(frozen=True)
class CohortDraw:
    """Clicks being drawn for a cohort: how many cases, and each case id as it is done."""

    cases: int
    case_ids: Iterator[str]


def convert_clicks(source: Path, target: Path) -> Clicks:
    """Rewrite clicks in the format that the target's name says, and return them.

    Raises
    ------
    ClickError
        The source cannot be read, or holds what the target's format cannot.
    OutputError
        The target exists or cannot be written.
    """
    clicks = read_clicks(source)
    write_clicks(clicks, target)
    return clicks


def simulate_clicks(
    mask: Path,
    target: Path,
    *,
    person: Person,
    seed: int,
    image: Path | None = None,
    region: str | None = None,
) -> Clicks:
    """Draw six clicks from a mask, write them, and return them.

    Raises
    ------
    InputError
        The mask cannot be read or is empty.
    OutputError
        The target exists or cannot be written.
    """
    loaded = load_mask(
        mask, image=load_scan(image, pet_units="stored") if image else None, region=region
    )
    clicks = drawn_clicks(loaded.mask, person=person, seed=seed)
    write_clicks(clicks, target)
    return clicks


def simulate_cohort_clicks(
    table: Path, out: Path, *, modality: Modality | None, person: Person, seed: int
) -> CohortDraw:
    """Draw clicks from every case's mask; done as the case ids are taken.

    ``out`` receives ``clicks/<case_id>.json`` and a ``cohort.csv`` that names them; what else the
    table says is kept.

    Raises
    ------
    InputError
        The table or a mask cannot be used; nothing is written then.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    cohort = read_cohort(table)
    chosen = chosen_sequence(cohort, modality, of="mask")
    require_new(out)
    return CohortDraw(len(cohort.cases), _drawn(cohort, chosen, out, person, seed))


def _drawn(
    cohort: Cohort, modality: Modality, out: Path, person: Person, seed: int
) -> Iterator[str]:
    with whole_folder(out) as folder:
        for case in cohort.cases:
            mask = load_case_mask(case, modality).mask
            clicks = drawn_clicks(mask, person=person, seed=seed, case_id=case.case_id)
            write_clicks(clicks, folder / "clicks" / f"{case.case_id}.json")
            yield case.case_id
        _write_cohort(cohort, folder / "cohort.csv", out)


def drawn_clicks(mask: Mask, *, person: Person, seed: int, case_id: str = "") -> Clicks:
    """Clicks drawn from a mask; the case id is mixed into the seed, so that order is irrelevant."""
    identity = int.from_bytes(hashlib.sha256(case_id.encode()).digest()[:8], "little")
    return _RULES[person](mask, rng=np.random.default_rng([seed, identity]))


def _write_cohort(cohort: Cohort, path: Path, out: Path) -> None:
    """Write the table as it will stand in ``out``, with its paths relative to that folder."""
    located = [
        replace(case, clicks=out.resolve() / "clicks" / f"{case.case_id}.json")
        for case in cohort.cases
    ]
    write_table([_row(case, out.resolve()) for case in located], path)


def _row(case: Case, folder: Path) -> dict[str, object]:
    def relative(path: Path) -> str:
        return os.path.relpath(path.resolve(), folder)

    return {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "time_point": case.time_point,
        "centre": case.centre,
        "split": case.split,
        **{f"image_{name}": relative(path) for name, path in case.images.items()},
        **{f"mask_{name}": relative(path) for name, path in case.masks.items()},
        "clicks": relative(case.clicks) if case.clicks else "",
        **{f"outcome_{name}": value for name, value in case.outcome.items()},
        **{f"clinical_{name}": value for name, value in case.clinical.items()},
    }
