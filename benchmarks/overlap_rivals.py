"""Print seconds, peak memory and measures of a pair by surface-distance and MedPy, as JSON.

    python benchmarks/overlap_rivals.py MASK.npy REFERENCE.npy MASK.nii.gz REFERENCE.nii.gz [--crop]

Started by ``overlap.py``, in an environment that has the two; the volume files are not read. With
``--crop`` the pair is first cut to the box that holds both masks, which is not timed.
"""

import json
import sys
import time

import numpy as np
from medpy.metric import binary
from numpy.typing import NDArray
from surface_distance import metrics

from overlap_pair import SPACING_MM, TOLERANCE_MM, peak_mib


def main() -> None:
    """Measure the pair."""
    mask, reference = (np.load(name) for name in sys.argv[1:3])
    if "--crop" in sys.argv:
        mask, reference = cropped(mask, reference)
    spacing_mm = SPACING_MM[::-1]
    start = time.process_time()
    found = metrics.compute_surface_distances(reference, mask, spacing_mm)
    result = {
        "hd_mm": metrics.compute_robust_hausdorff(found, 100),
        "hd95_mm": metrics.compute_robust_hausdorff(found, 95),
        "masd_mm": float(np.mean(metrics.compute_average_surface_distance(found))),
        "surface_dice": metrics.compute_surface_dice_at_tolerance(found, TOLERANCE_MM),
    }
    of_surface_distance = time.process_time()
    result |= {
        "dice": binary.dc(mask, reference),
        "jaccard": binary.jc(mask, reference),
        "sensitivity": binary.recall(mask, reference),
        "precision": binary.precision(mask, reference),
        "volume_difference": binary.ravd(mask, reference),
        "hd_voxels_mm": binary.hd(mask, reference, spacing_mm),
        "hd95_pooled_voxels_mm": binary.hd95(mask, reference, spacing_mm),
        "masd_voxels_mm": binary.assd(mask, reference, spacing_mm),
    }
    done = time.process_time()
    result |= {
        "surface_distance_s": of_surface_distance - start,
        "all_s": done - start,
        "peak_mib": peak_mib(),
    }
    print(json.dumps({name: float(value) for name, value in result.items()}))


def cropped(
    mask: NDArray[np.bool_], reference: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both masks within their box and one voxel around it."""
    places = np.argwhere(mask | reference)
    low, high = np.maximum(places.min(axis=0) - 1, 0), places.max(axis=0) + 2
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return mask[box].copy(), reference[box].copy()


if __name__ == "__main__":
    main()
