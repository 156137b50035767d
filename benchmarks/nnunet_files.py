"""What nnU-Net is given of the reference patients, and where it lies.

``<work>/moved``
    images and outlines with their sides moved by 0 to 40 mm, evenly drawn (see
    ``automatic_files.py``): `COPIES` of every patient, each with sides of its own, because nnU-Net
    cannot move them itself while it trains; and, as the first of them, the one that all methods
    are tested on
``<work>/export``
    the dataset that ``oncotrace nnunet export`` makes of them, with our folds
``<work>/<method>/...``
    masks in the layout of ``train_automatic.py``

Patients who are left out have only the copy that they are tested on. As in every cross-validation
of nnU-Net, its planning (spacing, median size) sees them too; no weight does.
"""

import zlib
from pathlib import Path

import numpy as np

from automatic_files import LARGEST_MM, moved_case, read_case
from oncotrace.domain.scan import Modality
from oncotrace.imaging.recrop import random_sides_mm
from oncotrace.io.cohort_table import write_table
from oncotrace.io.folds_table import read_folds
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.pipeline.whole_image_scores import with_moved_sides
from six_clicks import FOLDS_TABLE

SEQUENCE: Modality = "mr-t1"
FOLD = 0
COPIES = 4
DATASET = "Dataset501_SarcomaT1"
METHOD = "nnunet"
_SEED = 2027


def tested_patients() -> list[str]:
    """Patients of the fold that is left out."""
    return [patient for patient, fold in read_folds(FOLDS_TABLE).items() if fold == FOLD]


def write_moved_cohort(folder: Path, data: Path) -> Path:
    """Write the images with moved sides and their table, and return where that lies."""
    table = folder / "cohort.csv"
    if table.exists():
        return table
    rows = []
    for patient, fold in read_folds(FOLDS_TABLE).items():
        for copy in range(1 if fold == FOLD else COPIES):
            case = f"{patient}-{copy}"
            image, mask = (folder / f"{case}{end}.nii.gz" for end in ("", "-mask"))
            if not mask.exists():
                _write_copy(data / "sts" / patient, copy, image, mask)
            rows.append(
                {
                    "case_id": case,
                    "patient_id": patient,
                    f"image_{SEQUENCE}": image.name,
                    f"mask_{SEQUENCE}": mask.name,
                }
            )
    write_table(rows, table)
    return table


def _write_copy(folder: Path, copy: int, image: Path, mask: Path) -> None:
    if copy == 0:
        scans, outline = moved_case(folder, (SEQUENCE,), "moved")
    else:
        rng = np.random.default_rng([_SEED, zlib.crc32(folder.name.encode()), copy])
        scans, outline = read_case(folder, (SEQUENCE,))
        scans, outline = with_moved_sides(scans, outline, random_sides_mm(LARGEST_MM, rng))
    image.unlink(missing_ok=True)  # of an interrupted run
    write_scan(scans[SEQUENCE], image)
    write_mask(outline, mask)
