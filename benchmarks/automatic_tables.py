"""The out-of-fold tables of the models without clicks, from the masks of ``train_automatic.py``.

    python benchmarks/automatic_tables.py [--data DIR] [--masks DIR] [--jobs 2]

Every mask was made by a network that did not see its patient, from images with moved sides
(``automatic_files.py``). Its post-processing is the one that was best on the patients of the other
folds. Beside them stand masks that look at no voxel of the image, and those of six clicks.

``per_case.csv`` holds every mask's figures and the Dice that is predicted of it, ``summary.md`` the
tables, ``calibration.csv`` how often voxels of each predicted probability were tumour;
``calibration.png`` draws it.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from automatic_files import (
    JOINED,
    MASKS,
    METHODS,
    MOVED,
    MULTI,
    RESULTS,
    TWO_STAGES,
    Cell,
    cells_of,
    made_mask,
    moved_case,
    read_case,
)
from automatic_summary import summary
from cohort import histology_by_patient
from oncotrace.atomic import write_bytes, write_text
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.overlap import dice, voxel_overlap
from oncotrace.imaging.surface_voxels import voxel_distances
from oncotrace.io.folds_table import read_folds
from oncotrace.pipeline.out_of_fold import WITHOUT_CLICKS, OutOfFoldMask, quality_table
from oncotrace.report.calibration_curve import calibration_picture
from oncotrace.segment.published_finish import EVERY_POST_PROCESSING, PostProcessing
from oncotrace.segment.quality_fit import cross_fitted
from oncotrace.segment.uncertainty import BINS
from reference_data import add_data_option
from six_clicks import FOLDS_TABLE, patients_in

DIGITS = 4
CROP_MM = 50.0
"""So far from the tumour do the collection's images end."""
BOX_OF_IMAGE = "ellipsoid, crop minus 5 cm"
TRUE_BOX = "ellipsoid, true crop minus 5 cm"
SITES = {
    "thigh": ("thigh", "quadricep", "adduct"),
    "buttock, groin": ("buttock", "groin"),
}


def main() -> None:
    """Measure every mask and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--masks", type=Path, default=MASKS, help="where train_automatic put them")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the tables go")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    cells = cells_in(options.masks, patients_in(options.data / "sts"))
    folder = options.data / "sts"
    parallel = Parallel(n_jobs=options.jobs)
    dices = parallel(delayed(tidied_dices)(cell, options.masks, folder) for cell in cells)
    chosen = chosen_post_processing(dict(zip(cells, dices, strict=True)))
    rows = parallel(delayed(measured)(cell, chosen[cell], options.masks, folder) for cell in cells)
    rows = [
        {**row, "predicted_dice": dice}
        for row, dice in zip(rows, predicted_dices(cells, rows, chosen, options.masks), strict=True)
    ]
    rows += parallel(
        delayed(baseline)(cell, folder, name)
        for cell in cells
        if cell.method in METHODS and cell.method != MULTI
        for name in (BOX_OF_IMAGE, TRUE_BOX)
    )
    table = pd.DataFrame(rows).assign(
        histology=lambda t: t["patient"].map(histology_by_patient()),
        site=lambda t: t["patient"].map(sites(options.data)),
        grade=lambda t: t["patient"].map(grades(options.data)),
    )
    table = table.round(DIGITS)
    write_text(options.out / "per_case.csv", as_csv(table), replace=True)
    calibration = calibration_of(cells, options.masks).round(DIGITS)
    write_text(options.out / "calibration.csv", as_csv(calibration), replace=True)
    write_bytes(options.out / "calibration.png", picture_of(calibration), replace=True)
    text = summary(table, calibration)
    write_text(options.out / "summary.md", text, replace=True)
    print(text)


def as_csv(table: pd.DataFrame) -> str:
    """Content of a table's file."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def cells_in(root: Path, patients: Sequence[str]) -> list[Cell]:
    """Masks that are there."""
    methods = (*METHODS, JOINED, *TWO_STAGES)
    cells = [cell for method in methods for cell in cells_of(method, patients)]
    return [cell for cell in cells if cell.file(root, ".nii.gz").exists()]


def tidied_dices(cell: Cell, root: Path, folder: Path) -> dict[PostProcessing, float]:
    """Dice of a mask after every post-processing."""
    file = cell.file(root, ".nii.gz")
    _, outline = moved_case(folder / cell.patient, cell.sequences[:1], cell.ends)
    return {kind: dice(made_mask(file, kind), outline) for kind in EVERY_POST_PROCESSING}


def chosen_post_processing(
    dices: dict[Cell, dict[PostProcessing, float]],
) -> dict[Cell, PostProcessing]:
    """For each mask, the post-processing that is best on average in the other folds.

    One is chosen for each model and fold, on all its sets of sequences together.
    """
    fold_of = read_folds(FOLDS_TABLE)
    chosen = {}
    for cell in dices:
        others = [
            values
            for other, values in dices.items()
            if other.method == cell.method
            and other.ends in MOVED
            and fold_of[other.patient] != fold_of[cell.patient]
        ]
        if not others:  # only one fold is there yet
            chosen[cell] = "surest"
            continue
        kinds = EVERY_POST_PROCESSING
        means = {kind: np.mean([values[kind] for values in others]) for kind in kinds}
        chosen[cell] = max(kinds, key=lambda kind: means[kind])
    return chosen


def measured(cell: Cell, kind: PostProcessing, root: Path, folder: Path) -> dict[str, object]:
    """Figures of one mask."""
    tidied = made_mask(cell.file(root, ".nii.gz"), kind)
    _, outline = moved_case(folder / cell.patient, cell.sequences[:1], cell.ends)
    record = json.loads(cell.file(root, ".json").read_text(encoding="utf-8"))
    return {
        "method": cell.method,
        "sequences": "+".join(cell.sequences),
        "ends": cell.ends,
        "patient": cell.patient,
        "post_processing": kind,
        **figures(tidied, outline),
        "seconds": record["seconds"],
    }


def predicted_dices(
    cells: Sequence[Cell],
    rows: Sequence[dict[str, object]],
    chosen: dict[Cell, PostProcessing],
    root: Path,
) -> list[float]:
    """Dice that is predicted of each mask by constants that never saw its patient.

    They are fitted for each model on all its sets of sequences and ends. Of a mask without any
    voxel 0 is predicted; NaN where the model tells nothing to predict from.
    """
    fold_of = read_folds(FOLDS_TABLE)
    predicted = [0.0 if row["is_nothing"] else float("nan") for row in rows]
    records = [json.loads(cell.file(root, ".json").read_text(encoding="utf-8")) for cell in cells]
    for method in dict.fromkeys(cell.method for cell in cells):
        places, masks = [], []
        for place, (cell, row, record) in enumerate(zip(cells, rows, records, strict=True)):
            features = record["features"].get(chosen[cell])
            if cell.method == method and features and not row["is_nothing"]:
                places.append(place)
                masks.append(_as_out_of_fold(cell, float(str(row["dice"])), features))
        table = quality_table(masks)
        if table is not None:
            for place, (dice_, *_) in zip(places, cross_fitted(table, fold_of), strict=True):
                predicted[place] = float(dice_)
    return predicted


def _as_out_of_fold(cell: Cell, dice_: float, features: dict[str, float]) -> OutOfFoldMask:
    sequences = "+".join(cell.sequences)
    return OutOfFoldMask(
        cell.patient, cell.patient, sequences, 0, WITHOUT_CLICKS, 0, dice_, features
    )


def baseline(cell: Cell, folder: Path, name: str) -> dict[str, object]:
    """Figures of the ellipsoid in the middle of an image.

    Either of the image with moved sides, as if it had been cropped 5 cm from the tumour, or of the
    image as the collection has it, which was.
    """
    if name == TRUE_BOX:
        _, outline = read_case(folder / cell.patient, cell.sequences)
    else:
        _, outline = moved_case(folder / cell.patient, cell.sequences, cell.ends)
    made = Mask(middle_ellipsoid(outline.geometry), outline.geometry)
    return {
        "method": name,
        "sequences": "+".join(cell.sequences),
        "ends": cell.ends,
        "patient": cell.patient,
        "post_processing": "",
        **figures(made, outline),
        "seconds": float("nan"),
    }


def middle_ellipsoid(geometry: Geometry) -> NDArray[np.bool_]:
    """Ellipsoid [z, y, x] in the box 5 cm within the image's ends; empty if there is none."""
    half_mm = np.multiply(geometry.shape_zyx, geometry.spacing_zyx_mm) / 2 - CROP_MM
    if (half_mm <= 0).any():
        return np.zeros(geometry.shape_zyx, dtype=np.bool_)
    axes = [
        (np.arange(n) - (n - 1) / 2) * mm / half
        for n, mm, half in zip(geometry.shape_zyx, geometry.spacing_zyx_mm, half_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(z * z + y * y + x * x <= 1.0)


def figures(made: Mask, outline: Mask) -> dict[str, object]:
    """Dice, F2, distances and failures of a mask."""
    overlap = voxel_overlap(made, outline)
    surface = voxel_distances(made, outline)
    return {
        "dice": overlap.dice,
        "f2": overlap.f_beta(2),
        "assd_mm": surface.assd_mm,
        "hausdorff95_mm": surface.hd95_mm,
        "is_nothing": made.is_empty,
        "is_another": not made.is_empty and overlap.in_both == 0,
    }


def calibration_of(cells: Sequence[Cell], root: Path) -> pd.DataFrame:
    """Voxels by predicted probability and how many were tumour, on images with moved sides."""
    sums: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = {}
    for cell in cells:
        if cell.ends not in MOVED:
            continue
        record = json.loads(cell.file(root, ".json").read_text(encoding="utf-8"))
        of = sums.setdefault((cell.method, "+".join(cell.sequences)), {})
        for name in ("voxels", "tumour", "probability"):
            of[name] = of.get(name, np.zeros(BINS)) + record[name]
    parts = [
        pd.DataFrame(of).assign(method=method, sequences=sequences, bin=range(BINS))
        for (method, sequences), of in sums.items()
    ]
    return pd.concat(parts)[["method", "sequences", "bin", "voxels", "tumour", "probability"]]


def picture_of(calibration: pd.DataFrame) -> bytes:
    """Calibration of the models of one sequence."""
    curves = {
        str(method): {name: of[name].to_numpy() for name in ("voxels", "tumour", "probability")}
        for method, of in calibration[calibration["method"] != MULTI].groupby("method", sort=False)
    }
    return calibration_picture(curves, title="Calibration, out of fold").rendered()


def sites(data: Path) -> dict[str, str]:
    """Anatomical site of every patient, in three groups."""
    return {row["patient_id"]: _site(row["site"]) for row in clinical(data)}


def grades(data: Path) -> dict[str, str]:
    """Histological grade of every patient."""
    return {row["patient_id"]: row["grade"].lower() or "unknown" for row in clinical(data)}


def clinical(data: Path) -> list[dict[str, str]]:
    """Rows of the collection's clinical table."""
    with (data / "tables" / "sts" / "sts_clinical.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _site(text: str) -> str:
    for group, words in SITES.items():
        if any(word in text.lower() for word in words):
            return group
    return "other"


if __name__ == "__main__":
    main()
