"""Forty patients from a hospital's DICOM to a cohort: interrupted, resumed, with broken files.

    python benchmarks/prepare_cohort.py [--jobs 2] [--folder DIR]

Makes a pile of DICOM of the reference patients (`hospital_pile`) in a temporary folder and breaks
three studies: a cut-off image, an outline in another frame of reference, a slice that is missing.
Runs ``oncotrace prepare`` as a user would: interrupted by Ctrl-C once a third of the cases is done,
then resumed. Prints the time of both runs, what failed and why, and compares every mask voxel by
voxel with the one that the outlines were made from.
"""

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from hospital_pile import IMAGES, write_pile
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import read_mask, read_scan
from reference_data import add_data_option


@dataclass(frozen=True)
class Run:
    """One run of the command: its exit code, seconds, and CPU seconds of it and its workers."""

    code: int
    wall_s: float
    cpu_s: float


def main() -> None:
    """Run the benchmark and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the files are made, and removed again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        prepare_all(Path(folder), options.data.resolve() / "sts", options.jobs)


def prepare_all(folder: Path, data: Path, jobs: int) -> None:
    """Make the pile, prepare it, print."""
    patients = sorted(path.name for path in data.iterdir() if path.is_dir())
    write_pile(folder / "pile", data, patients)
    files = sum(1 for _ in (folder / "pile").rglob("*.dcm"))
    broken = break_some(folder / "pile", patients)
    print(f"{len(patients)} patients, {files} files; broken: {', '.join(broken)}")
    first = interrupted_run(folder, jobs, len(patients) // 3)
    done = len(cases_done(folder / "cohort"))
    print(f"interrupted: exit {first.code} after {first.wall_s:.0f} s, {done} cases done")
    second = run(folder, jobs, "--resume")
    print(f"resumed: exit {second.code} after {second.wall_s:.0f} s ({second.cpu_s:.0f} CPU s)")
    cohort = read_cohort(folder / "cohort" / "cohort.csv")
    print(f"{len(cohort.cases)} of {len(patients)} cases done; failures.csv:")
    with (folder / "cohort" / "failures.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            print(f"  {row['case_id']} ({row['stage']}, {row['code']}): {row['message']}")
    compare(folder / "cohort", data)


def break_some(pile: Path, patients: list[str]) -> list[str]:
    """Break three studies as transfers and planning systems do; return which."""
    cut, moved, gapped = patients[3], patients[17], patients[30]
    image = sorted((pile / cut / "mr_t1").iterdir())[5]
    image.write_bytes(image.read_bytes()[:-1000])
    outlines = pile / moved / "ct_structures" / "structures.dcm"
    dataset = pydicom.dcmread(outlines)
    dataset.FrameOfReferenceUID = pydicom.uid.generate_uid()
    for frame in dataset.ReferencedFrameOfReferenceSequence:
        frame.FrameOfReferenceUID = dataset.FrameOfReferenceUID
    for region in dataset.StructureSetROISequence:
        region.ReferencedFrameOfReferenceUID = dataset.FrameOfReferenceUID
    dataset.save_as(outlines)
    sorted((pile / gapped / "pet").iterdir())[7].unlink()
    return [f"{cut} (T1 cut off)", f"{moved} (CT outline elsewhere)", f"{gapped} (PET gap)"]


def command(folder: Path, jobs: int, *more: str) -> list[str]:
    """Return the command line."""
    program = [sys.executable, "-m", "oncotrace", "prepare", str(folder / "pile")]
    return [*program, "--out", str(folder / "cohort"), "--jobs", str(jobs), *more]


def run(folder: Path, jobs: int, *more: str) -> Run:
    """Run the command to its end."""
    start, before = time.perf_counter(), os.times()
    code = subprocess.run(
        command(folder, jobs, *more), check=False, stdout=subprocess.DEVNULL
    ).returncode
    after = os.times()
    cpu_s = after.children_user + after.children_system
    return Run(
        code,
        time.perf_counter() - start,
        cpu_s - before.children_user - before.children_system,
    )


def interrupted_run(folder: Path, jobs: int, after_cases: int) -> Run:
    """Run the command, and press Ctrl-C when so many cases are done."""
    start = time.perf_counter()
    process = subprocess.Popen(command(folder, jobs), start_new_session=True)
    while process.poll() is None:
        if len(cases_done(folder / "cohort")) >= after_cases:
            os.killpg(process.pid, signal.SIGINT)
            break
        time.sleep(0.05)
    return Run(process.wait(), time.perf_counter() - start, 0.0)


def cases_done(cohort: Path) -> list[Path]:
    """Return the folders of the cases that are done; those under way are hidden."""
    return [path for path in (cohort / "cases").glob("*") if not path.name.startswith(".")]


def compare(cohort: Path, data: Path) -> None:
    """Compare masks and images with those that the pile was made from."""
    print(f"{'':8}{'masks':>6}{'identical':>11}{'largest difference of values':>31}")
    cases = read_cohort(cohort / "cohort.csv").cases
    for modality, name in IMAGES.items():
        same, worst, masks = 0, 0.0, 0
        for case in cases:
            if modality not in case.masks:
                continue
            masks += 1
            theirs = read_mask(data / case.patient_id / f"{name}_mask.nii.gz")
            ours = read_mask(case.masks[modality])
            ours.geometry.require_match(theirs.geometry, this="ours", that="theirs")
            same += np.array_equal(ours.voxels, theirs.voxels)
            scan = read_scan(data / case.patient_id / f"{name}.nii.gz", modality)
            made = read_scan(case.images[modality], modality)
            worst = max(worst, float(np.abs(made.voxels - scan.voxels).max()))
        print(f"{modality:8}{masks:6}{same:11}{worst:31.4f}")


if __name__ == "__main__":
    main()
