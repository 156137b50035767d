"""Inventory of synthetic headers beside a loop of pydicom, on the same files, in one run.

    python benchmarks/inventory.py [--files 200000] [--jobs 2] [--without-loop] [--folder DIR]

Makes so many distinct small DICOM files (see `synthetic_headers`) in a temporary folder and prints
seconds and CPU seconds of

* listing the files alone (names, sizes and times);
* a loop of ``dcmread(stop_before_pixels=True)`` that takes 40 elements;
* our inventory with its index and table, and the peak memory of all its processes together;
* a second inventory after 1 % of files has been added, nine in ten as new series, the others as
  late images of old ones.

Before each of them all files are read once, so that they are in the system's cache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pydicom

from process_memory import MemoryWatch
from synthetic_headers import add_files, make_files

ELEMENTS = [
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "FrameOfReferenceUID",
    "SOPClassUID",
    "Modality",
    "BodyPartExamined",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "StationName",
    "InstitutionName",
    "StudyDate",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "ImageType",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "InstanceNumber",
    "AcquisitionNumber",
    "ConvolutionKernel",
    "KVP",
    "Exposure",
    "XRayTubeCurrent",
    "MagneticFieldStrength",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "ScanningSequence",
    "PhotometricInterpretation",
]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--without-loop", action="store_true", help="for a million files")
    parser.add_argument("--folder", type=Path, help="where the files are made, and removed again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        compare(Path(folder), options.files, options.jobs, with_loop=not options.without_loop)


def compare(folder: Path, files: int, jobs: int, *, with_loop: bool) -> None:
    """Make the files, measure everything, print."""
    root, table = folder / "dicom", folder / "table.csv"
    made = timed(lambda: make_files(root, files))
    size = warm(root)
    print(f"{files} files of {size / files:.0f} bytes made in {made[0]:.0f} s", flush=True)
    print(f"{'':34}{'seconds':>9}{'CPU s':>9}{'per file':>12}")
    walk = timed(lambda: list_files(root))
    show("listing the files", walk, files)
    loop = timed(lambda: pydicom_loop(root)) if with_loop else None
    if loop:
        show("dcmread and 40 elements", loop, files)
        warm(root)
    first, first_mib = measured(root, table, jobs)
    show(f"inventory, {jobs} jobs", first, files)
    add_files(root, files, files // 100)
    warm(root)
    walk = timed(lambda: list_files(root))
    second, second_mib = measured(root, table, jobs)
    show("again with 1 % more files", second, files)
    if loop:
        print(f"ratio of seconds {loop[0] / first[0]:.1f}, of CPU seconds {loop[1] / first[1]:.1f}")
    share, cpu_share = ((again - walk[i]) / first[i] for i, again in enumerate(second))
    print(f"second run less the walk: {share:.1%} of the first (CPU {cpu_share:.1%})")
    print(f"peak memory of all processes: {first_mib:.0f} MiB, second run {second_mib:.0f} MiB")
    print(
        f"index {index_bytes(table) / 2**20:.0f} MiB, table {table.stat().st_size / 2**20:.1f} MiB"
    )


def show(name: str, spent: tuple[float, float], files: int) -> None:
    """Print one line of the table."""
    seconds, cpu = spent
    print(f"{name:34}{seconds:9.2f}{cpu:9.2f}{1e6 * cpu / files:9.0f} us", flush=True)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds and CPU seconds of this process."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def warm(root: Path) -> int:
    """Read all files, so that they are in the system's cache; return their bytes."""
    return sum(len(path.read_bytes()) for path in root.rglob("*.dcm"))


def index_bytes(table: Path) -> int:
    """Size of the index beside a table."""
    return table.with_name(table.name + ".index.sqlite").stat().st_size


def measured(root: Path, table: Path, jobs: int) -> tuple[tuple[float, float], float]:
    """Seconds and CPU seconds, and the peak MiB, of an inventory in a process of its own.

    Time counts from the call to the table, with the start of its processes; the start of Python
    and the imports do not.
    """
    program = "import inventory, sys, pathlib as p; inventory.inventory(p.Path(sys.argv[1]), "
    program += "p.Path(sys.argv[2]), int(sys.argv[3]))"
    child = subprocess.Popen(
        [sys.executable, "-c", program, root, table, str(jobs)],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    watch = MemoryWatch(child.pid)
    said, _ = child.communicate()
    if child.returncode:
        raise SystemExit("the inventory failed")
    watch.join()
    seconds, cpu = map(float, said.split())
    return (seconds, cpu), watch.peak_mib


def inventory(root: Path, table: Path, jobs: int) -> None:
    """Make or update the inventory; print seconds and CPU seconds, those of its processes too."""
    from oncotrace.pipeline.inventory import make_inventory

    start, cpu = time.perf_counter(), os.times()
    for _ in make_inventory(root, table, update=table.exists(), jobs=jobs):
        pass
    now = os.times()
    spent = sum(now[:4]) - sum(cpu[:4])
    print(time.perf_counter() - start, spent)


def pydicom_loop(root: Path) -> None:
    """Read every file as scripts do."""
    for path in root.rglob("*.dcm"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        for keyword in ELEMENTS:
            dataset.get(keyword)


def list_files(root: Path) -> None:
    """List names, sizes and times."""
    waiting = [os.fspath(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    entry.stat()


if __name__ == "__main__":
    main()
