"""Train every model of the out-of-fold table and make its masks: in parts, resumable, for hours.

    python benchmarks/train_all.py --method six-click --fold 0 [--work DIR] [--data DIR] [--out DIR]

``six-click``
    ours: one network per fold for T1 and CT together, the recipe ``six-click``.
``histology``
    ours, trained without one histology of ``histology_folds.csv`` (fold 0 is the largest): its
    masks are called ``six-click-unseen-histology``.
``interactivenet``
    the published configuration, one network per fold and modality, with as many steps as take the
    time of ours (``recipes/interactivenet-budget.toml``); and MIDeepSeg's way with the same
    networks, whose masks are called ``mideepseg``.
``ellipsoid``, ``six-click-graphcut``
    no network; the weights of the graph cut are those of ``fit_cue_weights.py``.

The folds of ``folds.csv`` may be trained at the same time by as many processes. What is finished is
not done again: an interrupted training goes on from its checkpoint, masks that are there are kept.
State and networks lie in ``--work``, masks in ``--out`` (see ``out_of_fold_files.py``).
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from cohort import write_cohort
from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmenter
from oncotrace.io.folds_table import read_folds
from oncotrace.learning.recipe import preset
from oncotrace.pipeline.train import FoldProgress, train_model
from oncotrace.segment.trained import trained_segmenter
from out_of_fold_files import RESULTS, alone
from out_of_fold_masks import Patients, make_masks
from reference_data import add_data_option
from single_fold import network_file, single_fold_model
from six_clicks import FOLDS_TABLE, MODALITIES, methods_for

HISTOLOGY_FOLDS = Path(__file__).parent / "histology_folds.csv"
ABOUT = Path(__file__).parent / "six_click_about.md"
WORK = Path(__file__).resolve().parents[1] / "build" / "train_all"
METHODS = ("ellipsoid", "six-click-graphcut", "six-click", "interactivenet", "histology")
SAY_EVERY_STEPS = 100


def main() -> None:
    """Train and segment what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--method", choices=(*METHODS, "all"), default="all")
    parser.add_argument("--fold", default="all", help="number, or all (of histology: the largest)")
    parser.add_argument("--work", type=Path, default=WORK, help="state of the trainings")
    parser.add_argument("--out", type=Path, default=RESULTS, help="masks, clicks and seconds")
    parser.add_argument("--again", action="store_true", help="make masks that are there again")
    options = parser.parse_args()
    for method in METHODS if options.method == "all" else (options.method,):
        table = HISTOLOGY_FOLDS if method == "histology" else FOLDS_TABLE
        for fold in chosen_folds(options.fold, method, read_folds(table)):
            for line in done(method, fold, options):
                print(line, flush=True)


def chosen_folds(wanted: str, method: str, fold_of: Mapping[str, int]) -> list[int]:
    """Folds to do; of the histologies only the largest is left out unless one is named."""
    if wanted != "all":
        return [int(wanted)]
    return [0] if method == "histology" else sorted(set(fold_of.values()))


def done(method: str, fold: int, options: argparse.Namespace) -> Iterator[str]:
    """Train what a method needs for a fold, and segment the fold's patients."""
    table = HISTOLOGY_FOLDS if method == "histology" else FOLDS_TABLE
    ids = [patient for patient, of in read_folds(table).items() if of == fold]
    patients = Patients(ids, options.data / "sts", options.out, options.again)
    if method in ("six-click", "histology"):
        name = "six-click" if method == "six-click" else "six-click-unseen-histology"
        yield from trained(options.work / name, table, fold, options.data)
        folder = single_fold_model(options.work / name, fold)
        made: dict[str, dict[Modality, Segmenter]] = {name: each(trained_segmenter(folder))}
    elif method == "interactivenet":
        from comparators import comparator_segmenters

        made = yield from comparator_segmenters(options.work, fold, options.data)
    else:
        made = {method: each(methods_for(fold)[method])}
    for name, segmenters in made.items():
        yield from make_masks(name, segmenters, patients)


def each(segmenter: Segmenter) -> dict[Modality, Segmenter]:
    """One segmenter for all modalities."""
    return dict.fromkeys(MODALITIES, segmenter)


def trained(model: Path, folds: Path, fold: int, data: Path) -> Iterator[str]:
    """Train one fold of our model unless that is done, and say how far it is."""
    if network_file(model, fold).exists():
        return
    with alone(model.parent):  # only one process may begin the folder of the training
        table = model.parent / "cohort.csv"
        write_cohort(table, data)
        steps = train_model(
            table,
            model,
            recipe=preset("six-click"),
            modalities=MODALITIES,
            folds=folds,
            resume=True,
            only=[fold],
            about=ABOUT,
            device="cpu",
        )
        next(steps, None)
    for now in steps:
        if isinstance(now, FoldProgress) and now.step % SAY_EVERY_STEPS == 0:
            left = f"loss {now.loss:.3f}, {now.seconds_left / 60:.0f} min left"
            yield f"{model.name} fold {fold}: {now.step} of {now.steps}, {left}"


if __name__ == "__main__":
    main()
