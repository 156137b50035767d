"""The few cases that a model is adapted to: from a cohort table, or as readers finished them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import TrainingData
from oncotrace.pipeline.finished_cases import (
    FinishedCase,
    FinishedRun,
    finished_data,
    finished_run,
)
from oncotrace.pipeline.lung_cases import require_a_tumour
from oncotrace.pipeline.training_set import IdentifiedCase, LungSet, training_set
from oncotrace.segment.planned_input import needs_clicks


@dataclass(frozen=True)
class FewCases:
    """Cases to learn from, and how they became so few.

    Parameters
    ----------
    data
        Makes their samples for a plan.
    sequences
        That the model looks at.
    patients_there
        Patients that were drawn from.
    origin
        Where the outlines come from, for people.
    """

    cases: Sequence[IdentifiedCase]
    data: Callable[[Plan], TrainingData]
    sequences: tuple[Modality, ...]
    patients_there: int
    origin: str


def few_cases(
    source: Path,
    plan: Plan,
    known: tuple[Modality, ...],
    *,
    modalities: tuple[Modality, ...],
    patients: int | None,
    seed: int,
) -> FewCases:
    """Read the cases of some patients, drawn from all that have images with outlines.

    With one seed the patients of a smaller number are among those of a larger one.

    Parameters
    ----------
    source
        A cohort table with masks, or a run of ``segment`` or ``workflow``.
    known
        Sequences that the model was trained on.
    modalities
        Sequences to learn from, if not those; of a model with clicks and a table alone.
    patients
        How many; all unless given.

    Raises
    ------
    InputError
        There is no case, one cannot be used, nothing in the run was finished by a reader, or no CT
        of the lungs shows a tumour.
    SettingsError
        There are fewer patients, or the sequences cannot be chosen.
    """
    run = finished_run(source) if source.is_dir() else None
    clicked = needs_clicks(plan.recipe)
    if modalities and (run is not None or not clicked):
        raise SettingsError(
            "--modality cannot be chosen: "
            + ("the run says what was segmented." if run else "the model looks at its own."),
            hint="Leave it out.",
        )
    if run is not None and clicked:
        chosen = drawn_patients(run.cohort, patients, seed)
        found = _finished(run, chosen)
        return FewCases(
            found,
            lambda plan: finished_data(found, plan),
            (run.modality,),
            _count(run.cohort),
            "masks that readers finished, with their clicks",
        )
    sequences = modalities or known
    cohort = read_cohort(source) if run is None else run.cohort
    usable = Cohort(tuple(case for case in cohort.cases if _has_outline(case, sequences, clicked)))
    if not usable.cases:
        raise InputError(
            f"no case has an image with an outline of {', '.join(sequences)}.",
            hint="Fill the columns image_<sequence> and mask_<sequence>.",
            code="no-training-cases",
        )
    known_cases = training_set(plan.recipe, drawn_patients(usable, patients, seed), sequences)
    if isinstance(known_cases, LungSet):
        require_a_tumour(known_cases.cases)
    return FewCases(
        known_cases.cases,
        lambda plan: known_cases.data(plan, ()),
        sequences,
        _count(usable),
        "outlines of a cohort table" if run is None else "masks that readers finished",
    )


def model_sequences(plan: Plan) -> tuple[Modality, ...]:
    """Sequences that a model was trained on, as its plan names them."""
    named = plan.preparation.get("modalities")
    return tuple(modality_named(str(name)) for name in named) if isinstance(named, list) else ()


def drawn_patients(cohort: Cohort, patients: int | None, seed: int) -> Cohort:
    """Cases of so many patients drawn by the seed, all if no number is given, in their order.

    Raises
    ------
    SettingsError
        There are not so many.
    """
    if patients is None:
        return cohort
    ids = sorted({case.patient_id for case in cohort.cases})
    if patients > len(ids):
        raise SettingsError(
            f"{patients} patients are asked for, {len(ids)} have images with outlines.",
            hint="Ask for fewer with --cases, or leave it out to take all.",
            code="too-few-cases",
        )
    order = np.random.default_rng(seed).permutation(len(ids))
    chosen = {ids[index] for index in order[:patients]}
    return Cohort(tuple(case for case in cohort.cases if case.patient_id in chosen))


def _finished(run: FinishedRun, cohort: Cohort) -> list[FinishedCase]:
    return [
        FinishedCase(case, run.modality, run.clicks.get(case.case_id), run.series_uid)
        for case in cohort.cases
    ]


def _has_outline(case: Case, sequences: tuple[Modality, ...], clicked: bool) -> bool:
    """Whether a training takes the case, or a part of it."""
    there = [name for name in sequences if name in case.images]
    return bool(there) and any(name in case.masks for name in (there if clicked else sequences))


def _count(cohort: Cohort) -> int:
    return len({case.patient_id for case in cohort.cases})
