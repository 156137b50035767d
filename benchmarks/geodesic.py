"""Geodesic distance in the tumours of the 40 sarcoma patients, T1 and CT.

    python benchmarks/geodesic.py [--data DIR] [--count-sweeps]

Volume of interest: box of six clicks drawn from the outline, widened by 10 % per side (at least 8
voxels, 3 along z), as published. CPU seconds of one thread, best of three, numba compiled before;
the last column is the largest error of the guidance exp(-D) after the four published sweeps.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.imaging.click_simulation import exact_clicks
from oncotrace.imaging.crop import box_around, crop_scan
from oncotrace.imaging.geodesic import geodesic_distance
from oncotrace.imaging.intensity import SOFT_TISSUE_HU, standardised
from oncotrace.io.volume_file import read_mask, read_scan
from reference_data import add_data_option

REPEATS = 3
LIMIT_CPU_S = 0.5

Distance = Callable[[int | None], NDArray[np.float32]]


@dataclass(frozen=True)
class Row:
    """What one image took."""

    voxels: int
    four_cpu_s: float
    settled_cpu_s: float
    sweeps_to_settle: int | None
    error_of_four: float


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--count-sweeps", action="store_true", help="published sweeps to settle")
    arguments = parser.parse_args()
    compile_kernels()
    print(f"{'case':<8} {'seq':<5} {'voxels':>9} {'4 sweeps':>9} {'settled':>8} sweeps  error of 4")
    for sequence in ("mr_t1", "ct"):
        rows = []
        for folder in sorted((arguments.data / "sts").glob("STS_*")):
            rows.append(measure(folder, sequence, arguments.count_sweeps))
            show(folder.name, sequence, rows[-1])
        summarise(sequence, rows)


def compile_kernels() -> None:
    """Compile or load both ways to the distance, and print how long that took."""
    image, seed = np.zeros((2, 2, 2), dtype=np.float32), np.zeros((1, 3), dtype=np.int64)
    start = time.process_time()
    for sweeps in (4, None):
        geodesic_distance(image, seed, (1.0, 1.0, 1.0), sweeps=sweeps)
    print(f"compiled or loaded from the cache in {time.process_time() - start:.2f} CPU-s")


def measure(folder: Path, sequence: str, count_sweeps: bool) -> Row:
    """Distances of one image, both ways."""
    image, seeds, spacing = volume_of_interest(folder, sequence)

    def distance(sweeps: int | None) -> NDArray[np.float32]:
        return geodesic_distance(image, seeds, spacing, sweeps=sweeps)

    four, four_cpu_s = timed(distance, 4)
    settled, settled_cpu_s = timed(distance, None)
    needed = sweeps_to_settle(distance, settled) if count_sweeps else None
    error = float(np.abs(np.exp(-four) - np.exp(-settled)).max())
    return Row(image.size, four_cpu_s, settled_cpu_s, needed, error)


def volume_of_interest(
    folder: Path, sequence: str
) -> tuple[NDArray[np.float32], NDArray[np.int64], tuple[float, float, float]]:
    """Normalised voxels around the clicks, the clicks as voxels, and the spacing."""
    scan = read_scan(folder / f"{sequence}.nii.gz")
    mask = read_mask(folder / f"{sequence}_mask.nii.gz")
    clicks = exact_clicks(mask, rng=np.random.default_rng(0))
    index = scan.geometry.to_index(clicks.points_mm)
    margin = np.maximum(np.ceil(0.1 * np.ptp(index, axis=0)), (8, 8, 3))
    voi = crop_scan(scan, box_around(index, margin, scan.geometry))
    seeds = np.rint(voi.geometry.to_index(clicks.points_mm))[:, ::-1].astype(np.int64)
    voxels = np.clip(voi.voxels, *SOFT_TISSUE_HU) if sequence == "ct" else voi.voxels
    return standardised(voxels), seeds, voi.geometry.spacing_zyx_mm


def timed(distance: Distance, sweeps: int | None) -> tuple[NDArray[np.float32], float]:
    """Distance and the least CPU seconds of three runs."""
    least = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        result = distance(sweeps)
        least = min(least, time.process_time() - start)
    return result, least


def sweeps_to_settle(distance: Distance, settled: NDArray[np.float32]) -> int:
    """Fewest published sweeps after which nothing changes any more, by bisection."""
    high = 1
    while not np.array_equal(distance(high), settled):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if np.array_equal(distance(middle), settled):
            high = middle
        else:
            low = middle
    return high


def show(case: str, sequence: str, row: Row) -> None:
    """Print one row."""
    sweeps = "-" if row.sweeps_to_settle is None else row.sweeps_to_settle
    print(
        f"{case:<8} {sequence:<5} {row.voxels:9d} {row.four_cpu_s:9.3f} {row.settled_cpu_s:8.3f} "
        f"{sweeps:>6} {row.error_of_four:11.3f}"
    )


def summarise(sequence: str, rows: list[Row]) -> None:
    """Print median and maximum, and hold the medians against the limit."""
    four = [row.four_cpu_s for row in rows]
    settled = [row.settled_cpu_s for row in rows]
    for name, seconds in (("4 sweeps", four), ("settled", settled)):
        verdict = "within" if np.median(seconds) <= LIMIT_CPU_S else "above"
        print(
            f"{sequence} {name}: median {np.median(seconds):.3f}, largest {max(seconds):.3f} CPU-s "
            f"({verdict} the limit of {LIMIT_CPU_S} for the median of {len(rows)})"
        )
    errors = [row.error_of_four for row in rows]
    print(
        f"{sequence} error of 4 sweeps: median {np.median(errors):.3f}, largest {max(errors):.3f}"
    )
    counts = [row.sweeps_to_settle for row in rows if row.sweeps_to_settle is not None]
    if counts:
        print(f"{sequence} sweeps to settle: median {np.median(counts):.0f}, most {max(counts)}")


if __name__ == "__main__":
    main()
