"""Simulated corrections of the out-of-fold masks: Dice after each click, and what it did besides.

    python benchmarks/corrections.py MODEL [--data DIR] [--out DIR] [--jobs 2]

MODEL is a correction model of the five folds of ``folds.csv`` (the packaged one is at
``src/oncotrace/correction_model``); every patient is segmented and corrected by the networks of
their fold. A correction is one click at the deepest voxel of the largest wrong piece. Three ways:

``network``
    the product's: ``oncotrace.segment.refine``.
``graph-cut``
    in the same cube, from the same channels: a graph cut of the log-odds before, and a Gaussian
    around the click.
``fusion``
    the published refinement: MIDeepSeg's information fusion of the six-click network's probability
    with all clicks, anew after every click, from one draw of the six. Before the first click it
    already moves the mask.

``per_click.csv`` has a line for every click: Dice, seconds, whether every click so far is obeyed,
and how many voxels changed beyond the reach of the method, ``summary.md`` the means over patients.
A patient's figure is the mean over the draws of the six clicks.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from rich.progress import track

from correction_histories import DRAWS, Correct, Draft, draft_of, history
from correction_rivals import CubeCut, Fusion
from markdown_table import markdown
from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation
from oncotrace.imaging.overlap import dice
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.segment.correction_input import REACH, depth_mm
from oncotrace.segment.information_fusion import FusionSegmenter
from oncotrace.segment.refine import Corrector
from oncotrace.segment.trained import packaged_models
from oncotrace.segment.voi import voxels_at
from out_of_fold_files import Draw
from reference_data import add_data_option
from six_clicks import MODALITIES, fold_of, patients_in

FUSION_DRAW = DRAWS[0]  # it takes much longer than the others
RESULTS = Path(__file__).parent / "results" / "corrections"
CLICKS = 5
SHOWN = (0, 1, 2, 3, 5)
WORSE = 0.005


def main() -> None:
    """Measure every click, write the tables, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    patients = patients_in(options.data / "sts")
    work = [
        delayed(measured)(options.model, patient, modality, options.data / "sts")
        for patient in patients
        for modality in MODALITIES
    ]
    done = Parallel(n_jobs=options.jobs, return_as="generator")(work)
    rows = [row for part in track(done, "images", len(work)) for row in part]
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "per_click.csv", index=False, lineterminator="\n")
    text = "\n".join(summary(table))
    (options.out / "summary.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def measured(
    model: Path, patient: str, modality: Modality, folder: Path
) -> list[dict[str, object]]:
    """Every click of every method and draw on one image."""
    rows = []
    for draw in DRAWS:
        draft = draft_of(patient, modality, draw, folder)
        for method, (start, correct, reach) in methods(model, draft, draw, patient).items():
            key = {"method": method, "image": modality, "patient": patient}
            key |= {"clicks": draw.clicks, "seed": draw.seed}
            rows += [key | row for row in _clicked(start, correct, reach)]
    return rows


def methods(
    model: Path, draft: Draft, draw: Draw, patient: str
) -> dict[str, tuple[Draft, Correct, float | None]]:
    """By name: the draft to begin with, what corrects it, and how far it may reach in depths."""
    fold = fold_of(patient)
    network = Corrector(load_predictor(read_model(model, folds=[fold]), threads=1))
    found: dict[str, tuple[Draft, Correct, float | None]] = {
        "network": (draft, network.corrected, REACH),
        "graph-cut": (draft, Corrector(CubeCut()).corrected, REACH),
    }
    if draw == FUSION_DRAW:
        six_click = read_model(packaged_models()["six-click"], folds=[fold])
        fusion = Fusion(FusionSegmenter("fusion", load_predictor(six_click, threads=1)))
        fused = replace(draft, made=fusion.of(draft.scan, draft.clicks))
        found["fusion"] = (fused, fusion.corrected, None)
    return found


def _clicked(draft: Draft, correct: Correct, reach: float | None) -> Iterator[dict[str, object]]:
    """Dice before and after every click, and what the click did."""
    seconds: list[float] = []

    def timed(
        scan: Scan, made: Segmentation, before: Clicks, correction: Correction
    ) -> Segmentation:
        start = time.perf_counter()
        after = correct(scan, made, before, correction)
        seconds.append(time.perf_counter() - start)
        return after

    before: Draft | None = None
    for number, (now, _) in zip(range(CLICKS + 1), history(draft, timed), strict=False):
        row: dict[str, object] = {"after": number, "dice": dice(now.made.mask, now.reference)}
        if before is not None:
            row |= {"seconds": seconds[-1], "obeyed": obeyed(now)}
            row["far_voxels"] = None if reach is None else far_voxels(before, now, reach)
        yield row
        before = now


def obeyed(draft: Draft) -> bool:
    """Whether every correction so far ends on its side."""
    mask = draft.made.mask
    return all(
        mask.voxels[tuple(voxels_at(each.points_mm, mask.geometry)[0])] == each.marks_tumour
        for each in draft.clicks.corrections
    )


def far_voxels(before: Draft, after: Draft, reach: float) -> int:
    """Count the voxels that changed outside the cube of the last correction."""
    geometry = before.scan.geometry
    point_mm = after.clicks.corrections[-1].points_mm[0]
    changed = np.argwhere(before.made.mask.voxels != after.made.mask.voxels)[:, ::-1]
    offset_mm = np.abs(changed - geometry.to_index(point_mm)) * geometry.spacing_mm
    limit_mm = reach * depth_mm(before.made.mask, point_mm)
    return int(np.count_nonzero((offset_mm > limit_mm).any(axis=1)))


def summary(table: pd.DataFrame) -> list[str]:
    """Tables of means over patients, and of what must hold for every click."""
    keys = ["method", "image", "clicks", "after"]
    patients = table.groupby([*keys, "patient"], sort=False)["dice"].mean()
    rows = []
    for group, values in patients.groupby(level=keys, sort=False):
        if group[-1] in SHOWN:
            figures = values.mean(), values.std(), values.median(), values.min()
            rows.append([*group, *(f"{each:.4f}" for each in figures), len(values)])
    names = ("method", "image", "six clicks", "after", "Dice", "SD", "median", "least", "patients")
    return [*markdown(names, rows), "", *_promises(table)]


def _promises(table: pd.DataFrame) -> list[str]:
    draws = table.sort_values("after").groupby(["method", "image", "patient", "clicks", "seed"])
    change = draws["dice"].diff()
    rows = []
    for method, group in table[table["after"] > 0].groupby("method", sort=False):
        changes = change.loc[group.index]
        rows.append(
            [
                method,
                len(group),
                f"{int((changes < -WORSE).sum())} ({changes.min():+.4f})",
                f"{int((group['obeyed'] == False).sum())}",  # noqa: E712  # a column of objects
                "" if method == "fusion" else int(group["far_voxels"].sum()),
                f"{group['seconds'].median():.2f}",
                f"{group['seconds'].max():.2f}",
            ]
        )
    worse = f"worse by more than {WORSE} (worst)"
    names = ("method", "clicks", worse, "not obeyed", "voxels changed far away")
    return markdown((*names, "median s", "worst s"), rows)


if __name__ == "__main__":
    main()
