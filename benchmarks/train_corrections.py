"""Train the networks of the corrections: one per fold, 15 minutes of a core each.

    python benchmarks/train_corrections.py --fold 0 [--work DIR] [--data DIR]
    python benchmarks/train_corrections.py --ship FOLDER [--work DIR]

The network of a fold never sees a patient of it. Twice it is trained from the beginning: first on
the first clicks of all histories, then on histories of which the clicks after the first are made on
masks that the first network has corrected. (``correction_histories.py`` says what a history is, and
``recipes/correction.toml`` how the network is trained.) The six-click networks that made the drafts
of the training patients have seen patients of the fold; only their mistakes get here.

Resumable: what is there is not done again. ``--ship`` writes the model folder of all five.
"""

import argparse
import contextlib
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from correction_histories import (
    DRAWS,
    MOST_CORRECTIONS,
    Correct,
    Examples,
    draft_of,
    examples,
    history,
)
from oncotrace.domain.scan import Modality
from oncotrace.learning.fingerprint import CaseSummary, fingerprint
from oncotrace.learning.model_folder import read_model, write_model
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import Recipe, read_recipe
from oncotrace.learning.sample import Sample, TrainingData
from oncotrace.segment.correction_input import CHANNELS, CUBE_VOXELS
from oncotrace.segment.refine import Corrector
from reference_data import add_data_option
from single_fold import CARD
from six_clicks import MODALITIES, fold_of, patients_in
from train_all import SAY_EVERY_STEPS, WORK

RECIPE = Path(__file__).parent / "recipes" / "correction.toml"
ABOUT = Path(__file__).parent / "correction_about.md"
FOLDS = range(5)
FIRST_STEPS = 400
"""Of the network that makes the masks between the clicks."""
SHARES = (0.3, 0.25, 0.2, 0.15, 0.1)
"""How often the first, second ... click of a history is learnt from."""

Case = tuple[str, Modality]


def main() -> None:
    """Train or ship what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--fold", type=int, choices=FOLDS)
    parser.add_argument("--ship", type=Path, help="write the model folder of all folds")
    parser.add_argument("--work", type=Path, default=WORK, help="state of the trainings")
    options = parser.parse_args()
    if options.fold is not None:
        for line in trained(options.work, options.fold, options.data / "sts"):
            print(line, flush=True)
    if options.ship:
        ship(options.work, options.ship)


def trained(work: Path, fold: int, patients: Path) -> Iterator[str]:
    """Train both networks of a fold."""
    cases = [(p, m) for p in patients_in(patients) for m in MODALITIES if fold_of(p) != fold]
    first, final = (work / f"correction-{name}-fold-{fold}" for name in ("first", "final"))
    recipe = read_recipe(RECIPE)
    yield from _histories(cases, first / "examples", patients, None)
    yield from _trained(first, fold, cases, with_steps(recipe, FIRST_STEPS))
    corrector = Corrector(load_predictor(read_model(first / "model"), threads=1))
    yield from _histories(cases, final / "examples", patients, corrector.corrected)
    yield from _trained(final, fold, cases, recipe)


def with_steps(recipe: Recipe, steps: int) -> Recipe:
    """Recipe with another number of steps."""
    optimiser = recipe.optimiser.model_copy(update={"steps": steps})
    return recipe.model_copy(update={"optimiser": optimiser})


def correction_plan(recipe: Recipe) -> Plan:
    """Plan of a network whose cube knows no millimetres."""
    if recipe.channels.names != CHANNELS or recipe.grid.size_xyz != (CUBE_VOXELS,) * 3:
        raise SystemExit(f"{RECIPE.name} asks for other channels than corrections have.")
    cube = CaseSummary("cube", (1.0, 1.0, 1.0), recipe.grid.size_xyz, np.zeros(1, np.float32))
    return make_plan(recipe, fingerprint([cube]))


def _histories(
    cases: list[Case], folder: Path, patients: Path, correct: Correct | None
) -> Iterator[str]:
    """Write the examples of every case and draw; without a corrector of the first click alone."""
    for patient, modality in cases:
        for draw in DRAWS:
            path = folder / f"{patient}_{modality}_{draw.name}.npz"
            if not path.exists():
                draft = draft_of(patient, modality, draw, patients, folder.parents[1] / "drafts")
                steps = history(draft, correct or _no_correction)
                most = 1 if correct is None else MOST_CORRECTIONS
                examples(list(itertools.islice(steps, most))).write(path)
        yield f"{folder.parent.name}: clicks on {patient} {modality}"


def _no_correction(*_: object) -> None:
    raise RuntimeError("only the first click is asked for")


def _trained(folder: Path, fold: int, cases: list[Case], recipe: Recipe) -> Iterator[str]:
    """Train on the examples of a folder and write its model."""
    from oncotrace.learning.train.export import exported
    from oncotrace.learning.train.loop import train, trained_network

    if (folder / "model" / "plan.json").exists():
        return
    plan, data = correction_plan(recipe), training_data(folder / "examples", cases)
    checkpoint = folder / f"fold_{fold}.pt"
    with contextlib.closing(train(plan, data, checkpoint, resume=True, device="cpu")) as steps:
        for now in steps:
            if now.step % SAY_EVERY_STEPS == 0:
                left = f"{now.seconds_left / 60:.0f} min left"
                yield f"{folder.name}: {now.step} of {now.steps}, loss {now.loss:.3f}, {left}"
    network = exported(trained_network(plan, data, checkpoint), plan)
    write_model(folder / "model", plan, {fold: network}, card=CARD)


def training_data(folder: Path, cases: list[Case]) -> TrainingData:
    """Draw a click of a case: a draw of the first clicks by chance, then a place in its history."""

    @cache
    def stored(name: str) -> Examples:
        return Examples.read(folder / name)

    def sample(index: int, rng: np.random.Generator) -> Sample:
        patient, modality = cases[index]
        draw = DRAWS[rng.integers(len(DRAWS))]
        known = stored(f"{patient}_{modality}_{draw.name}.npz")
        shares = np.array(SHARES[: len(known.channels)])
        place = rng.choice(len(shares), p=shares / shares.sum())
        return Sample(known.channels[place].astype(np.float32), known.targets[place])

    return TrainingData(tuple("/".join(case) for case in cases), sample)


def ship(work: Path, out: Path) -> None:
    """Write the model folder of the final networks of all folds."""
    models = {fold: read_model(work / f"correction-final-fold-{fold}" / "model") for fold in FOLDS}
    networks = {fold: model.network(fold) for fold, model in models.items()}
    write_model(out, models[0].plan, networks, card=ABOUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
