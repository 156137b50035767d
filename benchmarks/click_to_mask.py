"""Seconds from click to mask: what `oncotrace segment` does, beside the published way.

    python benchmarks/click_to_mask.py [--data DIR] [--out FILE] [--beside 0]

``six-click`` is the model that comes with oncotrace, all five networks averaged, on T1 and CT of
the 40 patients, one draw of person-like clicks. ``interactivenet`` is the published configuration
with its five networks and eight flips, on the patients of one fold of ``folds.csv`` (``--beside``),
one network per modality and fold; its weights are random, because time does not depend on them.
Both in one run, on two threads. The ratio is taken image by image.

The clock starts with the scan in memory, everything compiled and the networks open, and ends with
the mask on the source grid and its volume and diameters. PyTorch makes the random networks.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cohort import write_cohort
from comparators import EIGHT_FLIPS, THREADS
from oncotrace.domain.case import Cohort
from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmenter
from oncotrace.io.cohort_table import read_cohort
from oncotrace.learning.onnx_file import open_session
from oncotrace.learning.onnx_predict import Predictor
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import preset
from oncotrace.pipeline.training_cases import fingerprint_for, training_cases
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.segmenters import segmenter
from out_of_fold_files import Draw
from out_of_fold_masks import segmented
from reference_data import add_data_option
from six_clicks import MODALITIES, fold_of, load_case, patients_in

FOLDS = range(5)
CLICKS = Draw("person-like", 0)
RESULT = Path(__file__).parent / "results" / "click_to_mask.csv"
WORK = Path(__file__).resolve().parents[1] / "build" / "click_to_mask"


def main() -> None:
    """Measure, write every image, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--beside", type=int, default=0, help="fold to try interactivenet on")
    options = parser.parse_args()
    table = pd.DataFrame(rows(options.data, options.beside))
    table.round(3).to_csv(options.out, index=False, lineterminator="\n")
    ours = table["six-click"]
    print(f"six-click, {len(ours)} images: median {ours.median():.2f} s, worst {ours.max():.2f} s")
    both = table.dropna()
    published = both["interactivenet"]
    ratio = published / both["six-click"]
    print(
        f"interactivenet, {len(both)} images: median {published.median():.1f} s, worst "
        f"{published.max():.1f} s; {ratio.median():.0f} times as long (median; "
        f"{ratio.min():.0f} to {ratio.max():.0f})"
    )


def rows(data: Path, beside: int) -> Iterator[dict[str, object]]:
    """Seconds of every image."""
    for modality in MODALITIES:
        ours, published = segmenter("six-click"), random_published(data, modality)
        is_warm = False
        for patient in patients_in(data / "sts"):
            scan, outline = load_case(data / "sts" / patient, modality)
            clicks = CLICKS.of(outline)
            if not is_warm:
                segmented(ours, scan, clicks)
                is_warm = True
            row: dict[str, object] = {"patient": patient, "image": modality}
            row["six-click"] = segmented(ours, scan, clicks)[1]
            row["interactivenet"] = np.nan
            if fold_of(patient) == beside:
                row["interactivenet"] = segmented(published, scan, clicks)[1]
            yield row


def random_published(data: Path, modality: Modality) -> Segmenter:
    """Five networks of the published kind with random weights, planned for the 40 patients."""
    table = WORK / "cohort.csv"
    write_cohort(table, data)
    recipe = preset("interactivenet")
    cases = list(training_cases(Cohort(read_cohort(table).cases), (modality,)))
    plan = make_plan(recipe, fingerprint_for(recipe, cases), {"modalities": [modality]})
    sessions = tuple(
        open_session(random_network(plan, fold), f"fold_{fold}.onnx", threads=THREADS)
        for fold in FOLDS
    )
    predictor = Predictor(plan, tuple(FOLDS), sessions, EIGHT_FLIPS)
    return NetworkSegmenter("interactivenet", predictor)


def random_network(plan: Plan, seed: int) -> bytes:
    """ONNX file of a network that has learnt nothing."""
    from oncotrace.learning.train.export import exported
    from oncotrace.learning.train.network import build_network

    seeded = plan.model_copy(update={"recipe": plan.recipe.model_copy(update={"seed": seed})})
    return exported(build_network(seeded).eval(), seeded)


if __name__ == "__main__":
    main()
