"""Fit the weights of the graph cut's cues, on all patients and on four fifths of them.

    python benchmarks/fit_cue_weights.py [--data DIR] [--out FILE]

The weights make

    mean over cases of soft Dice  -  0.2 * mean cross-entropy  -  1e-5 * |weights|^2

largest, where the probability of a voxel is the logistic function of the weighted cues. A case is
one patient's CT or T1 with one set of clicks: two exact and two person-like ones, of seeds that
``six_clicks.py`` does not use. The fold named ``all`` gives the constants in
``oncotrace.segment.cues``; each of the others is fitted without the patients of that fold of
``folds.csv``, and ``six_clicks.py`` uses it for these.

What was chosen by hand on these 40 patients, with cross-fitted weights, and is not cross-fitted
itself: which cues there are, the 5 and 8 mm beyond the clicks, the multiple 1.5 of the ellipsoid,
the blurs (2 mm, 0.7 voxel), the working grid, the cut's smoothness, the strength and reach of
corrections, and the slope of the probability.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy.optimize import minimize
from scipy.special import expit

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import crop_scan
from oncotrace.imaging.resample import resample_array
from oncotrace.segment.cues import tumour_cues
from oncotrace.segment.voi import clicks_on_grid, volume_of_interest
from oncotrace.segment.working_grid import on_working_grid
from reference_data import add_data_option
from six_clicks import MODALITIES, RESULTS, clicks_of, fold_of, load_case, patients_in

NAMES = ("constant", "ellipsoid", "hull", "likelihood", "typical", "geodesic")
SEEDS = (100, 101)
VOXELS_PER_CASE = 1500
CROSS_ENTROPY = 0.2
RIDGE = 1e-5


def main() -> None:
    """Fit and write one row of weights per fold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=RESULTS / "weights.csv")
    options = parser.parse_args()
    patients = patients_in(options.data / "sts")
    cues, truth, folds = [], [], []
    for patient in track(patients, description="cues"):
        for modality in MODALITIES:
            scan, mask = load_case(options.data / "sts" / patient, modality)
            for kind in ("exact", "person-like"):
                for seed in SEEDS:
                    case = sample(scan, mask, clicks_of(mask, kind, seed))
                    cues.append(case[0])
                    truth.append(case[1])
                    folds.append(fold_of(patient))
    x, y, fold = np.stack(cues), np.stack(truth), np.array(folds)
    rows = {"all": fitted(x, y)}
    rows |= {str(k): fitted(x[fold != k], y[fold != k]) for k in sorted(set(folds))}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["fold", *NAMES])
        for name, weights in rows.items():
            writer.writerow([name, *(f"{w:.2f}" for w in weights)])
            print(name, *(f"{n} {w:.2f}" for n, w in zip(NAMES, weights, strict=True)))


def sample(
    scan: Scan, mask: Mask, clicks: Clicks
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cues (n, 6) and tumour fraction (n,) of voxels drawn from a case's working grid."""
    checked = clicks_on_grid(clicks, scan.geometry)
    box = volume_of_interest(checked, scan.geometry)
    part = crop_scan(scan, box)
    working = on_working_grid(part)
    cues = tumour_cues(working, checked)
    reference = mask.voxels[box.slices_zyx].astype(np.float32)
    truth = resample_array(
        reference, part.geometry, working.geometry, interpolation="linear", outside=0.0
    )
    drawn = np.random.default_rng(0).choice(truth.size, VOXELS_PER_CASE)
    columns = [np.ones(VOXELS_PER_CASE)] + [getattr(cues, n).ravel()[drawn] for n in NAMES[1:]]
    return np.stack(columns, axis=1).astype(np.float32), truth.ravel()[drawn]


def fitted(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights (6,) that are best for cues (cases, voxels, 6) and truth (cases, voxels)."""

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        p = expit(x @ weights)
        shared, total = 2 * (p * y).sum(axis=1), p.sum(axis=1) + y.sum(axis=1)
        per_voxel = (2 * y * total[:, None] - shared[:, None]) / total[:, None] ** 2
        surprise = -(y * np.log(p + 1e-9) + (1 - y) * np.log(1 - p + 1e-9)).mean()
        gradient = -np.einsum("cn,cnf->f", per_voxel * p * (1 - p), x) / len(x)
        gradient += CROSS_ENTROPY * np.einsum("cn,cnf->f", p - y, x) / y.size
        value = 1 - (shared / total).mean() + CROSS_ENTROPY * surprise + RIDGE * weights @ weights
        return float(value), gradient + 2 * RIDGE * weights

    start = np.zeros(x.shape[2])
    start[1] = 5.0
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x)


if __name__ == "__main__":
    main()
