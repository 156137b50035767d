"""Click to mask on a scan as it comes from the scanner: STS_001, T1, 512 x 512 x 40, from DICOM.

    python benchmarks/raw_scan.py [--data DIR]

Prints seconds on CONTRACTS' clock (scan in memory, code compiled; ends with the mask on the source
grid and its measurements), reading and a cold start beside it, the peak memory of the whole
process, and Dice against the published outline GTV_Mass. The clicks are drawn from that outline;
the weights are those of the fold that was fitted without this patient (``six_clicks.py``).
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.imaging.click_simulation import exact_clicks, person_like_clicks
from oncotrace.imaging.overlap import dice
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.inputs import load_mask, load_scan
from reference_data import add_data_option, unpack
from six_clicks import fold_of, methods_for

REPEATS = 5


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    data = parser.parse_args().data
    archive = data / "sts_raw" / "STS_001_MR_T1_dicom.tar.xz"
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder))
        measure(Path(folder))


def measure(folder: Path) -> None:
    """Read, segment and measure; print what it took."""
    outlines = [path for path in folder.rglob("*.dcm") if is_rtstruct(path)]
    start = time.perf_counter()
    loaded = load_scan(series_folder(folder, outlines), "mr-t1")
    reading = time.perf_counter() - start
    reference = load_mask(outlines[0], image=loaded, region="GTV_Mass").mask
    print(f"grid {loaded.scan.geometry.describe()}")
    print(f"reading DICOM: {reading:.2f} s")
    cut = methods_for(fold_of("STS_001"))["six-click-graphcut"]
    for rule in (exact_clicks, person_like_clicks):
        seconds, scores = [], []
        for seed in range(REPEATS):
            clicks = rule(reference, rng=np.random.default_rng(seed))
            request = SegmentationRequest({"mr-t1": loaded.scan}, clicks, seed)
            start = time.perf_counter()
            made = cut.segment(request)
            tumour_size(made.mask)
            seconds.append(time.perf_counter() - start)
            scores.append(dice(made.mask, reference))
        print(
            f"six-click-graphcut, {rule.__name__}: first {seconds[0]:.2f} s, then "
            f"{np.median(seconds[1:]):.2f} s (worst {max(seconds[1:]):.2f}); "
            f"Dice {np.mean(scores):.3f} (lowest {min(scores):.3f}, n {len(scores)})"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MB")


def is_rtstruct(path: Path) -> bool:
    """Whether the file is an RTSTRUCT."""
    import pydicom

    return bool(pydicom.dcmread(path, stop_before_pixels=True).Modality == "RTSTRUCT")


def series_folder(folder: Path, outlines: list[Path]) -> Path:
    """Folder that holds the images."""
    return next(p.parent for p in sorted(folder.rglob("*.dcm")) if p not in outlines)


if __name__ == "__main__":
    main()
