"""Every measure of two masks: time and memory against surface-distance and MedPy, and 40 patients.

    python benchmarks/overlap.py --rival-python VENV/bin/python [--data DIR] [--out FILE]

The rivals are no dependencies of oncotrace: make them an environment with numpy, scipy,
surface-distance and medpy. Both sides take the same pair of 512 x 512 x 130 masks of a 150 ml
tumour, in processes of their own with two threads, by turns; seconds are of the processor. The
rivals get the pair as it is, and again cut by hand to the box that holds both.

The 40 patients are their T1 outlines against the same with a wavy border (SD 3 mm), and show what
the two kinds of surface make of distances.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy.ndimage import distance_transform_edt, gaussian_filter

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.mask_agreement import MaskAgreement, compare_masks
from oncotrace.io.volume_file import read_mask, write_mask
from overlap_pair import SPACING_MM, TOLERANCE_MM, tumour_pair
from reference_data import add_data_option
from six_clicks import FILES, patients_in

HERE = Path(__file__).parent
TURNS = 3
_WAVES_MM = 8.0
_BORDER_SD_MM = 3.0


def main() -> None:
    """Run everything and print, or write, the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--rival-python", type=Path, help="Python that has the rivals")
    parser.add_argument("--out", type=Path, help="text file for the result")
    options = parser.parse_args()
    lines = [*speed_lines(options.rival_python), "", *patient_lines(options.data / "sts")]
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def speed_lines(rival_python: Path | None) -> list[str]:
    """Time and memory of one pair, by turns."""
    with tempfile.TemporaryDirectory() as folder:
        files = written_pair(Path(folder))
        ours, theirs, cropped = [], [], []
        for _ in range(TURNS):
            ours.append(child(sys.executable, HERE / "overlap_ours.py", *files))
            if rival_python:
                theirs.append(child(rival_python, HERE / "overlap_rivals.py", *files))
                cropped.append(child(rival_python, HERE / "overlap_rivals.py", *files, "--crop"))
    _, reference = tumour_pair()
    millilitres = np.count_nonzero(reference) * np.prod(SPACING_MM) / 1000
    z, y, x = reference.shape
    lines = [
        f"a pair of {x} x {y} x {z} masks, a tumour of {millilitres:.0f} ml, all measures, "
        f"2 threads; CPU seconds, median of {TURNS} processes",
        line("oncotrace, arrays in memory", [run["compare_s"] for run in ours]),
        line("oncotrace overlap, with reading both files", [run["command_s"] for run in ours]),
        line("oncotrace, peak memory", [run["compare_mib"] for run in ours], "MiB"),
        line("oncotrace overlap, peak memory", [run["command_mib"] for run in ours], "MiB"),
    ]
    if theirs:
        lines += [
            line("surface-distance + MedPy, arrays in memory", [run["all_s"] for run in theirs]),
            line("  of which surface-distance", [run["surface_distance_s"] for run in theirs]),
            line("the same, cut by hand to the tumours' box", [run["all_s"] for run in cropped]),
            line("their peak memory", [run["peak_mib"] for run in theirs], "MiB"),
            f"oncotrace is {ratio(theirs, ours):.0f} times faster (wanted: 10), "
            f"{ratio(cropped, ours):.1f} times faster than they are on the cut pair",
            "largest difference of a measure that both define alike: "
            f"{max(differences(ours[0], theirs[0])):.1e}",
        ]
    return lines


def ratio(theirs: list[dict[str, float]], ours: list[dict[str, float]]) -> float:
    """How many times longer they take, by medians."""
    return float(
        np.median([run["all_s"] for run in theirs]) / np.median([run["compare_s"] for run in ours])
    )


def differences(ours: dict[str, float], theirs: dict[str, float]) -> list[float]:
    """Differences of the measures that have the same name on both sides."""
    return [abs(ours[name] - theirs[name]) for name in ours.keys() & theirs.keys()]


def line(what: str, values: list[float], unit: str = "s") -> str:
    """Median and range."""
    decimals = 3 if unit == "s" else 0
    low, high = (f"{value:.{decimals}f}" for value in (min(values), max(values)))
    return f"{what:46} {np.median(values):9.{decimals}f} {unit} ({low} to {high})"


def written_pair(folder: Path) -> list[Path]:
    """Write the pair as arrays and as volume files: mask, reference, mask, reference."""
    pair = tumour_pair()
    z, y, x = pair[0].shape
    files = [folder / name for name in ("mask.npy", "reference.npy")]
    volumes = [folder / name for name in ("mask.nii.gz", "reference.nii.gz")]
    for voxels, file, volume in zip(pair, files, volumes, strict=True):
        np.save(file, voxels)
        write_mask(Mask(voxels, Geometry((x, y, z), SPACING_MM)), volume)
    return [*files, *volumes]


def child(python: str | Path, script: Path, *arguments: object) -> dict[str, float]:
    """Run a script in a process of its own and return the JSON that it prints."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    done = subprocess.run(
        [str(python), "-W", "ignore", str(script), *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **threads},
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def patient_lines(folder: Path) -> list[str]:
    """All measures of the patients' outlines against wavy ones."""
    rng = np.random.default_rng(0)
    seconds, found = [], []
    for patient in track(patients_in(folder), "patients"):
        reference = read_mask(folder / patient / f"{FILES['mr-t1']}_mask.nii.gz")
        mask = Mask(wavy(reference, rng), reference.geometry)
        start = time.process_time()
        found.append(compare_masks(mask, reference, tolerance_mm=TOLERANCE_MM))
        seconds.append(time.process_time() - start)
    return [
        f"{len(found)} patients: {sum(seconds):.2f} CPU-s in all, median {np.median(seconds):.3f}, "
        f"largest {max(seconds):.3f}; mean Dice {np.mean([a.voxels.dice for a in found]):.3f}",
        *(by_kind(name, found) for name in ("hd_mm", "hd95_mm", "assd_mm")),
    ]


def by_kind(name: str, found: list[MaskAgreement]) -> str:
    """Mean of a distance between surface elements and between surface voxels."""
    elements = np.array([getattr(one, name) for one in found])
    voxels = np.array([getattr(one.by_voxels, name) for one in found])
    apart = elements - voxels
    return (
        f"{name:8} mean {elements.mean():.2f} between elements, {voxels.mean():.2f} of voxels; "
        f"difference {apart.mean():+.2f} ({apart.min():+.2f} to {apart.max():+.2f})"
    )


def wavy(mask: Mask, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Move a mask's border in and out, in waves."""
    spacing_mm = np.asarray(mask.geometry.spacing_zyx_mm)
    outside_mm = distance_transform_edt(~mask.voxels, spacing_mm)
    inside_mm = distance_transform_edt(mask.voxels, spacing_mm)
    waves = gaussian_filter(rng.normal(size=mask.voxels.shape), _WAVES_MM / spacing_mm)
    return np.asarray(outside_mm - inside_mm + waves * (_BORDER_SD_MM / waves.std()) < 0)


if __name__ == "__main__":
    main()
