"""Axial, sagittal and coronal images of one tumour, each alone and joined: a simulation.

    python benchmarks/views.py [--data DIR] [--out DIR] [--fold N]

No patient of the collection was scanned twice in different planes. So thick-sliced images of each
plane are simulated from one T1 (0.98 x 0.98 x 3.27 mm): slices of two and three times the
original's, of which each is the mean over its thickness (a box as slice profile, seven samples
across it, no gaps), with pixels of 0.98 mm. All share the original's noise, its contrast and a
patient who lay still, and along the body none knows more than the original's 3.27 mm. What joining
gains on real acquisitions, which differ in all of that, has to be measured on such.

Every patient is segmented by the six-click network of their fold, which never saw them, from one
exact and one person-like draw of clicks in the original's outline; the same clicks for all images.
That network was trained on axial images alone: there is no model of the sagittal or the coronal
view here. Masks are compared with the outline on the outline's grid: probabilities are laid onto it
linearly and cut at one half.

``original``
    the T1 as it is, the ceiling of this comparison.
``axial``, ``sagittal``, ``coronal``
    one thick-sliced image.
``sagittal turned``
    the same voxels, stored in the order of axes in which the network was trained.
``axial + sagittal``, ``axial + sagittal turned``, ``all three``
    joined on the axial image's grid, as ``oncotrace segment --view`` does it.
``sagittal + axial``
    joined on the sagittal image's grid.

A patient's figure is the mean over the draws; mean, SD, median and the two-sided Wilcoxon tests
against ``axial`` and ``sagittal`` are over patients.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.stats import wilcoxon

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.domain.view import VIEWS, View
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.resample import resample_array, with_spacing
from oncotrace.imaging.surface_voxels import voxel_distances
from oncotrace.segment.joining import laid_onto
from oncotrace.segment.trained import packaged_models, trained_segmenter
from oncotrace.segment.views import JoinedSegmenter, OtherView
from out_of_fold_files import Draw
from reference_data import add_data_option
from six_clicks import clicks_of, fold_of, load_case, patients_in

RESULTS = Path(__file__).parent / "results" / "views"
DRAWS = (Draw("exact", 0), Draw("person-like", 0))
PIXEL_MM = 0.98
SLICES_MM = (6.54, 9.81)
SAMPLES = 7
"""Across the thickness of a slice."""
GRID_AXES: dict[View, tuple[int, int, int]] = {
    "axial": (0, 1, 2),
    "sagittal": (1, 2, 0),
    "coronal": (0, 2, 1),
}
"""Axes of the original (0 x, 1 y, 2 z) along columns, rows and slices of a view."""
TURNED = "sagittal turned"
JOINS: dict[str, tuple[str, ...]] = {
    "axial + sagittal": ("axial", "sagittal"),
    "axial + sagittal turned": ("axial", TURNED),
    "all three": ("axial", "sagittal", "coronal"),
    "sagittal + axial": ("sagittal", "axial"),
}
BASELINES = ("axial", "sagittal")
MEASURES = {"dice": ("Dice", 3), "assd_mm": ("ASSD (mm)", 2)}


@dataclass(frozen=True, eq=False)
class Already:
    """Stands for a segmenter that has segmented this before."""

    made: Segmentation

    def segment(self, request: SegmentationRequest) -> Segmentation:  # noqa: ARG002
        """Return what was made."""
        return self.made


def main() -> None:
    """Simulate, segment, join, measure; write every case and the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fold", type=int, help="patients of this fold alone")
    options = parser.parse_args()
    patients = patients_in(options.data / "sts")
    if options.fold is not None:
        patients = [patient for patient in patients if fold_of(patient) == options.fold]
    start = time.process_time()
    rows = []
    for patient in track(patients, description="patients"):
        segmenter = trained_segmenter(packaged_models()["six-click"], fold=fold_of(patient))
        scan, outline = load_case(options.data / "sts" / patient, "mr-t1")
        for draw in DRAWS:
            clicks = clicks_of(outline, draw.clicks, draw.seed)
            known = {"patient": patient, "fold": fold_of(patient), "clicks": draw.clicks}
            for slice_mm in SLICES_MM:
                for method, values in methods(segmenter, scan, outline, clicks, slice_mm).items():
                    rows.append({**known, "slice_mm": slice_mm, "method": method, **values})
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "per_case.csv", index=False, lineterminator="\n")
    minutes = (time.process_time() - start) / 60
    text = summary(table)
    (options.out / "summary.txt").write_text(text, encoding="utf-8", newline="\n")
    print(text)
    print(f"{len(patients)} patients in {minutes:.1f} core-minutes")


def methods(
    segmenter: Segmenter, scan: Scan, outline: Mask, clicks: Clicks, slice_mm: float
) -> dict[str, dict[str, float]]:
    """Figures of every method on one image with one draw of clicks."""
    images = {"original": scan} | {view: acquired(scan, view, slice_mm) for view in VIEWS}
    images[TURNED] = turned(images["sagittal"], (2, 0, 1))
    made = {name: segmented(segmenter, image, clicks) for name, image in images.items()}
    found = made | {name: joined(made, images, of, clicks) for name, of in JOINS.items()}
    return {name: measured(on_outline(of, outline), outline) for name, of in found.items()}


def acquired(scan: Scan, view: View, slice_mm: float) -> Scan:
    """Image of thick slices across one axis of the original, simulated from it."""
    stored = turned(scan, GRID_AXES[view])
    grid = with_spacing(stored.geometry, (PIXEL_MM, PIXEL_MM, slice_mm))
    across = grid.axes[:, 2] * slice_mm
    edge = float(scan.voxels.min())
    samples = [
        resample_array(
            stored.voxels,
            stored.geometry,
            _moved(grid, across * place),
            interpolation="linear",
            outside=edge,
        )
        for place in (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    ]
    return Scan(np.mean(samples, axis=0, dtype=np.float32), grid, scan.modality)


def turned(scan: Scan, axes: Sequence[int]) -> Scan:
    """Return the same voxels stored in another order of axes (0 x, 1 y, 2 z)."""
    geometry = scan.geometry
    x, y, z = (geometry.size_xyz[axis] for axis in axes)
    dx, dy, dz = (geometry.spacing_mm[axis] for axis in axes)
    direction = tuple(float(cosine) for cosine in geometry.axes[:, list(axes)].ravel())
    voxels = np.ascontiguousarray(scan.voxels.T.transpose(axes).T)
    grid = Geometry((x, y, z), (dx, dy, dz), geometry.origin_mm, direction)
    return Scan(voxels, grid, scan.modality)


def _moved(geometry: Geometry, by_mm: np.typing.NDArray[np.float64]) -> Geometry:
    x, y, z = (float(value) for value in np.asarray(geometry.origin_mm) + by_mm)
    return replace(geometry, origin_mm=(x, y, z))


def segmented(segmenter: Segmenter, scan: Scan, clicks: Clicks) -> Segmentation:
    """Return the segmentation of one image alone."""
    return segmenter.segment(SegmentationRequest({"mr-t1": scan}, clicks, seed=0))


def joined(
    made: Mapping[str, Segmentation],
    images: Mapping[str, Scan],
    views: Sequence[str],
    clicks: Clicks,
) -> Segmentation:
    """Return what the product makes of several views, on the first one's grid."""
    first, *others = views
    further = tuple(OtherView(images[view], "mr-t1", Already(made[view])) for view in others)
    return segmented(JoinedSegmenter(Already(made[first]), further), images[first], clicks)


def on_outline(made: Segmentation, outline: Mask) -> Mask:
    """Mask on the outline's grid."""
    if made.probability is None:
        raise ValueError("a segmentation without probabilities")
    there = laid_onto(outline.geometry, made.probability, made.mask.geometry)
    return Mask(there >= 0.5, outline.geometry)


def measured(mask: Mask, outline: Mask) -> dict[str, float]:
    """Dice, and distances of the surfaces in mm."""
    surface = voxel_distances(mask, outline)
    return {
        "dice": dice(mask, outline),
        "assd_mm": surface.assd_mm,
        "hausdorff95_mm": surface.hd95_mm,
    }


def summary(table: pd.DataFrame) -> str:
    """Text with mean, SD and median over patients, and the differences to single images."""
    lines = [
        "Thick-sliced views of a tumour, simulated from one T1 acquisition each; six clicks, every",
        "patient by the network that never saw them, which was trained on axial images. On the",
        f"outline's grid, {table['patient'].nunique()} patients, mean of {len(DRAWS)} draws of "
        "clicks; p by Wilcoxon.",
    ]
    for slice_mm, of_slices in table.groupby("slice_mm"):
        means = of_slices.groupby(["method", "patient"], sort=False)[[*MEASURES]].mean()
        for name, (title, digits) in MEASURES.items():
            heading = f"{title}, slices of {slice_mm} mm"
            against = "".join(f"{'- ' + baseline:>12}{'p':>8}" for baseline in BASELINES)
            lines += ["", f"{heading:28}{'mean':>7}{'SD':>7}{'median':>8}{against}"]
            lines += [
                f"{method:28}{_cells(means[name], method, digits)}"
                for method in of_slices["method"].unique()
            ]
    return "\n".join([*lines, ""])


def _cells(values: pd.Series, method: str, digits: int) -> str:
    of = values[method]
    text = f"{of.mean():7.{digits}f}{of.std():7.{digits}f}{of.median():8.{digits}f}"
    for baseline in BASELINES:
        less = of - values[baseline]
        p = f"{wilcoxon(less).pvalue:.2g}" if less.any() else "-"
        text += f"{less.mean():>+12.{digits}f}{p:>8}"
    return text


if __name__ == "__main__":
    main()
