"""Dice on a histology that the network never saw, by how many of its cases it is adapted to.

    python benchmarks/k_shot.py [--recipe automatic] [--work DIR] [--data DIR] [--out DIR]

``automatic``
    no clicks, T1 with its sides moved (``automatic_files.py``)
``six-click``
    six clicks on T1, person-like, mean of 5 seeds

One network is trained on T1 of all patients but those with liposarcoma (fold 1 of
``histology_folds.csv``; 11 core-minutes for ``automatic``, about 40 for ``six-click``). In each of
three draws, 1, 3 and 5 of the 9 liposarcoma patients are drawn, the fewer among the more; the
network is adapted to them as ``oncotrace finetune`` does it, and scored on the liposarcoma patients
that are left. At k = 3 all three ``--layers`` are compared.

What is finished is not done again: an interrupted training goes on from its checkpoint, models that
were scored are kept. State and networks lie in ``--work``, ``per_case.csv`` and ``summary.md`` in
``--out``; ``k_shot_summary.py`` makes the second from the first.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from automatic_files import moved_case
from cohort import write_cohort
from k_shot_summary import write_summary
from oncotrace.domain.segmentation import SegmentationRequest, Segmenter
from oncotrace.imaging.click_simulation import person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.io.cohort_table import write_table
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.learning.model_folder import PLAN, read_plan
from oncotrace.learning.recipe import preset
from oncotrace.learning.tuning import Layers, Tuning
from oncotrace.pipeline.finetune import finetune_model
from oncotrace.pipeline.train import FoldProgress, train_model
from oncotrace.segment.trained import trained_segmenter
from reference_data import add_data_option
from single_fold import single_fold_model

HISTOLOGY_FOLDS = Path(__file__).parent / "histology_folds.csv"
HISTOLOGY = "Liposarcoma"
WORK = Path(__file__).resolve().parents[1] / "build" / "k_shot"
RESULTS = Path(__file__).parent / "results" / "k_shot"
CASES = (1, 3, 5)
DRAWS = range(3)
COMPARED_AT = 3
CLICK_SEEDS = range(5)
SAY_EVERY_STEPS = 100

Score = Callable[[Segmenter, Path], float]
"""Dice of a segmenter on a patient's folder."""


@dataclass(frozen=True)
class Trial:
    """One fine-tuning: which layers, on how many patients, of which draw."""

    layers: Layers
    cases: int
    draw: int


def main() -> None:
    """Train, adapt and score what is not there yet, then write the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--recipe", choices=SCORES, default="automatic")
    parser.add_argument("--work", type=Path, default=WORK, help="state of the trainings")
    parser.add_argument("--out", type=Path, default=RESULTS, help="tables")
    options = parser.parse_args()
    work = options.work / options.recipe
    work.mkdir(parents=True, exist_ok=True)
    patients, fold = unseen_patients()
    start = started(options.recipe, fold, work, options.data)
    table = options.out / "per_case.csv"
    score = SCORES[options.recipe]

    def record(name: dict[str, object], segmenter: Segmenter, tested: Sequence[str]) -> None:
        rows = [
            {**name, "patient": patient, "dice": f"{score(segmenter, sts / patient):.4f}"}
            for patient in tested
        ]
        write_table([*read_rows(table), *rows], table, replace=True)
        print(name, f"{np.mean([float(row['dice']) for row in rows]):.3f}", flush=True)

    sts = options.data / "sts"
    unadapted = row_name(options.recipe, None)
    if not is_scored(table, unadapted):
        record(unadapted, trained_segmenter(start), patients)
    lipo = cohort_of(patients, work, options.data)
    for trial in trials():
        name = row_name(options.recipe, trial)
        if not is_scored(table, name):
            model = adapted(start, lipo, trial, work)
            learnt = cases_learnt(model)
            record(name, trained_segmenter(model), [p for p in patients if p not in learnt])
            write_summary(options.out)
    write_summary(options.out)


def trials() -> Iterator[Trial]:
    """All layers at one k first, so that the default can be chosen by them; then the other k."""
    for draw in DRAWS:
        for layers in get_args(Layers):
            yield Trial(layers, COMPARED_AT, draw)
    for draw in DRAWS:
        for cases in CASES:
            if cases != COMPARED_AT:
                yield Trial(Tuning().layers, cases, draw)


def unseen_patients() -> tuple[list[str], int]:
    """Patients of the histology, and the fold that leaves them out."""
    with HISTOLOGY_FOLDS.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["stratum"] == HISTOLOGY]
    (fold,) = {int(row["fold"]) for row in rows}
    return [row["patient_id"] for row in rows], fold


def started(recipe: str, fold: int, work: Path, data: Path) -> Path:
    """Model of the one network that never saw the histology, trained unless that was done."""
    model = work / "start"
    folder = model.with_name(f"start-fold-{fold}")
    if (folder / PLAN).exists():
        return folder
    table = work / "cohort.csv"
    write_cohort(table, data)
    begin = time.process_time()
    for now in train_model(
        table,
        model,
        recipe=preset(recipe),
        modalities=("mr-t1",),
        folds=HISTOLOGY_FOLDS,
        resume=True,
        only=[fold],
        device="cpu",
    ):
        if isinstance(now, FoldProgress) and now.step % SAY_EVERY_STEPS == 0:
            minutes = (time.process_time() - begin) / 60
            print(f"start: {now.step} of {now.steps}, {minutes:.1f} core-minutes", flush=True)
    return single_fold_model(model, fold)


def cohort_of(patients: Sequence[str], work: Path, data: Path) -> Path:
    """Write the cohort table of some patients, T1 alone."""
    table = work / "unseen.csv"
    folder = data.resolve() / "sts"
    rows = [
        {
            "case_id": patient,
            "image_mr-t1": str(folder / patient / "mr_t1.nii.gz"),
            "mask_mr-t1": str(folder / patient / "mr_t1_mask.nii.gz"),
        }
        for patient in patients
    ]
    write_table(rows, table, replace=True)
    return table


def adapted(start: Path, table: Path, trial: Trial, work: Path) -> Path:
    """Model folder of a trial, made unless it is there."""
    out = work / f"{trial.layers}-{trial.cases}-{trial.draw}"
    if (out / PLAN).exists():
        return out
    begin, step = time.process_time(), 0
    for now in finetune_model(
        str(start),
        table,
        out,
        cases=trial.cases,
        tuning=Tuning(layers=trial.layers),
        seed=trial.draw,
        resume=True,
        device="cpu",
    ):
        step = now.step
    print(f"{out.name}: {step} steps, {(time.process_time() - begin) / 60:.1f} core-minutes")
    return out


def cases_learnt(model: Path) -> set[str]:
    """Patients that a model was adapted to."""
    known = read_plan(model).preparation["tuned"]
    if not isinstance(known, dict) or not isinstance(known["cases"], list):
        raise TypeError("the plan does not say what the model was adapted to")
    return {str(case).split("/")[0] for case in known["cases"]}


def clicked_dice(segmenter: Segmenter, folder: Path) -> float:
    """Mean Dice on T1 over draws of person-like clicks."""
    scan = read_scan(folder / "mr_t1.nii.gz", "mr-t1")
    outline = read_mask(folder / "mr_t1_mask.nii.gz")
    dices = []
    for seed in CLICK_SEEDS:
        clicks = person_like_clicks(outline, rng=np.random.default_rng(seed))
        made = segmenter.segment(SegmentationRequest({"mr-t1": scan}, clicks, seed=0))
        dices.append(dice(made.mask, outline))
    return float(np.mean(dices))


def automatic_dice(segmenter: Segmenter, folder: Path) -> float:
    """Dice on T1 with its sides moved."""
    scans, outline = moved_case(folder, ("mr-t1",), "moved")
    return float(dice(segmenter.segment(SegmentationRequest(scans, None, seed=0)).mask, outline))


SCORES: dict[str, Score] = {"six-click": clicked_dice, "automatic": automatic_dice}


def row_name(recipe: str, trial: Trial | None) -> dict[str, object]:
    """First columns of a row; without a trial those of the network as it began."""
    if trial is None:
        return {"recipe": recipe, "layers": "none", "k": 0, "draw": ""}
    return {"recipe": recipe, "layers": trial.layers, "k": trial.cases, "draw": trial.draw}


def is_scored(table: Path, name: dict[str, object]) -> bool:
    """Whether the table has rows of that name."""
    wanted = {column: str(value) for column, value in name.items()}
    return any(wanted.items() <= row.items() for row in read_rows(table))


def read_rows(table: Path) -> list[dict[str, str]]:
    """Rows of the table; none before it is written."""
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    main()
