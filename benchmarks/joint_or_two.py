"""One network for T1 and CT, or one for each: Dice on the held-out patients of one fold.

    python benchmarks/joint_or_two.py [--fold 0] [--work DIR] [--data DIR] [--out FILE]

The networks for one modality have the recipe ``six-click`` with half its steps: like the joint one
they see every image of the training set equally often, and the two take as long as the joint one.
Their masks are compared with the committed ones of the joint network, from the same clicks.
Resumable; state and networks lie in ``--work``.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from cohort import write_cohort
from oncotrace.domain.scan import Modality
from oncotrace.imaging.overlap import dice
from oncotrace.io.folds_table import read_folds
from oncotrace.io.volume_file import read_mask
from oncotrace.learning.recipe import Recipe, preset
from oncotrace.pipeline.train import FoldProgress, train_model
from oncotrace.segment.trained import trained_segmenter
from out_of_fold_files import DRAWS, RESULTS, Cell
from out_of_fold_masks import segmented
from reference_data import add_data_option
from single_fold import network_file, single_fold_model
from six_clicks import FOLDS_TABLE, MODALITIES, load_case
from train_all import ABOUT, SAY_EVERY_STEPS, WORK

RESULT = Path(__file__).parent / "results" / "joint_or_two.csv"


def main() -> None:
    """Train what is not trained yet, write the table of patients, print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--work", type=Path, default=WORK, help="state of the trainings")
    parser.add_argument("--modality", choices=MODALITIES, help="train this one only; no table")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    for modality in [options.modality] if options.modality else MODALITIES:
        for line in trained(options.work, modality, options.fold, options.data):
            print(line, flush=True)
    if options.modality:
        return
    table = pd.DataFrame(compared(options.work, options.fold, options.data / "sts"))
    table.round(4).to_csv(options.out, index=False, lineterminator="\n")
    means = table.groupby(["image", "clicks"], sort=False)[["joint", "two"]]
    print(means.agg(["mean", "std", "count"]).round(4).to_string())


def halved() -> Recipe:
    """Recipe of the joint network with half the steps, for half the images."""
    recipe = preset("six-click")
    steps = {"steps": recipe.optimiser.steps // 2}
    return recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update=steps)})


def model_of(work: Path, modality: Modality) -> Path:
    """Folder of the network for one modality."""
    return work / f"six-click-{modality}-alone"


def trained(work: Path, modality: Modality, fold: int, data: Path) -> Iterator[str]:
    """Train the network for one modality unless that is done, and say how far it is."""
    model = model_of(work, modality)
    if network_file(model, fold).exists():
        return
    table = work / f"{model.name}.csv"
    write_cohort(table, data)
    for now in train_model(
        table,
        model,
        recipe=halved(),
        modalities=(modality,),
        folds=FOLDS_TABLE,
        resume=True,
        only=[fold],
        about=ABOUT,
        device="cpu",
    ):
        if isinstance(now, FoldProgress) and now.step % SAY_EVERY_STEPS == 0:
            yield f"{modality}: {now.step} of {now.steps}, {now.seconds_left / 60:.0f} min left"


def compared(work: Path, fold: int, patients: Path) -> Iterator[dict[str, object]]:
    """Mean Dice of each held-out image and kind of clicks, by the joint network and by the two."""
    for modality in MODALITIES:
        segmenter = trained_segmenter(single_fold_model(model_of(work, modality), fold))
        for patient in (each for each, of in read_folds(FOLDS_TABLE).items() if of == fold):
            scan, outline = load_case(patients / patient, modality)
            rows = []
            for draw in DRAWS:
                joint = Cell("six-click", modality, draw, patient).mask_file(RESULTS)
                mask, _ = segmented(segmenter, scan, draw.of(outline))
                dices = {"joint": dice(read_mask(joint), outline), "two": dice(mask, outline)}
                rows.append({"clicks": draw.clicks} | dices)
            means = pd.DataFrame(rows).groupby("clicks")[["joint", "two"]].mean()
            for clicks, row in means.iterrows():
                yield {"image": modality, "patient": patient, "clicks": clicks} | row.to_dict()


if __name__ == "__main__":
    main()
