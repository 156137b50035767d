"""What pictures of a cohort cost: figures that anyone can run again.

    python benchmarks/contact_sheets.py [--data DIR] [--cases N]

Prints CPU seconds per picture of the real sarcoma patients by modality, and of a cohort of N times
the same small image the CPU seconds in all and the most memory that the process ever held.
"""

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.pipeline.contact_sheet import draw_contact_sheets
from oncotrace.report.montage import montage, thumbnail
from reference_data import add_data_option

_FILES: dict[str, Modality] = {"ct": "ct", "mr_t1": "mr-t1", "pet": "pet"}


def main() -> None:
    """Run both parts; the cohort first, so that its memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--cases", type=int, default=300, help="cases of the cohort")
    arguments = parser.parse_args()
    draw_cohort(arguments.cases)
    draw_patients(arguments.data)


def draw_cohort(cases: int) -> None:
    """CPU seconds and largest resident memory of a cohort without and with its cases."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = Geometry((128, 128, 30), (1.5, 1.5, 4.0))
        noise = np.random.default_rng(0).normal(100, 20, grid.shape_zyx)
        tumour = np.zeros(grid.shape_zyx, dtype=bool)
        tumour[10:20, 40:80, 50:90] = True
        write_scan(Scan(noise.astype(np.float32), grid), folder / "image.nii.gz")
        write_mask(Mask(tumour, grid), folder / "mask.nii.gz")
        for count in (1, cases):
            rows = [f"case-{n},image.nii.gz,mask.nii.gz" for n in range(count)]
            table = folder / "cohort.csv"
            table.write_text("\n".join(["case_id,image_mr-t1,mask_mr-t1", *rows]) + "\n")
            start = time.process_time()
            for _ in draw_contact_sheets(table, folder / f"out-{count}").outcomes:
                pass
            seconds = time.process_time() - start
            peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{count} cases: {seconds:.1f} CPU-s, at most {peak_mib:.0f} MiB")


def draw_patients(data: Path) -> None:
    """Median CPU seconds of a thumbnail and of a page of slices."""
    spent: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for folder in sorted((data / "sts").iterdir()):
        for file, modality in _FILES.items():
            if not (folder / f"{file}.nii.gz").is_file():
                continue
            scan = read_scan(folder / f"{file}.nii.gz", modality)
            mask = read_mask(folder / f"{file}_mask.nii.gz")
            start = time.process_time()
            thumbnail(scan, mask)
            between = time.process_time()
            montage(scan, mask, {}, title=folder.name)
            spent[modality, "thumbnail"].append(between - start)
            spent[modality, "page"].append(time.process_time() - between)
    for (modality, what), seconds in sorted(spent.items()):
        print(f"{modality} {what}: {np.median(seconds):.3f} CPU-s, at most {max(seconds):.3f}")


if __name__ == "__main__":
    main()
