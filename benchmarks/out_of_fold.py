"""The out-of-fold table, recomputed from the committed masks: 10 minutes on 2 cores, no network.

    python benchmarks/out_of_fold.py [--data DIR] [--masks DIR] [--jobs 2]

Every mask that ``train_all.py`` made is compared with its patient's outline by the function that
``oncotrace evaluate`` uses. ``per_case.csv`` holds every mask's figures, ``summary.md`` the tables,
``figures`` the pictures; all three lie beside the masks.

A patient's figure is the mean over the seeds of the clicks, so that a patient counts once; mean,
SD, median, least and tests are over patients. Each mask was made by weights that did not see its
patient (``folds.csv``).
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
from rich.progress import track

from cohort import histology_by_patient
from oncotrace.domain.scan import Modality
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.mask_agreement import mask_agreement
from out_of_fold_files import DRAWS, RESULTS, Cell, read_seconds
from out_of_fold_pictures import write_pictures
from out_of_fold_summary import METHODS, UNSEEN, summary
from reference_data import add_data_option
from six_clicks import FILES, MODALITIES, patients_in

KEY = ["method", "modality", "clicks", "seed", "patient"]
FIGURES = (
    "dice",
    "jaccard",
    "sensitivity",
    "precision",
    "surface_dice",
    "hausdorff95_mm",
    "assd_mm",
    "volume_ml",
    "reference_volume_ml",
    "volume_error_percent",
    "longest_axial_diameter_mm",
    "reference_longest_axial_diameter_mm",
    "longest_axial_diameter_error_mm",
)

BY_VOXELS = {"hausdorff95_mm": "hausdorff95_voxels_mm", "assd_mm": "assd_voxels_mm"}
"""Figures that `mask_agreement` calls otherwise: distances between surface voxels."""


def main() -> None:
    """Measure every mask and write tables and pictures."""
    start = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--masks", type=Path, default=RESULTS, help="where train_all put them")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    cells = cells_in(options.masks, patients_in(options.data / "sts"))
    work = (delayed(measured)(part, options.masks, options.data) for part in by_image(cells))
    parts = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(work)
    images = len(by_image(cells))
    rows = [row for part in track(parts, "images", total=images) for row in part]
    table = complete(pd.DataFrame(rows), options.masks)
    table.round(4).to_csv(options.masks / "per_case.csv", index=False, lineterminator="\n")
    text = summary(table)
    (options.masks / "summary.md").write_text(text, encoding="utf-8", newline="\n")
    write_pictures(table, options.masks / "figures")
    print(text)
    print(f"{len(table)} masks in {(time.perf_counter() - start) / 60:.1f} min")


def cells_in(root: Path, patients: Sequence[str]) -> list[Cell]:
    """Masks that are there."""
    cells = [
        Cell(method, modality, draw, patient)
        for method in (*METHODS, UNSEEN)
        for modality in MODALITIES
        for draw in DRAWS
        for patient in patients
    ]
    return [cell for cell in cells if cell.mask_file(root).exists()]


def by_image(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Masks of one image together, so that its outline is read once."""
    images: dict[tuple[str, Modality], list[Cell]] = {}
    for cell in cells:
        images.setdefault((cell.patient, cell.modality), []).append(cell)
    return list(images.values())


def measured(cells: Sequence[Cell], root: Path, data: Path) -> list[dict[str, object]]:
    """Figures of all masks of one image."""
    first = cells[0]
    outline = read_mask(data / "sts" / first.patient / f"{FILES[first.modality]}_mask.nii.gz")
    rows = []
    for cell in cells:
        agreement = mask_agreement(read_mask(cell.mask_file(root)), outline)
        infinite = str(agreement["infinite_measures"]).split()
        names = {name: BY_VOXELS.get(name, name) for name in FIGURES}
        values = {
            name: float("inf") if of in infinite else agreement[of] for name, of in names.items()
        }
        key = (cell.method, cell.modality, cell.draw.clicks, cell.draw.seed, cell.patient)
        rows.append(dict(zip(KEY, key, strict=True)) | values)
    return rows


def complete(table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Sort the rows, and add the patients' histology and the seconds that the masks took."""
    seconds = pd.DataFrame(read_seconds(root)).astype({"seed": int, "seconds": float})
    histology = table["patient"].map(histology_by_patient())
    merged = table.assign(histology=histology).merge(seconds, on=KEY, how="left")
    order = {name: place for place, name in enumerate((*METHODS, UNSEEN))}
    ranks = merged["method"].map(order)
    return merged.assign(rank=ranks).sort_values(["rank", *KEY[1:]]).drop(columns="rank")


if __name__ == "__main__":
    main()
