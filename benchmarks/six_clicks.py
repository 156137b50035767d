"""Six clicks without a network on 40 sarcoma patients: Dice, HD95, volume, diameter.

    python benchmarks/six_clicks.py [--data DIR] [--out DIR] [--clicks KIND] [--seeds 5]

``DIR/sts`` holds one folder per patient with ``mr_t1.nii.gz``, ``ct.nii.gz`` and their ``*_mask``.

Three ways to a mask are compared on the same clicks:

``ellipsoid``
    along the grid's axes, through the clicks plus 4 mm; no voxel of the image is looked at.
``clicks-alone``
    the graph cut on a blank image: all that the clicks say without the image. (Weights fitted on
    blank images change its Dice by less than 0.003.)
``six-click-graphcut``
    the graph cut on the image.

Honest figures: the graph cut's weights are taken from ``weights.csv`` (``fit_cue_weights.py``), for
each patient from the fold of ``folds.csv`` that was fitted without them, and the clicks are drawn
from other seeds than those fitted on. What was chosen by hand on the same patients is listed in
``fit_cue_weights.py``. CT and T1 of one patient carry practically the same outline.

Clicks: see ``oncotrace.imaging.click_simulation``. A patient's
figure is the mean over the seeds; mean, SD, median, least and the two-sided Wilcoxon test are over
patients.
"""

import argparse
import csv
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.stats import wilcoxon

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import SegmentationRequest, Segmenter
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.surface_voxels import voxel_distances
from oncotrace.io.folds_table import read_folds
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.segment.cues import CueWeights
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter
from reference_data import add_data_option

RESULTS = Path(__file__).parent / "results" / "six_clicks"
FOLDS_TABLE = Path(__file__).parent / "folds.csv"
MODALITIES: tuple[Modality, ...] = ("mr-t1", "ct")
FILES = {"mr-t1": "mr_t1", "ct": "ct"}
CLICK_KINDS = {"exact": exact_clicks, "person-like": person_like_clicks}
METHODS = ("ellipsoid", "clicks-alone", "six-click-graphcut")

FIGURES = {
    "dice": "Dice",
    "hd95_mm": "HD95 (mm)",
    "volume_error_percent": "volume error (%)",
    "diameter_error_mm": "longest axial diameter error (mm)",
}


def main() -> None:
    """Measure every case, write the table of cases and the summary, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--clicks", choices=CLICK_KINDS, help="one kind; both when left out")
    parser.add_argument("--seeds", type=int, default=5, help="draws of clicks per case")
    options = parser.parse_args()
    patients = patients_in(options.data / "sts")
    kinds = [options.clicks] if options.clicks else list(CLICK_KINDS)
    rows: list[dict[str, object]] = []
    for patient in track(patients, description="patients"):
        methods = methods_for(fold_of(patient))
        for modality in MODALITIES:
            scan, mask = load_case(options.data / "sts" / patient, modality)
            truth = tumour_size(mask)
            for kind in kinds:
                for seed in range(options.seeds):
                    clicks = clicks_of(mask, kind, seed)
                    for name, method in methods.items():
                        seen = blank(scan) if name == "clicks-alone" else scan
                        rows.append(
                            {"patient": patient, "modality": modality, "clicks": kind}
                            | {"seed": seed, "method": name}
                            | measured(method, seen, mask, truth, clicks)
                        )
    options.out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.round(4).to_csv(options.out / "per_case.csv", index=False, lineterminator="\n")
    text = summary(table)
    (options.out / "summary.md").write_text(text, encoding="utf-8", newline="\n")
    print(text)


def patients_in(folder: Path) -> list[str]:
    """Names of the patients' folders, sorted."""
    return sorted(p.parent.name for p in folder.glob("*/mr_t1.nii.gz"))


@cache
def patient_folds() -> dict[str, int]:
    """Fold that leaves each patient out, by patient."""
    return dict(read_folds(FOLDS_TABLE))


def fold_of(patient: str) -> int:
    """Fold whose weights and networks have not seen the patient."""
    return patient_folds()[patient]


def methods_for(fold: int) -> dict[str, Segmenter]:
    """Build the methods, with weights fitted without the patients of a fold."""
    with (RESULTS / "weights.csv").open(encoding="utf-8") as stream:
        row = next(r for r in csv.DictReader(stream) if r["fold"] == str(fold))
    weights = CueWeights(**{name: float(value) for name, value in row.items() if name != "fold"})
    cut = GraphCutSegmenter(weights)
    return dict(zip(METHODS, (EllipsoidSegmenter(), cut, cut), strict=True))


def load_case(folder: Path, modality: Modality) -> tuple[Scan, Mask]:
    """Scan and reference mask of one patient."""
    name = FILES[modality]
    return read_scan(folder / f"{name}.nii.gz", modality), read_mask(folder / f"{name}_mask.nii.gz")


def clicks_of(mask: Mask, kind: str, seed: int) -> Clicks:
    """Clicks of one kind, drawn from a seed."""
    return CLICK_KINDS[kind](mask, rng=np.random.default_rng(seed))


def blank(scan: Scan) -> Scan:
    """Return the scan with nothing to be seen on it."""
    return Scan(np.zeros_like(scan.voxels), scan.geometry, scan.modality)


def measured(
    method: Segmenter, scan: Scan, mask: Mask, truth: TumourSize, clicks: Clicks
) -> dict[str, float]:
    """Figures of one method on one case."""
    request = SegmentationRequest({scan.modality or "ct": scan}, clicks, seed=0)
    made = method.segment(request).mask
    size = tumour_size(made)
    return {
        "dice": dice(made, mask),
        "hd95_mm": voxel_distances(made, mask).hd95_mm,
        "volume_error_percent": 100 * (size.volume_ml / truth.volume_ml - 1),
        "diameter_error_mm": size.longest_axial.length_mm - truth.longest_axial.length_mm,
    }


def summary(table: pd.DataFrame) -> str:
    """Markdown: mean ± SD, median and range over patients, and the paired comparison."""
    seeds = table["seed"].nunique()
    keys = ["modality", "clicks", "method", "patient"]
    patients = table.groupby(keys, sort=False)[list(FIGURES)].mean()
    lines = [
        "# Six clicks without a network",
        "",
        f"{table['patient'].nunique()} patients, mean of {seeds} draws of clicks per patient; "
        "mean ± SD (median; least to greatest) over patients.",
        "",
        "| image | clicks | method | n | " + " | ".join(FIGURES.values()) + " |",
        "| --- " * (4 + len(FIGURES)) + "|",
    ]
    for (modality, kind, method), of in patients.groupby(level=[0, 1, 2], sort=False):
        cells = [cell(of[figure]) for figure in FIGURES]
        lines.append(f"| {modality} | {kind} | {method} | {len(of)} | {' | '.join(cells)} |")
    lines += ["", "Dice of six-click-graphcut against the others, paired over patients:", ""]
    lines += ["| image | clicks | against | difference | better in | p (Wilcoxon) |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    dices = patients["dice"].unstack("method")
    for (modality, kind), of in dices.groupby(level=[0, 1], sort=False):
        for other in METHODS[:2]:
            gain = of[METHODS[2]] - of[other]
            p = wilcoxon(gain).pvalue
            better = f"{int((gain > 0).sum())} of {len(gain)}"
            lines.append(
                f"| {modality} | {kind} | {other} | {gain.mean():+.3f} | {better} | {p:.1g} |"
            )
    return "\n".join(lines) + "\n"


def cell(values: pd.Series) -> str:
    """One figure over patients, with as many digits as it needs."""
    digits = 3 if values.abs().max() < 1.0 else 1
    mean, sd, median, least, greatest = (
        f"{v:.{digits}f}"
        for v in (values.mean(), values.std(), values.median(), values.min(), values.max())
    )
    return f"{mean} ± {sd} ({median}; {least} to {greatest})"


if __name__ == "__main__":
    main()
