"""How long it takes to classify response: from a table of lesions, and from masks over time.

Run with ``python -m benchmarks.response``. CPU seconds of this process; patients are made up.
"""

import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.markdown_table import markdown
from benchmarks.overlap_pair import SPACING_MM, tumour_pair

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.lesion_matching import MatchingLimits, follow_lesions
from oncotrace.measure.diameter import axial_diameters
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.respond import RespondSettings, respond

PATIENTS, TIME_POINTS, LESIONS = 500, 6, 5


def write_table(path: Path) -> None:
    """Write lesions that grow and shrink by chance."""
    rng = np.random.default_rng(7)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["patient_id", "time_point", "lesion", "organ", "longest_diameter_mm", "volume_ml"]
        )
        for patient in range(PATIENTS):
            sizes_mm = rng.uniform(12, 80, LESIONS)
            for visit in range(TIME_POINTS):
                for lesion, size_mm in enumerate(sizes_mm):
                    ml = np.pi * size_mm**3 / 6000
                    writer.writerow(
                        [patient, 56 * visit, lesion, f"organ {lesion}", size_mm.round(1), ml]
                    )
                sizes_mm = sizes_mm * rng.lognormal(0, 0.15, LESIONS)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds that ``work`` takes."""
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


def main() -> None:
    """Print the table of times."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "lesions.csv"
        write_table(table)
        of_table_s = seconds(lambda: respond(table, None, settings=RespondSettings()))
    voxels = tumour_pair()
    z, y, x = voxels[0].shape
    masks = [Mask(one, Geometry((x, y, z), SPACING_MM)) for one in voxels]
    follow_s = seconds(lambda: follow_lesions(masks, limits=MatchingLimits()))
    measure_s = seconds(lambda: (axial_diameters(masks[0]), volume_ml(masks[0])))
    rows = [
        (f"{PATIENTS} patients, {TIME_POINTS} times, {LESIONS} lesions, no figures", of_table_s),
        (f"two masks of {x} x {y} x {z}, 150 ml, matched", follow_s),
        ("diameters and volume of one of them", measure_s),
    ]
    print(*markdown(["what", "CPU s"], [(what, f"{s:.2f}") for what, s in rows]), sep="\n")


if __name__ == "__main__":
    main()
