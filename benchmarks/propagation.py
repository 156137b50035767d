"""From some outlined slices to the rest: five ways, on the reference masks of 40 patients.

    python benchmarks/propagation.py [--data DIR] [--out DIR]

Slices of the reference mask are kept as if a reader had outlined them; the others are filled and
compared with the reference, on the slices that were *not* outlined and lie between the first and
the last (Dice of all their voxels together). Which are kept, the first and last always:

``every 2nd`` ... ``every 8th``
    counted from the first.
``irregular``
    one in six, drawn at random (seed: the patient's number in the list).
``4 in all``, ``3 in all``
    evenly spread, the first and the last among them.

How they are filled:

``nearest``
    the nearest outlined slice, copied (of two, the lower).
``chords``
    signed distance in plane, interpolated along straight lines, nothing moved (Raya and Udupa
    1990).
``itk``
    ITK's morphological contour interpolation with its defaults, which "Fill between slices" of 3D
    Slicer uses too; left out unless itk-morphologicalcontourinterpolation is installed (it is no
    part of SimpleITK).
``shape``
    ``oncotrace.imaging.contour_interpolation``.
``shape and image``
    ``oncotrace.segment.propagate``, which is what ``oncotrace propagate`` does.

What was chosen by hand on these patients: the mixing of slopes in ``shape``, on the T1 outlines of
all 40; everything about the image, on every second patient from the first. The others were not
looked at for that, so their half of the comparison with ``shape`` is the honest one. CT and T1 of
one patient carry practically the same outline.
"""

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.contour_interpolation import interpolated, signed_depth_mm
from oncotrace.imaging.partial_mask import outlined_slices
from oncotrace.segment.propagate import propagated
from propagation_summary import summary
from reference_data import add_data_option
from six_clicks import MODALITIES, load_case, patients_in

RESULTS = Path(__file__).parent / "results" / "propagation"
EVERY = {"every 2nd": 2, "every 3rd": 3, "every 5th": 5, "every 8th": 8}
IN_ALL = {"4 in all": 4, "3 in all": 3}
SCHEDULES = (*EVERY, "irregular", *IN_ALL)

_Voxels = NDArray[np.bool_]


def main() -> None:
    """Fill every mask in every way; write the table of cases and the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    patients = patients_in(options.data / "sts")
    for number, patient in enumerate(track(patients, description="patients")):
        for modality in MODALITIES:
            scan, reference = load_case(options.data / "sts" / patient, modality)
            about = {"patient": patient, "modality": modality, "chosen_on": number % 2 == 0}
            rows += [about | row for row in compared(scan, reference, seed=number)]
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "per_case.csv", index=False, lineterminator="\n")
    text = summary(table)
    (options.out / "summary.md").write_text(text, encoding="utf-8", newline="\n")
    print(text)


def compared(scan: Scan, reference: Mask, *, seed: int) -> list[dict[str, object]]:
    """One row for each schedule and each way to fill."""
    rows: list[dict[str, object]] = []
    used = np.flatnonzero(reference.voxels.any(axis=(1, 2)))
    for schedule in SCHEDULES:
        kept = kept_slices(used, schedule, seed)
        hidden = np.setdiff1d(used, kept)
        partial = np.zeros_like(reference.voxels)
        partial[kept] = reference.voxels[kept]
        for method, fill in METHODS.items():
            start = process_time()
            made = fill(Mask(partial, reference.geometry), scan)
            seconds = process_time() - start
            row = {"schedule": schedule, "method": method, "outlined": len(kept)}
            row["filled"] = len(hidden)
            rows.append(row | figures(made[hidden], reference.voxels[hidden], seconds))
    return rows


def kept_slices(used: NDArray[np.intp], schedule: str, seed: int) -> NDArray[np.intp]:
    """Slices that the reader outlines."""
    first, last = used[0], used[-1]
    if schedule in EVERY:
        return np.union1d(np.arange(first, last, EVERY[schedule]), [last])
    if schedule in IN_ALL:
        return np.unique(np.rint(np.linspace(first, last, IN_ALL[schedule])).astype(np.intp))
    drawn = np.random.default_rng(seed).choice(used, max(1, len(used) // 6), replace=False)
    return np.union1d(drawn, [first, last])


def figures(made: _Voxels, reference: _Voxels, seconds: float) -> dict[str, float]:
    """Agreement on the slices that were not outlined."""
    ours, theirs = int(made.sum()), int(reference.sum())
    return {
        "dice": 2 * int((made & reference).sum()) / (ours + theirs),
        "volume_error_percent": 100 * (ours - theirs) / theirs,
        "cpu_s": seconds,
    }


def by_nearest(partial: Mask, scan: Scan) -> _Voxels:  # noqa: ARG001
    """Copy the nearest outlined slice."""
    made = partial.voxels.copy()
    numbers = np.flatnonzero(made.any(axis=(1, 2)))
    for z in range(numbers[0], numbers[-1]):
        made[z] = partial.voxels[numbers[np.abs(numbers - z).argmin()]]
    return made


def by_chords(partial: Mask, scan: Scan) -> _Voxels:  # noqa: ARG001
    """Signed distances between outlined slices, interpolated along straight lines."""
    made = partial.voxels.copy()
    numbers = np.flatnonzero(made.any(axis=(1, 2)))
    pixel_mm = partial.geometry.spacing_zyx_mm[1:]
    depths = [signed_depth_mm(made[z], pixel_mm) for z in numbers]
    for below, (first, last) in enumerate(pairwise(numbers)):
        for z in range(first + 1, last):
            share = (z - first) / (last - first)
            made[z] = (1 - share) * depths[below] + share * depths[below + 1] > 0
    return made


def by_itk(partial: Mask, scan: Scan) -> _Voxels:  # noqa: ARG001
    """ITK's morphological contour interpolation across the slices."""
    import itk

    image = itk.image_from_array(partial.voxels.astype(np.uint8))
    image.SetSpacing(partial.geometry.spacing_mm)
    made = itk.morphological_contour_interpolator(image, axis=2)
    return np.asarray(itk.array_from_image(made)) > 0


def by_shape(partial: Mask, scan: Scan) -> _Voxels:  # noqa: ARG001
    """Our interpolation, without the image."""
    outlined = outlined_slices(partial.voxels)
    return interpolated(partial.voxels, outlined, partial.geometry.spacing_zyx_mm)


def by_shape_and_image(partial: Mask, scan: Scan) -> _Voxels:
    """Our interpolation with the image; what the image is is not told, as on the command line."""
    return propagated(partial, Scan(scan.voxels, scan.geometry)).mask.voxels


METHODS: dict[str, Callable[[Mask, Scan], _Voxels]] = {
    "nearest": by_nearest,
    "chords": by_chords,
    **({"itk": by_itk} if find_spec("itk") else {}),
    "shape": by_shape,
    "shape and image": by_shape_and_image,
}


if __name__ == "__main__":
    main()
