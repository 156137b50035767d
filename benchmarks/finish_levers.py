"""What could be done to a trained network's output, out of fold: flips, a graph cut, a bias.

    python benchmarks/finish_levers.py MODEL [--data DIR] [--out FILE]

MODEL is a ``six-click`` model of the five folds of ``folds.csv``; every patient is segmented by the
network of their fold, from one exact and two person-like draws of clicks. Mean Dice over patients:

``network``
    as the product does it.
``flips``
    mean probability over the eight flips.
``cut 1``, ``cut 2``, ``cut 4``
    a graph cut of the network's log-odds, of that smoothness, as the segmenter without a network
    makes it of its cues.
``blur``
    log-odds smoothed by one voxel.
``bias -0.5``, ``bias +0.5``
    log-odds moved, for smaller or larger tumours all over.
``best bias``
    no method: the bias that is best for each single mask, known from the reference. What a perfect
    guess of the tumour's extent would give.
``grid``
    no method either: the reference itself, carried to the network's grid and back.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track
from scipy.ndimage import gaussian_filter

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.graph_cut import contrast_weights, grid_cut
from oncotrace.imaging.resample import resample_array
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.onnx_predict import Flip, Predictor, load_predictor
from oncotrace.segment.finish import CERTAIN_LOG_ODDS, on_source_grid
from oncotrace.segment.network_input import NetworkInput
from oncotrace.segment.planned_input import input_for
from out_of_fold_files import Draw
from reference_data import add_data_option
from six_clicks import MODALITIES, fold_of, load_case, patients_in

DRAWS = (Draw("exact", 0), Draw("person-like", 0), Draw("person-like", 1))
CUTS = (1.0, 2.0, 4.0)
EDGE_SIGMA = 0.6
BIASES = (-0.5, 0.5)
BEST_OF = (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)
RESULT = Path(__file__).parent / "results" / "finish_levers.csv"

_Odds = NDArray[np.float32]


def main() -> None:
    """Measure and print one line per lever."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    model = read_model(options.model)
    flips: tuple[Flip, ...] = tuple(
        tuple(axis for axis, is_flipped in zip("zyx", each, strict=True) if is_flipped)
        for each in itertools.product((False, True), repeat=3)
    )
    predictors = {
        n: load_predictor(model, folds=[n], flips=flips, threads=2) for n in model.networks
    }
    rows = [
        {"patient": patient, "image": modality, "clicks": draw.clicks, **measured}
        for patient in track(patients_in(options.data / "sts"), description="patients")
        for modality in MODALITIES
        for draw in DRAWS
        for measured in [
            dict(
                levers(
                    predictors[fold_of(patient)],
                    draw,
                    *load_case(options.data / "sts" / patient, modality),
                )
            )
        ]
    ]
    table = pd.DataFrame(rows).groupby(["image", "clicks", "patient"], sort=False).mean()
    means = table.groupby(level=["image", "clicks"], sort=False).mean().T
    means["all"] = means.mean(axis=1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    means.round(4).to_csv(options.out, lineterminator="\n", index_label="lever")
    print(means.round(4).to_string())


def levers(
    predictor: Predictor, draw: Draw, scan: Scan, reference: Mask
) -> Iterator[tuple[str, float]]:
    """Dice of every lever on one image with one set of clicks."""
    seen = input_for(predictor.plan, scan, draw.of(reference))
    members = predictor.predict(seen.channels).member_probabilities.astype(np.float64)
    odds, flipped = log_odds(members[0]), log_odds(members.mean(axis=0))

    def dice(of: _Odds) -> float:
        return finished_dice(of, seen, reference)

    yield "network", dice(odds)
    yield "flips", dice(flipped)
    for smoothness in CUTS:
        links = contrast_weights(seen.channels[0], EDGE_SIGMA)
        tumour = grid_cut(odds.copy(), links, smoothness)
        signed = np.where(tumour, np.maximum(odds, 0.1), np.minimum(odds, -0.1))
        yield f"cut {smoothness:.0f}", dice(gaussian_filter(signed, 0.7, mode="nearest"))
    yield "blur", dice(gaussian_filter(odds, 1.0, mode="nearest"))
    for bias in BIASES:
        yield f"bias {bias:+}", dice(odds + np.float32(bias))
    yield "best bias", max(dice(odds + np.float32(bias)) for bias in BEST_OF)
    outline = resample_array(
        reference.voxels.astype(np.float32),
        reference.geometry,
        seen.working,
        interpolation="linear",
        outside=0.0,
    )
    yield "grid", dice((outline - 0.5) * np.float32(2 * CERTAIN_LOG_ODDS))


def log_odds(probability: NDArray[np.float64]) -> _Odds:
    """Log-odds as far as the product lets them be certain."""
    with np.errstate(divide="ignore"):
        odds = np.log(probability) - np.log1p(-probability)
    return np.clip(odds, -CERTAIN_LOG_ODDS, CERTAIN_LOG_ODDS).astype(np.float32)


def finished_dice(odds: _Odds, seen: NetworkInput, reference: Mask) -> float:
    """Dice of the mask that the product makes of log-odds on the network's grid."""
    inside, _ = on_source_grid(odds, seen.working, seen.part, seen.clicks, slope=1.0)
    shared = np.count_nonzero(inside & reference.voxels[seen.box.slices_zyx])
    return 2 * shared / (np.count_nonzero(inside) + np.count_nonzero(reference.voxels))


if __name__ == "__main__":
    main()
