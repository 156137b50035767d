"""Train the two stages of `coarse-to-fine` for a fold and segment its patients: resumable.

    python benchmarks/train_coarse_to_fine.py --fold 0 [--work DIR] [--data DIR]

One fold is one training of the locator (the recipe ``automatic`` on T1) and one of the network
behind it, each of 15 core-minutes at most. A locator that ``train_automatic.py`` has trained for
the fold in the same ``--work`` is taken over, if its plan is the same: then it is the same network.
Folds may be trained at the same time by as many processes; what is finished is not done again.

Masks lie beside those of one stage, made from the same images with moved sides, in
``build/automatic_masks``; ``automatic_tables.py`` makes one table of all. Another way to
go on from the locator's mask needs no training and is tried too, in ``automatic-six-click``: the
published rule draws six clicks from it, and the six-click network of the same fold delineates.
"""

import argparse
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from automatic_files import MASKS, TWO_STAGES, cells_of, write_cohort
from oncotrace.atomic import write_bytes
from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.errors import ClickError
from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.imaging.components import largest_component
from oncotrace.io.folds_table import read_folds
from oncotrace.learning.locator_folder import LOCATOR, copy_locator, naming_locator
from oncotrace.learning.model_folder import write_model
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import preset
from oncotrace.pipeline.train import (
    PLAN_FILE,
    FoldProgress,
    ScoringProgress,
    train_model,
    training_folder,
)
from oncotrace.segment.segmenters import segmenter
from oncotrace.segment.trained import trained_segmenter
from out_of_fold_files import alone
from reference_data import add_data_option
from single_fold import CARD, network_file, single_fold_model
from six_clicks import FOLDS_TABLE
from train_automatic import ABOUT, SAY_EVERY_STEPS, WORK, segment_cell

RECIPE, CLICKED = TWO_STAGES
ONE_STAGE = "automatic-mr-t1"


def main() -> None:
    """Train and segment what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--fold", default="all", help="number, or all")
    parser.add_argument("--work", type=Path, default=WORK, help="state of the trainings")
    parser.add_argument("--out", type=Path, default=MASKS, help="masks and their records")
    parser.add_argument("--again", action="store_true", help="make masks that are there again")
    options = parser.parse_args()
    fold_of = read_folds(FOLDS_TABLE)
    folds = sorted(set(fold_of.values())) if options.fold == "all" else [int(options.fold)]
    for fold in folds:
        for line in trained(fold, options.work, options.data):
            print(line, flush=True)
        patients = [patient for patient, of in fold_of.items() if of == fold]
        model = two_stage_model(options.work / RECIPE, fold)
        one_stage = trained_segmenter(model / LOCATOR)
        ways = {
            RECIPE: trained_segmenter(model),
            CLICKED: ClickedInMask(one_stage, segmenter("six-click", fold)),
        }
        for method, by in ways.items():
            made = segmented(method, by, patients, options)
            print(f"{method} fold {fold}: {made} masks", flush=True)


@dataclass(frozen=True)
class ClickedInMask:
    """Segments from six clicks that the published rule draws from another segmenter's mask."""

    finds: Segmenter
    delineates: Segmenter

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour; the first mask where no six different clicks fit into it."""
        found = self.finds.segment(request)
        if found.mask.is_empty:
            return found
        largest = Mask(largest_component(found.mask.voxels), found.mask.geometry)
        clicks = exact_clicks(largest, rng=np.random.default_rng(0))
        try:
            return self.delineates.segment(SegmentationRequest(request.channels, clicks, seed=0))
        except ClickError:
            return found


def trained(fold: int, work: Path, data: Path) -> Iterator[str]:
    """Train both stages of one fold unless that is done, and say how far it is."""
    model = work / RECIPE
    if network_file(model, fold).exists() and network_file(_locator(model), fold).exists():
        return
    with alone(work):  # only one process may begin the folder of the training
        write_cohort(work / "cohort.csv", data)
        if not (training_folder(_locator(model)) / PLAN_FILE).exists():
            with closing(_training(work, fold)) as first:
                next(first, None)
        take_over(work, fold)
    start = time.process_time()
    for now in _training(work, fold):
        if isinstance(now, FoldProgress) and now.step % SAY_EVERY_STEPS == 0:
            minutes = (time.process_time() - start) / 60
            yield (
                f"{RECIPE} fold {fold}: {now.step} of {now.steps}, loss {now.loss:.3f}, "
                f"{minutes:.1f} core-minutes since the start, {now.seconds_left / 60:.0f} min left"
            )


def take_over(work: Path, fold: int) -> None:
    """Put the network that ``train_automatic.py`` has trained in the place of the locator's."""
    theirs, ours = work / ONE_STAGE, _locator(work / RECIPE)
    network = network_file(theirs, fold)
    plans = [training_folder(model) / PLAN_FILE for model in (theirs, ours)]
    if network.exists() and plans[0].read_bytes() == plans[1].read_bytes():
        write_bytes(network_file(ours, fold), network.read_bytes(), replace=True)


def segmented(method: str, by: Segmenter, patients: list[str], options: argparse.Namespace) -> int:
    """Segment the patients of a fold; returns how many masks were not there."""
    cells = cells_of(method, patients)
    missing = [c for c in cells if options.again or not c.file(options.out, ".nii.gz").exists()]
    for cell in missing:
        segment_cell(cell, by, options.data, options.out)
    return len(missing)


def two_stage_model(model: Path, fold: int) -> Path:
    """Folder of the model that holds both networks of one fold alone, written anew."""
    found_by = single_fold_model(_locator(model), fold)
    folder = model.with_name(f"{model.name}-fold-{fold}")
    shutil.rmtree(folder, ignore_errors=True)
    copy_locator(found_by, folder)
    text = (training_folder(model) / PLAN_FILE).read_text(encoding="utf-8")
    plan = naming_locator(Plan.model_validate_json(text), found_by)
    write_model(folder, plan, {fold: network_file(model, fold).read_bytes()}, card=CARD)
    return folder


def _locator(model: Path) -> Path:
    return training_folder(model) / LOCATOR


def _training(work: Path, fold: int) -> Iterator[FoldProgress | ScoringProgress]:
    return train_model(
        work / "cohort.csv",
        work / RECIPE,
        recipe=preset(RECIPE),
        modalities=TWO_STAGES[RECIPE],
        folds=FOLDS_TABLE,
        resume=True,
        only=[fold],
        about=ABOUT,
        device="cpu",
    )


if __name__ == "__main__":
    main()
