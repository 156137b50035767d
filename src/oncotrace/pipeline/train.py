"""The training journey: a cohort with outlines in, a model folder out, one network per fold."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, SettingsError, TableError
from oncotrace.io.atomic import write_bytes
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.folds_table import read_folds
from oncotrace.learning.fingerprint import fingerprint
from oncotrace.learning.model_folder import write_model
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import Recipe, preset, read_recipe
from oncotrace.pipeline.model_card import model_card
from oncotrace.pipeline.run.folder import read_json, require_new, write_json
from oncotrace.pipeline.training_cases import (
    TrainingCase,
    case_summary,
    training_cases,
    training_data,
)

STATE_FILE = "training.json"


@dataclass(frozen=True)
class FoldProgress:
    """How far the training is: the place of the fold, counted from 1, and its steps."""

    place: int
    folds: int
    step: int
    steps: int
    loss: float
    seconds_left: float


def named_recipe(name: str) -> Recipe:
    """Recipe that comes with oncotrace under that name, or that a TOML file holds.

    Raises
    ------
    SettingsError
        There is neither, or the file is not a recipe.
    """
    return read_recipe(Path(name)) if name.endswith(".toml") else preset(name)


def train_model(
    table: Path,
    out: Path,
    *,
    recipe: Recipe,
    modalities: tuple[Modality, ...],
    folds: Path,
    resume: bool,
    device: str = "auto",
) -> Iterator[FoldProgress]:
    """Train one network per fold, without that fold's patients, and write the model folder.

    What is needed to go on after an interruption lies in a folder beside ``out``, which is called
    ``<out>.training`` and kept, because it holds the curves; ``out`` appears when all is done.

    Raises
    ------
    InputError
        A case cannot be used, or a patient has no fold.
    OutputError
        ``out`` or its training folder hold something already.
    SettingsError
        A training is resumed with other settings.
    MissingDependencyError
        PyTorch is not installed.
    """
    from oncotrace.learning.train import require_training_extra

    require_training_extra()
    require_new(out)
    fold_of = read_folds(folds)
    cases = list(training_cases(read_cohort(table), modalities))
    _require_folds(cases, fold_of)
    plan = make_plan(recipe, fingerprint(map(case_summary, cases)), {"modalities": [*modalities]})
    work = out.with_name(f"{out.name}.training")
    _open_work(work, plan, cases, resume=resume)
    yield from _trained(plan, cases, fold_of, work, out, device)


def _require_folds(cases: list[TrainingCase], fold_of: Mapping[str, int]) -> None:
    if not cases:
        raise InputError(
            "no case has both an image and a mask of the modality.",
            hint="Fill the columns image_<sequence> and mask_<sequence>.",
            code="no-training-cases",
        )
    missing = sorted({case.patient_id for case in cases} - fold_of.keys())
    if missing:
        raise TableError(
            f"{len(missing)} patients of the cohort have no fold, the first is {missing[0]!r}.",
            hint="Add them to the folds table.",
            code="patient-without-fold",
        )


def _open_work(work: Path, plan: Plan, cases: list[TrainingCase], *, resume: bool) -> None:
    state = {
        "format": 1,
        "plan_digest": plan.training_digest(),
        "cases": [case.case_id for case in cases],
    }
    if not (resume and (work / STATE_FILE).is_file()):
        require_new(work)
        write_json(work / STATE_FILE, state)
    elif read_json(work / STATE_FILE) != state:
        raise SettingsError(
            f"{work.name} was begun with another recipe or other cases.",
            hint="Resume with the old ones, or choose a new --out.",
            code="settings-changed",
        )


def _trained(
    plan: Plan,
    cases: list[TrainingCase],
    fold_of: Mapping[str, int],
    work: Path,
    out: Path,
    device: str,
) -> Iterator[FoldProgress]:
    from oncotrace.learning.train.export import exported
    from oncotrace.learning.train.loop import train, trained_network

    folds = sorted({fold_of[case.patient_id] for case in cases})
    for place, fold in enumerate(folds, start=1):
        network = work / f"fold_{fold}.onnx"
        if network.exists():
            continue
        kept = [case for case in cases if fold_of[case.patient_id] != fold]
        data, checkpoint = training_data(kept, plan), work / f"fold_{fold}.pt"
        steps = train(plan, data, checkpoint, resume=checkpoint.exists(), device=device)
        with contextlib.closing(steps):
            for now in steps:
                yield FoldProgress(
                    place, len(folds), now.step, now.steps, now.loss, now.seconds_left
                )
        content = exported(trained_network(plan, data, checkpoint), plan)
        write_bytes(network, content)
    networks = {fold: (work / f"fold_{fold}.onnx").read_bytes() for fold in folds}
    write_model(out, plan, networks, card=model_card(plan, cases, fold_of, networks))
