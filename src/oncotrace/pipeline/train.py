"""The training journey: a cohort with outlines in, a model folder out, one network per fold."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from oncotrace.atomic import write_bytes
from oncotrace.domain.scan import Modality
from oncotrace.domain.view import View
from oncotrace.errors import InputError, SettingsError, TableError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.folds_table import folds_digest, read_folds
from oncotrace.io.text_file import read_text
from oncotrace.learning.curve import read_curve
from oncotrace.learning.locator_folder import LOCATOR, copy_locator, naming_locator
from oncotrace.learning.model_folder import write_model
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import Recipe, in_steps, preset, read_recipe
from oncotrace.learning.sample import TrainingData
from oncotrace.pipeline.model_card import model_card
from oncotrace.pipeline.out_of_fold import quality_table
from oncotrace.pipeline.run.folder import read_json, require_new, whole_folder, write_json
from oncotrace.pipeline.training_set import (
    IdentifiedCase,
    Judgement,
    training_set,
)
from oncotrace.pipeline.training_view import VIEW, LeftOut, cohort_of_view
from oncotrace.report.training_curve import training_curves_picture
from oncotrace.segment.located_input import recipe_for
from oncotrace.segment.quality_fit import fit_quality

if TYPE_CHECKING:
    from oncotrace.learning.train.loop import Progress
    from oncotrace.learning.train.start import Start

FOLDS_DIGEST = "folds_sha256"
"""In a model's preparation: digest of the table of folds that it was trained by."""
STATE_FILE = "training.json"
PLAN_FILE = "plan.json"
CURVES_FILE = "curves.png"


@dataclass(frozen=True)
class FoldProgress:
    """How far the training is: the place of the fold, counted from 1, and its steps."""

    place: int
    folds: int
    step: int
    steps: int
    loss: float
    seconds_left: float


@dataclass(frozen=True)
class ScoringProgress:
    """How many cases have been segmented by the networks that never saw them."""

    done: int
    cases: int


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
    only: Collection[int] = (),
    about: Path | None = None,
    device: str = "auto",
    view: View | None = None,
) -> Iterator[FoldProgress | ScoringProgress | LeftOut]:
    """Train one network per fold, without that fold's patients, and write the model folder.

    What is needed to go on after an interruption lies in a folder beside ``out``, which is called
    ``<out>.training`` and kept, because it holds the curves and their picture; ``out`` appears when
    the networks of all folds are there.

    Parameters
    ----------
    modalities
        Sequences. A recipe with clicks makes a case of each image; one for whole images takes all
        images of a patient as channels, the first one's outline before the others'.
    only
        Folds to train this time, all unless given; so several processes or machines may share the
        work.
    about
        File of Markdown for the model card: where the training data come from, their licence.
    view
        Plane of acquisition: images of other planes are left out, and counted first of all.

    Raises
    ------
    InputError
        A case cannot be used, cases have other labels than the recipe, a patient has no fold, or
        there is no image of the view.
    OutputError
        ``out`` or its training folder hold something already.
    SettingsError
        A training is resumed with other settings, or a fold is asked for that no patient is in.
    MissingDependencyError
        PyTorch is not installed.
    """
    from oncotrace.learning.train import require_training_extra

    require_training_extra()
    require_new(out)
    said = read_text(about, limit_mib=1, error=InputError).strip() if about else ""
    fold_of = read_folds(folds)
    chosen = recipe_for(recipe, modalities)
    work = training_folder(out)
    cohort = read_cohort(table)
    if view is not None:
        cohort, left_out = cohort_of_view(cohort, modalities, view)
        yield left_out
    known = training_set(chosen, cohort, modalities, work / LOCATOR)
    folds_there = _folds_of(known.cases, fold_of, only)
    # Each network learns without one fold, so a round through its samples is that much shorter.
    share = 1 - 1 / max(2, len(folds_there))
    chosen = in_steps(chosen, round(known.samples * share))
    of_view: dict[str, JsonValue] = {} if view is None else {VIEW: view}
    told: dict[str, JsonValue] = {"modalities": [*modalities], **of_view}
    plan = make_plan(chosen, known.fingerprint(chosen), told)
    open_work(work, plan, known.cases, resume=resume)
    located = work / LOCATOR / PLAN_FILE
    if chosen.locator is not None and not located.exists():
        yield from train_model(
            table,
            work / LOCATOR,
            recipe=chosen.locator.recipe,
            modalities=modalities,
            folds=folds,
            resume=resume,
            only=only,
            about=about,
            device=device,
            view=view,
        )
    for place, fold in enumerate(folds_there, start=1):
        if not only or fold in only:
            held_out = {patient for patient, of in fold_of.items() if of == fold}
            data = known.data(plan, held_out)
            for now in trained_fold(plan, data, work / f"fold_{fold}.onnx", device):
                yield FoldProgress(
                    place, len(folds_there), now.step, now.steps, now.loss, now.seconds_left
                )
    files = {fold: work / f"fold_{fold}.onnx" for fold in folds_there}
    needed = [*files.values()] if chosen.locator is None else [*files.values(), located]
    if all(file.exists() for file in needed):
        networks = {fold: file.read_bytes() for fold, file in files.items()}
        judgement = Judgement([], plan)
        for judgement in known.judged(plan, fold_of, networks):
            done = len({mask.case_id for mask in judgement.masks})
            yield ScoringProgress(done, len(known.cases))
        with whole_folder(out) as folder:
            if chosen.locator is not None:
                copy_locator(work / LOCATOR, folder)
                judgement = replace(judgement, plan=naming_locator(judgement.plan, work / LOCATOR))
            _write_model(folder, judgement, networks, fold_of, said)


def _write_model(
    out: Path,
    judgement: Judgement,
    networks: Mapping[int, bytes],
    fold_of: Mapping[str, int],
    about: str,
) -> None:
    plan, masks = judgement.plan, judgement.masks
    # So that nobody scores patients with a network that saw them, by another table of folds.
    known = {**plan.preparation, FOLDS_DIGEST: folds_digest(fold_of)}
    table = quality_table(masks)
    write_model(
        out,
        plan.model_copy(update={"preparation": known}),
        networks,
        card=model_card(plan, masks, fold_of, about, judgement.labels),
        quality=None if table is None else fit_quality(table).to_json(),
    )


def training_folder(out: Path) -> Path:
    """Return where the state of the training of the model ``out`` is kept."""
    return out.with_name(f"{out.name}.training")


def _folds_of(
    cases: Sequence[IdentifiedCase], fold_of: Mapping[str, int], only: Collection[int]
) -> list[int]:
    """Folds of the cases, which have one each."""
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
    folds = sorted({fold_of[case.patient_id] for case in cases})
    unknown = sorted(set(only) - set(folds))
    if unknown:
        raise SettingsError(
            f"no patient of the cohort is in fold {unknown[0]}; there are {folds}.",
            hint="Name a fold of the folds table.",
            code="missing-fold",
        )
    return folds


def open_work(work: Path, plan: Plan, cases: Sequence[IdentifiedCase], *, resume: bool) -> None:
    """Begin the folder of a training, or open it again if ``resume`` and it was begun.

    Raises
    ------
    OutputError
        It holds something already, or cannot be written.
    SettingsError
        It was begun with another plan or other cases.
    """
    state = {
        "format": 1,
        "plan_digest": plan.training_digest(),
        "cases": {case.case_id: case.digest() for case in cases},
    }
    if not (resume and (work / STATE_FILE).is_file()):
        require_new(work)
        write_json(work / PLAN_FILE, plan.model_dump(mode="json"))
        write_json(work / STATE_FILE, state)
    elif read_json(work / STATE_FILE) != state:
        raise SettingsError(
            f"{work.name} was begun with another recipe or other cases.",
            hint="Resume with the old ones, or choose a new --out.",
            code="settings-changed",
        )


def trained_fold(
    plan: Plan, data: TrainingData, network: Path, device: str, start: "Start | None" = None
) -> "Iterator[Progress]":
    """Train a network into an ONNX file, unless that was done before; yields after every step.

    See `oncotrace.learning.train.loop.train` for ``start`` and the errors.
    """
    from oncotrace.learning.train.export import exported
    from oncotrace.learning.train.half_precision import rounded
    from oncotrace.learning.train.loop import train, trained_network

    checkpoint = network.with_suffix(".pt")
    if network.exists():
        return
    with contextlib.closing(
        train(plan, data, checkpoint, resume=checkpoint.exists(), device=device, start=start)
    ) as steps:
        yield from steps
    write_bytes(network, exported(rounded(trained_network(plan, data, checkpoint)), plan))
    _draw_curves(network.parent)


def _draw_curves(work: Path) -> None:
    """Draw how the trainings went, those of other processes too, as far as they are."""
    curves = {
        int(file.name.removeprefix("fold_").removesuffix(".curve.csv")): read_curve(file)
        for file in work.glob("fold_*.curve.csv")
    }
    write_bytes(work / CURVES_FILE, training_curves_picture(curves), replace=True)
