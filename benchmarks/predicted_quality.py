"""How well the Dice of a mask is predicted without its reference, and where it says to look.

    python benchmarks/predicted_quality.py [--model FOLDER] [--data DIR] [--out DIR] [--refit]

Without ``--model`` the graph cut is rated, for each patient with the weights that were fitted
without them; with it a trained model, for each patient with the network of the fold of
``folds.csv`` that has not seen them. Clicks are simulated in the reference outline on T1 and CT:
exact and person-like ones, five draws of each.

``per_case.csv``
    every segmentation: features, real Dice, predicted Dice and the ends of its interval of 80 %.
    The constants of the prediction, the interval's too, were fitted on the patients of the other
    folds. ``--refit`` takes the features from this table instead of segmenting again.

    ``slices_gain``: real area of error in the slices that were named, over its mean in all slices
    with mask or reference. ``end_named``: whether the end of the mask with the greatest real volume
    of error is one of the two that were named (1) or not (0); by chance it is in a third of cases.
``summary.md``, ``reliability.png``, ``reliability_first_draw.png``
    rank correlation with its 95 % interval (patients resampled whole), mean absolute error,
    coverage and width of the interval.

Constants fitted on all patients are written for the graph cut alone, into the package. A trained
model has its own: training fits them in the same way, on three draws of clicks of either kind.

Chosen by hand on these 40 patients, with the cross-fitted graph cut, and not cross-fitted itself:
which features there are, the penalties to choose from, how many slices and ends are named and what
an end is.
"""

import argparse
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from rich.progress import track

from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.overlap import dice
from oncotrace.report.evaluation_agreement import Reliability
from oncotrace.report.reliability import reliability_picture
from oncotrace.segment.quality_features import FEATURES, Evidence, quality_features
from oncotrace.segment.quality_fit import QualityTable, cross_fitted, fit_quality
from oncotrace.segment.quality_places import error_at_ends, places_to_check
from oncotrace.segment.trained import trained_segmenter
from oncotrace.stats.agreement import spearman
from oncotrace.stats.bootstrap import bootstrap_interval
from reference_data import add_data_option
from six_clicks import (
    CLICK_KINDS,
    MODALITIES,
    clicks_of,
    fold_of,
    load_case,
    methods_for,
    patient_folds,
    patients_in,
)

RESULTS = Path(__file__).parent / "results" / "predicted_quality"
PER_CASE = "per_case.csv"
GRAPH_CUT = "six-click-graphcut"
GRAPH_CUT_QUALITY = Path(str(files("oncotrace.segment") / "graph_cut_quality.json"))
SEEDS = 5
BOOTSTRAP_SEED = 20
PREDICTED = ["predicted_dice", "predicted_low", "predicted_high"]


class WithEvidence(Protocol):
    """A segmenter that says what the quality of its masks can be predicted from."""

    def segment_with_evidence(self, request: SegmentationRequest) -> tuple[Segmentation, Evidence]:
        """Segmentation without its quality, and the evidence."""
        ...


def main() -> None:
    """Segment, fit, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--model", type=Path, help="trained model; the graph cut when left out")
    parser.add_argument("--out", type=Path, help="folder; in benchmarks/results when left out")
    parser.add_argument("--refit", action="store_true", help="keep the features of the table")
    options = parser.parse_args()
    name = options.model.name if options.model else GRAPH_CUT
    out = options.out or RESULTS / name
    out.mkdir(parents=True, exist_ok=True)
    if options.refit:
        rows = pd.read_csv(out / PER_CASE)
    else:
        rows = pd.DataFrame(segmented(options.data / "sts", options.model)).round(6)
    table = QualityTable(
        FEATURES, rows[list(FEATURES)].to_numpy(), rows["dice"].to_numpy(), tuple(rows["patient"])
    )
    rows[PREDICTED] = cross_fitted(table, patient_folds()).round(6)
    rows.to_csv(out / PER_CASE, index=False, lineterminator="\n")
    if options.model is None:
        constants = json.dumps(fit_quality(table).to_json(), indent=2, allow_nan=False) + "\n"
        GRAPH_CUT_QUALITY.write_text(constants, encoding="utf-8", newline="\n")
    text = summary(rows, name)
    (out / "summary.md").write_text(text, encoding="utf-8", newline="\n")
    first = rows[(rows["clicks"] == "person-like") & (rows["seed"] == 0)]
    for file, of, title in (
        ("reliability.png", rows, f"{name}, all segmentations"),
        ("reliability_first_draw.png", first, f"{name}, person-like clicks, one draw"),
    ):
        picture = reliability_picture(reliability(of, of is first), title=title)
        (out / file).write_bytes(picture.rendered())
    print(text)


def segmented(folder: Path, model: Path | None) -> Iterator[dict[str, object]]:
    """Segment every patient from all clicks by what has not seen them; yields the table's rows."""
    for patient in track(patients_in(folder), description="patients"):
        fold = fold_of(patient)
        segmenter = trained_segmenter(model, fold) if model else methods_for(fold)[GRAPH_CUT]
        for modality in MODALITIES:
            scan, outline = load_case(folder / patient, modality)
            for kind in CLICK_KINDS:
                for seed in range(SEEDS):
                    clicks = clicks_of(outline, kind, seed)
                    request = SegmentationRequest({modality: scan}, clicks, seed=0)
                    of = {"patient": patient, "fold": fold, "modality": modality, "clicks": kind}
                    yield {**of, "seed": seed, **rated(segmenter, request, outline)}


def rated(
    segmenter: WithEvidence, request: SegmentationRequest, outline: Mask
) -> dict[str, object]:
    """Real Dice of one segmentation, its features, and what the places that it names are worth."""
    made, evidence = segmenter.segment_with_evidence(request)
    error = made.mask.voxels != outline.voxels
    slices, ends = places_to_check(made, evidence.box)
    concerned = (made.mask.voxels | outline.voxels).any(axis=(1, 2))
    by_slice = error.sum(axis=(1, 2))
    at_ends = error_at_ends(error, made.mask)
    return {
        "dice": dice(made.mask, outline),
        **quality_features(evidence),
        "slices_gain": by_slice[list(slices)].mean() / by_slice[concerned].mean(),
        "end_named": int(max(at_ends, key=lambda end: at_ends[end]) in ends),
    }


def summary(rows: pd.DataFrame, name: str) -> str:
    """Markdown: how good the prediction is over all segmentations and by image and clicks."""
    lines = [
        f"# Predicted Dice of {name}",
        "",
        f"{rows['patient'].nunique()} patients, {len(rows)} segmentations, each predicted by "
        "constants fitted on the patients of the other folds; in brackets 95 % bootstrap "
        "intervals over patients.",
        "",
        "| image | clicks | n | Dice | predicted | Spearman | mean absolute error | coverage of "
        "the 80 % interval | its width | error in named slices / all | worst end named |",
        "| --- " * 11 + "|",
        line("both", "both", rows),
    ]
    for kind, of in rows.groupby("clicks", sort=False):
        lines.append(line("both", str(kind), of))
    for (modality, kind), of in rows.groupby(["modality", "clicks"], sort=False):
        lines.append(line(modality, kind, of))
    return "\n".join(lines) + "\n"


def line(modality: str, kind: str, rows: pd.DataFrame) -> str:
    """One line of the summary."""
    values = rows[["dice", *PREDICTED]].to_numpy()
    of_values = rank_correlation(values), share_covered(values)
    intervals = [
        bootstrap_interval(values, of, groups=list(rows["patient"]), seed=BOOTSTRAP_SEED)
        for of in (rank_correlation, share_covered)
    ]
    spearman_text, coverage_text = (
        f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else f"{value:.2f}"
        for value, interval in zip(of_values, intervals, strict=True)
    )
    real, predicted, low, high = values.T
    cells = (
        modality,
        kind,
        str(len(rows)),
        f"{real.mean():.3f}",
        f"{predicted.mean():.3f}",
        spearman_text,
        f"{np.abs(real - predicted).mean():.3f}",
        coverage_text,
        f"{(high - low).mean():.3f}",
        f"{rows['slices_gain'].mean():.2f}",
        f"{rows['end_named'].mean():.2f}",
    )
    return f"| {' | '.join(cells)} |"


def rank_correlation(values: np.ndarray) -> float:
    """Spearman's correlation of the first two columns: real and predicted Dice."""
    found = spearman(values[:, 0], values[:, 1])
    return float("nan") if found is None else found


def share_covered(values: np.ndarray) -> float:
    """Share of rows (real, predicted, low, high) whose real Dice lies in the interval."""
    real, _, low, high = values.T
    return float(np.mean((low <= real) & (real <= high)))


def reliability(rows: pd.DataFrame, is_named: bool) -> Reliability:
    """Predicted against real Dice, for the picture; with names where points are few."""
    values = rows[["dice", *PREDICTED]].to_numpy()
    patients = list(rows["patient"])
    names = rows["patient"] + " " + rows["modality"]
    interval = bootstrap_interval(values, rank_correlation, groups=patients, seed=BOOTSTRAP_SEED)
    return Reliability(
        case_ids=tuple(names) if is_named else ("",) * len(rows),
        predicted=values[:, 1],
        real=values[:, 0],
        intervals=values[:, 2:],
        coverage=share_covered(values),
        rank_correlation=rank_correlation(values),
        rank_interval=interval,
    )


if __name__ == "__main__":
    main()
