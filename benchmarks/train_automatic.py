"""Train a model without clicks for one fold and segment the fold's patients: resumable.

    python benchmarks/train_automatic.py --method automatic-mr-t1 --fold 0 [--work DIR] [--data DIR]
    python benchmarks/train_automatic.py --method automatic-mr-t1 --ship FOLDER [--work DIR]

``automatic-mr-t1``, ``automatic-ct``, ``automatic-pet``
    the recipe ``automatic`` on one sequence
``multi-sequence``
    the recipe of that name on T1, CT and PET; one network, tried on all seven sets of sequences
``automatic-joined``
    no network of its own: what those of one sequence say of each of several, joined

One fold takes 15 core-minutes at most. The folds of ``folds.csv`` may be trained at the same time
by as many processes. What is finished is not done again: an interrupted training goes on from its
checkpoint, masks that are there are kept. State and networks lie in ``--work``, masks in ``--out``
(see ``automatic_files.py``); ``automatic_tables.py`` makes the tables. ``--ship`` judges the
networks of all folds as ``oncotrace train`` does and writes the model with its card into a folder.
"""

import argparse
import gzip
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy.special import logit

from automatic_files import (
    JOINED,
    MASKS,
    METHODS,
    MULTI,
    OTHERS,
    SUREST,
    Cell,
    cells_of,
    moved_case,
    write_cohort,
)
from oncotrace.atomic import write_bytes, write_text
from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.io.folds_table import read_folds
from oncotrace.io.volume_file import write_labels
from oncotrace.learning.recipe import preset, read_recipe
from oncotrace.pipeline.train import FoldProgress, ScoringProgress, train_model
from oncotrace.pipeline.training_view import LeftOut
from oncotrace.segment.automatic import WholeImageEvidence, automatic_with_evidence
from oncotrace.segment.coarse_to_fine import LocatedSegmenter
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.published_finish import EVERY_POST_PROCESSING, post_processed
from oncotrace.segment.trained import trained_segmenter
from oncotrace.segment.uncertainty import calibration_counts
from oncotrace.segment.views import JoinedSegmenter, OtherView
from out_of_fold_files import alone
from reference_data import add_data_option
from single_fold import network_file, single_fold_model
from six_clicks import FOLDS_TABLE

WORK = Path(__file__).resolve().parents[1] / "build" / "train_automatic"
ABOUT = Path(__file__).parent / "automatic_about.md"
RECIPES = {method: MULTI if method == MULTI else "automatic" for method in METHODS}
SAY_EVERY_STEPS = 100


def main() -> None:
    """Train and segment what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--method", choices=(*METHODS, JOINED, "all"), default="all")
    parser.add_argument("--fold", default="all", help="number, or all")
    parser.add_argument("--work", type=Path, default=WORK, help="state of the trainings")
    parser.add_argument("--out", type=Path, default=MASKS, help="masks and their records")
    parser.add_argument("--again", action="store_true", help="make masks that are there again")
    parser.add_argument("--recipe", type=Path, help="TOML file, instead of the method's own")
    parser.add_argument("--ship", type=Path, help="write the method's model into this folder")
    options = parser.parse_args()
    if options.ship:
        ship(options.method, options)
        return
    fold_of = read_folds(FOLDS_TABLE)
    folds = sorted(set(fold_of.values())) if options.fold == "all" else [int(options.fold)]
    for method in (*METHODS, JOINED) if options.method == "all" else (options.method,):
        for fold in folds:
            patients = [patient for patient, of in fold_of.items() if of == fold]
            for line in trained(method, fold, options):
                print(line, flush=True)
            for line in segmented(method, fold, patients, options):
                print(line, flush=True)


def trained(method: str, fold: int, options: argparse.Namespace) -> Iterator[str]:
    """Train one fold of a model unless that is done, and say how far it is."""
    work = options.work
    if method == JOINED or network_file(work / method, fold).exists():
        return
    with alone(work):  # only one process may begin the folder of the training
        steps = training(method, options, only=[fold])
        next(steps, None)
    start = time.process_time()
    for now in steps:
        if isinstance(now, FoldProgress) and now.step % SAY_EVERY_STEPS == 0:
            minutes = (time.process_time() - start) / 60
            yield (
                f"{method} fold {fold}: {now.step} of {now.steps}, loss {now.loss:.3f}, "
                f"{minutes:.1f} core-minutes since the start, {now.seconds_left / 60:.0f} min left"
            )


def training(
    method: str, options: argparse.Namespace, only: Sequence[int] = ()
) -> Iterator[FoldProgress | ScoringProgress | LeftOut]:
    """Training of some folds of a model, or of all, which ends with the model and its card."""
    table = options.work / "cohort.csv"
    write_cohort(table, options.data)
    return train_model(
        table,
        options.work / method,
        recipe=read_recipe(options.recipe) if options.recipe else preset(RECIPES[method]),
        modalities=METHODS[method],
        folds=FOLDS_TABLE,
        resume=True,
        only=only,
        about=ABOUT,
        device="cpu",
    )


def ship(method: str, options: argparse.Namespace) -> None:
    """Write a model, judged out of fold, into a folder in which there is none of its name."""
    model = options.work / method
    if not model.exists():
        for _ in track(training(method, options), f"training, judging {method}"):
            pass
    shutil.copytree(model, options.ship / method)


def segmented(
    method: str, fold: int, patients: list[str], options: argparse.Namespace
) -> Iterator[str]:
    """Segment the patients of a fold from every set of sequences; yields what was done."""
    cells = cells_of(method, patients)
    missing = [c for c in cells if options.again or not c.file(options.out, ".nii.gz").exists()]
    if missing:
        segmenter = segmenter_of(method, fold, options.work)
        for cell in missing:
            segment_cell(cell, segmenter, options.data, options.out)
        yield f"{method} fold {fold}: {len(missing)} masks"


def segmenter_of(method: str, fold: int, work: Path) -> Segmenter:
    """Segmenter of a method's network of one fold."""
    if method != JOINED:
        return trained_segmenter(single_fold_model(work / method, fold))
    singles = {of[0]: name for name, of in METHODS.items() if len(of) == 1}
    return JoinedSequences({of: segmenter_of(name, fold, work) for of, name in singles.items()})


@dataclass(frozen=True)
class JoinedSequences:
    """Segments every sequence by a network of its own, and joins what they say."""

    by: Mapping[Modality, Segmenter]

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment the tumour on the grid of the request's first sequence."""
        (first, scan), *others = request.channels.items()
        views = tuple(OtherView(other, name, self.by[name]) for name, other in others)
        alone = SegmentationRequest({first: scan}, None, request.seed)
        return JoinedSegmenter(self.by[first], views).segment(alone)


def segment_cell(cell: Cell, segmenter: Segmenter, data: Path, out: Path) -> None:
    """Write the mask of one cell, and its record."""
    scans, outline = moved_case(data / "sts" / cell.patient, cell.sequences, cell.ends)
    start = time.perf_counter()
    made, evidence = with_evidence(segmenter, SegmentationRequest(scans, None, seed=0))
    seconds = time.perf_counter() - start
    counts = calibration_counts(np.asarray(made.probability), outline.voxels)
    record = {
        "seconds": round(seconds, 3),
        **{name: values.tolist() for name, values in counts.items()},
        "features": {kind: evidence.features(kind) for kind in EVERY_POST_PROCESSING}
        if evidence
        else {},
    }
    write_text(cell.file(out, ".json"), json.dumps(record) + "\n", replace=True)
    write_bytes(cell.file(out, ".nii.gz"), _packed(made), replace=True)


def with_evidence(
    segmenter: Segmenter, request: SegmentationRequest
) -> tuple[Segmentation, WholeImageEvidence | None]:
    """Segmentation, and what its quality can be predicted from, if the segmenter tells."""
    if isinstance(segmenter, LocatedSegmenter):
        return segmenter.segment_with_evidence(request)
    if isinstance(segmenter, NetworkSegmenter):
        return automatic_with_evidence(segmenter.name, segmenter.predictor, request)
    return segmenter.segment(request), None


def _packed(made: Segmentation) -> bytes:
    """Content of a mask's file: 1 in its surest piece, 2 in all others; the same mask, the same."""
    log_odds = logit(np.clip(np.asarray(made.probability, dtype=np.float32), 1e-6, 1 - 1e-6))
    surest = post_processed(made.mask.voxels, "surest", log_odds)
    labels = np.where(surest, SUREST, np.where(made.mask.voxels, OTHERS, 0)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "mask.nii"
        write_labels(labels, made.mask.geometry, plain)
        return gzip.compress(plain.read_bytes(), compresslevel=9, mtime=0)


if __name__ == "__main__":
    main()
