"""How far the reference outlines themselves limit Dice: three estimates for each patient and image.

    python benchmarks/label_ceiling.py [--data DIR] [--masks DIR] [--out DIR]

The outlines were drawn on fat-suppressed T2 and carried over to T1 and CT. Part of the boundary is
invisible there, and some outlines seem to lie beside the tumour. None of what follows is a bound:
the edges of an image are not the tumour's border, and whoever follows the reader's habits can do
better than whoever follows edges.

Shift
    The rigid shift of at most 6 mm that leads from the outline uphill onto the nearest edges
    (blurred by 1.5 mm, along the outline's normals), and Dice between the shifted and the original
    outline: what a method loses that follows edges perfectly. An optimum is always found somewhere,
    so the search is repeated on two halves of the surface (a checkerboard of 20 mm cubes), and the
    patient's two images, whose outlines are the same, are compared: where they do not agree, the
    shift is chance, or the images do not lie on each other. Beside it, Dice of our out-of-fold
    masks with the outline and with the shifted one.
Invisible boundary
    Share of the surface where no edge within 3 mm is stronger than what 90 % of the points inside
    the tumour show for texture and noise.
Ambiguity
    Dice of the outline with itself blurred by one voxel; with an outline that lies 1 mm further in
    or out everywhere (to first order, from volume and surface area); and with the same patient's
    outline on the other image.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track
from scipy.ndimage import gaussian_filter

from boundary_edges import (
    EdgeImage,
    Surface,
    cropped,
    edge_image,
    interior_edges,
    nearest_shift_mm,
    outline_surface,
    strongest_edges,
)
from label_ceiling_summary import summary
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.resample import resample_array
from oncotrace.imaging.surface_elements import surface_elements
from oncotrace.io.volume_file import read_mask
from out_of_fold_files import DRAWS, Cell
from out_of_fold_files import RESULTS as MASKS
from out_of_fold_summary import OURS
from reference_data import add_data_option
from six_clicks import MODALITIES, load_case, patients_in

RESULTS = Path(__file__).parent / "results" / "label_ceiling"
CUBE_MM = 20.0
TEXTURE_QUANTILE = 0.9
OTHER: dict[Modality, Modality] = {"mr-t1": "ct", "ct": "mr-t1"}


def main() -> None:
    """Measure every outline; write the table of cases and the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--masks", type=Path, default=MASKS, help="out-of-fold masks")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    for patient in track(patients_in(options.data / "sts"), description="patients"):
        cases = {m: load_case(options.data / "sts" / patient, m) for m in MODALITIES}
        for modality, (scan, outline) in cases.items():
            other = cases[OTHER[modality]][1]
            row = {"patient": patient, "modality": modality}
            rows.append(row | shift_figures(Case(patient, modality, scan, outline), options.masks))
            rows[-1] |= ambiguity(outline, other)
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "per_case.csv", index=False, lineterminator="\n")
    text = summary(table)
    (options.out / "summary.md").write_text(text, encoding="utf-8", newline="\n")
    print(text)


@dataclass(frozen=True, eq=False)
class Case:
    """One image of a patient with its outline."""

    patient: str
    modality: Modality
    scan: Scan
    outline: Mask


def shift_figures(case: Case, masks: Path) -> dict[str, float]:
    """Shift onto the edges, what it costs, and the share of the boundary without an edge."""
    rng = np.random.default_rng(0)
    part, outline = cropped(case.scan, case.outline)
    edges, surface = edge_image(part), outline_surface(outline, rng)
    shift_mm = nearest_shift_mm(edges, surface)
    halves = [nearest_shift_mm(edges, half) for half in two_halves(surface)]
    moved = shifted(case.outline, shift_mm)
    row = {"volume_ml": float(outline.voxels.sum()) * part.geometry.voxel_volume_mm3 / 1000}
    for name, vector in (("shift", shift_mm), ("first", halves[0]), ("second", halves[1])):
        row |= {f"{name}_{a}_mm": float(v) for a, v in zip("zyx", vector, strict=True)}
    row["shift_mm"] = float(np.linalg.norm(shift_mm))
    row["halves_apart_mm"] = float(np.linalg.norm(halves[0] - halves[1]))
    row["dice_shifted"] = dice(moved, case.outline)
    row["invisible_share"] = invisible_share(edges, surface, outline, rng)
    return row | ours_against(case, moved, masks)


def two_halves(surface: Surface) -> tuple[Surface, Surface]:
    """Surface in the black and in the white cubes of a checkerboard."""
    is_black = (np.floor(surface.points_mm / CUBE_MM).sum(axis=1) % 2).astype(np.bool_)
    return surface.where(is_black), surface.where(~is_black)


def shifted(mask: Mask, shift_zyx_mm: NDArray[np.float64]) -> Mask:
    """Mask moved along its grid's axes, on the same grid."""
    grid = mask.geometry
    x, y, z = (float(mm) for mm in grid.origin_mm + grid.axes @ shift_zyx_mm[::-1])
    there = Geometry(grid.size_xyz, grid.spacing_mm, (x, y, z), grid.direction)
    values = resample_array(
        mask.voxels.astype(np.float32), there, grid, interpolation="linear", outside=0.0
    )
    return Mask(values >= 0.5, grid)


def invisible_share(
    edges: EdgeImage, surface: Surface, outline: Mask, rng: np.random.Generator
) -> float:
    """Share of the surface's area where no edge stands out from the texture inside."""
    texture = interior_edges(edges, outline, surface.normals, rng)
    strongest = strongest_edges(edges, surface.points_mm, surface.normals)
    hidden = strongest <= np.quantile(texture, TEXTURE_QUANTILE)
    return float(surface.area_mm2[hidden].sum() / surface.area_mm2.sum())


def ours_against(case: Case, moved: Mask, masks: Path) -> dict[str, float]:
    """Dice of our out-of-fold masks with the outline and with the moved one, means over draws."""
    files = [Cell(OURS, case.modality, d, case.patient).mask_file(masks) for d in DRAWS]
    made = [read_mask(file) for file in files if file.exists()]
    if not made:
        return {"dice_ours": np.nan, "dice_ours_shifted": np.nan}
    return {
        "dice_ours": float(np.mean([dice(mask, case.outline) for mask in made])),
        "dice_ours_shifted": float(np.mean([dice(mask, moved) for mask in made])),
    }


def ambiguity(outline: Mask, other: Mask) -> dict[str, float]:
    """Dice with outlines that differ by a blur, by a millimetre, by the grid."""
    values = outline.voxels.astype(np.float32)
    blurred = Mask(gaussian_filter(values, 1.0) >= 0.5, outline.geometry)
    there = resample_array(
        other.voxels.astype(np.float32),
        other.geometry,
        outline.geometry,
        interpolation="linear",
        outside=0.0,
    )
    volume_mm3 = float(values.sum()) * outline.geometry.voxel_volume_mm3
    layer_mm3 = float(surface_elements(outline).area_mm2.sum())  # 1 mm thick
    inner = max(volume_mm3 - layer_mm3, 0.0)
    return {
        "dice_blurred": dice(blurred, outline),
        "dice_1mm_in": 2 * inner / (volume_mm3 + inner),
        "dice_1mm_out": 2 * volume_mm3 / (2 * volume_mm3 + layer_mm3),
        "dice_other_image": dice(Mask(there >= 0.5, outline.geometry), outline),
    }


if __name__ == "__main__":
    main()
