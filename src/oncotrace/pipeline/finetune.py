"""The fine-tuning journey: a trained model and a few cases in, a model adapted to them out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import oncotrace
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError
from oncotrace.io.text_file import read_text
from oncotrace.learning.locator_folder import LOCATOR, copy_locator, read_locator
from oncotrace.learning.model_folder import PLAN, ModelFolder, read_model, write_model
from oncotrace.learning.plan import Plan
from oncotrace.learning.tuning import Tuning
from oncotrace.pipeline.few_cases import FewCases, few_cases, model_sequences
from oncotrace.pipeline.finetune_card import TUNED, Ancestry, finetune_card
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.pipeline.run.folder import require_new, whole_folder
from oncotrace.pipeline.train import (
    FOLDS_DIGEST,
    FoldProgress,
    open_work,
    trained_fold,
    training_folder,
)
from oncotrace.segment.planned_input import needs_clicks
from oncotrace.segment.segmenters import not_trained, trained_model

NO_FOLDS = "none: every network was fine-tuned on every case"
"""In the place of the digest of a table of folds, so that no table fits the model any more."""


@dataclass(frozen=True, eq=False)
class _Parent:
    """Model that the fine-tuning begins with."""

    folder: Path
    model: ModelFolder
    digest: str


def finetune_model(
    model: str,
    source: Path,
    out: Path,
    *,
    cases: int | None,
    tuning: Tuning,
    seed: int,
    resume: bool,
    modalities: tuple[Modality, ...] = (),
    about: Path | None = None,
    device: str = "auto",
) -> Iterator[FoldProgress]:
    """Train every network of a model further on a few cases, and write the model folder.

    What is needed to go on after an interruption lies in ``<out>.training``, as it does of
    `oncotrace.pipeline.train.train_model`.

    Parameters
    ----------
    model
        Name of a model that comes with oncotrace, or a model folder.
    source
        A cohort table with masks; or the folder of a run of ``segment`` or ``workflow``, of which
        the cases that readers finished are taken (`oncotrace.pipeline.finished_cases`).
    cases
        So many patients are drawn, each with all its cases; all unless given.
    seed
        Of that draw, and of the training.
    modalities
        Sequences to learn from, where they are not those of a model with clicks.
    about
        File of Markdown for the model card: where the cases come from, their licence.

    Raises
    ------
    InputError
        A case cannot be used, or there is none.
    ModelError
        The model cannot be read, or its weights cannot be trained further.
    OutputError
        ``out`` or its training folder hold something already.
    SettingsError
        There are fewer patients, or a fine-tuning is resumed with other settings or cases.
    MissingDependencyError
        PyTorch is not installed.
    """
    from oncotrace.learning.train import require_training_extra

    require_training_extra()
    require_new(out)
    said = read_text(about, limit_mib=1, error=InputError).strip() if about else ""
    parent = _read_parent(model)
    before = parent.model.plan
    found = few_cases(
        source,
        before,
        model_sequences(before),
        modalities=modalities,
        patients=cases,
        seed=seed,
    )
    ancestry = _ancestry(parent, found, tuning, seed)
    plan = _tuned_plan(before, found, tuning, ancestry)
    work = training_folder(out)
    open_work(work, plan, found.cases, resume=resume)
    files = {fold: work / f"fold_{fold}.onnx" for fold in sorted(parent.model.networks)}
    yield from _trained(parent.model, plan, found, files, tuning, device)
    with whole_folder(out) as folder:
        if before.recipe.locator is not None:  # it finds as before
            copy_locator(parent.folder / LOCATOR, folder)
        write_model(
            folder,
            plan,
            {fold: file.read_bytes() for fold, file in files.items()},
            card=finetune_card(plan, [*files], ancestry, said),
        )


def _trained(
    model: ModelFolder,
    plan: Plan,
    found: FewCases,
    files: Mapping[int, Path],
    tuning: Tuning,
    device: str,
) -> Iterator[FoldProgress]:
    """Train the networks that are not there yet, each from its own weights."""
    from oncotrace.learning.train.restore import restored_network
    from oncotrace.learning.train.start import Start

    data = found.data(plan)
    for place, (fold, file) in enumerate(files.items(), start=1):
        if file.exists():
            continue
        start = Start(restored_network(model, fold), tuning.layers)
        for now in trained_fold(plan, data, file, device, start):
            yield FoldProgress(place, len(files), now.step, now.steps, now.loss, now.seconds_left)


def _read_parent(name: str) -> _Parent:
    folder = trained_model(name)
    if folder is None:
        raise not_trained(name)
    read = read_model(folder)
    read_locator(folder, read.plan, None)
    return _Parent(folder, read, file_digest(folder / PLAN))


def _ancestry(parent: _Parent, found: FewCases, tuning: Tuning, seed: int) -> Ancestry:
    return Ancestry(
        parent=parent.model.name,
        parent_digest=parent.digest,
        parent_card=parent.model.card,
        layers=tuning.layers,
        case_ids=[case.case_id for case in found.cases],
        patients=len({case.patient_id for case in found.cases}),
        patients_there=found.patients_there,
        origin=found.origin,
        seed=seed,
    )


def _tuned_plan(before: Plan, found: FewCases, tuning: Tuning, ancestry: Ancestry) -> Plan:
    """Plan that normalises and finishes as before, and says how its networks were trained."""
    known = {**before.preparation, TUNED: ancestry.to_json(), FOLDS_DIGEST: NO_FOLDS}
    if needs_clicks(before.recipe):
        known["modalities"] = [*dict.fromkeys([*model_sequences(before), *found.sequences])]
    changes = {
        "made_by": oncotrace.__version__,
        "recipe": tuning.recipe_from(before.recipe, seed=ancestry.seed),
        "preparation": known,
        "files": {},
    }
    return before.model_copy(update=changes)
