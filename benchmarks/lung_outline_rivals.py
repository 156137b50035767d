"""Other outlines of the lungs than the product's, against reference lungs and tumour together.

    python benchmarks/lung_outline_rivals.py [--data DIR]

The lungs of ``find_lungs`` leave out what has no air and is wider than a nodule: a tumour on the
chest wall, a collapsed lobe. Three ways to take more of that in are measured beside them on both
chests, all without dilation:

closing
    other radii than 15 mm for the closing that takes in vessels and nodules
mirror
    the union with the mirror image about the spine, as in the published lung field
hull
    the convex hull of each lung in each slice, whole or within the mirror image

Printed are Dice with reference lungs and tumour, over all slices and without those in which the
reference leaves a lung out, and the share of the tumour that is inside. Two chests, which also
served for building: the figures say what is out of reach, not what is best.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from lungs import CHESTS, LEFT, RIGHT, dice, slices_without_a_lung
from oncotrace.domain.scan import Scan
from oncotrace.io.volume_file import read_mask, read_scan
from oncotrace.segment import lungs as lung_outline
from oncotrace.segment.lung_field import mirrored
from oncotrace.segment.spine_axis import spine_axis
from reference_data import add_data_option

RADII_MM = (15.0, 20.0, 25.0)


def main() -> None:
    """Print every outline of both chests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    folder = parser.parse_args().data / "lung"
    for name in CHESTS:
        ct = read_scan(folder / f"{name}_ct.nii.gz", "ct")
        organs = read_scan(folder / f"{name}_organs.nii.gz").voxels
        tumour = read_mask(folder / f"{name}_gtv.nii.gz").voxels
        wanted = np.isin(organs, (LEFT, RIGHT)) | tumour
        whole = ~slices_without_a_lung(organs)
        for title, found in outlines(ct).items():
            print(
                f"{name} {title:<22} all slices {dice(found, wanted):.4f}, "
                f"whole slices {dice(found[whole], wanted[whole]):.4f}, "
                f"tumour inside {np.mean(found[tumour]):.3f}",
                flush=True,
            )


def outlines(ct: Scan) -> dict[str, NDArray[np.bool_]]:
    """Return every outline by its title."""
    made = {f"closing {radius:.0f} mm": closed_by(radius, ct) for radius in RADII_MM}
    sides = lung_outline.find_lungs(ct).labels
    lungs = sides != 0
    slices = np.flatnonzero(lungs.any(axis=(1, 2)))
    image = mirrored(lungs, spine_axis(ct, int(slices[0]), int(slices[-1])))
    hull = hulls(sides == LEFT) | hulls(sides == RIGHT)
    return made | {
        "mirror": lungs | image,
        "hull": hull,
        "hull within mirror": lungs | hull & image,
    }


def closed_by(radius_mm: float, ct: Scan) -> NDArray[np.bool_]:
    """Lungs with another radius of the closing that takes in vessels and nodules."""
    as_it_is = lung_outline.NODULE_RADIUS_MM
    lung_outline.NODULE_RADIUS_MM = radius_mm
    try:
        return np.asarray(lung_outline.find_lungs(ct).labels != 0)
    finally:
        lung_outline.NODULE_RADIUS_MM = as_it_is


def hulls(lung: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Convex hull of the voxels of each slice."""
    filled = lung.copy()
    for z in np.flatnonzero(lung.any(axis=(1, 2))):
        points = np.argwhere(lung[z])
        try:
            sides = ConvexHull(points).equations
        except QhullError:  # all on one line
            continue
        first, last = points.min(axis=0), points.max(axis=0)
        grid = np.stack(np.mgrid[first[0] : last[0] + 1, first[1] : last[1] + 1], axis=-1)
        inside = (grid @ sides[:, :2].T + sides[:, 2] <= 1e-6).all(axis=-1)
        filled[z, first[0] : last[0] + 1, first[1] : last[1] + 1] |= inside
    return filled


if __name__ == "__main__":
    main()
