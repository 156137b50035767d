"""Print the seconds, the peak memory and the measures of one pair of masks, as JSON.

    python benchmarks/overlap_ours.py MASK.npy REFERENCE.npy MASK.nii.gz REFERENCE.nii.gz

Started by ``overlap.py``.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.mask_agreement import compare_masks
from oncotrace.pipeline.overlap import overlap_of_files
from overlap_pair import SPACING_MM, TOLERANCE_MM, peak_mib


def main() -> None:
    """Measure the pair from memory and from files."""
    arrays = [np.load(name) for name in sys.argv[1:3]]
    z, y, x = arrays[0].shape
    mask, reference = [Mask(voxels, Geometry((x, y, z), SPACING_MM)) for voxels in arrays]
    start = time.process_time()
    found = compare_masks(mask, reference, tolerance_mm=TOLERANCE_MM)
    compared = time.process_time()
    compare_mib = peak_mib()
    del mask, reference, arrays
    overlap_of_files(Path(sys.argv[4]), Path(sys.argv[3]), tolerance_mm=TOLERANCE_MM)
    done = time.process_time()
    result = {
        "compare_s": compared - start,
        "command_s": done - compared,
        "compare_mib": compare_mib,
        "command_mib": peak_mib(),
        "dice": found.voxels.dice,
        "jaccard": found.voxels.jaccard,
        "sensitivity": found.voxels.sensitivity,
        "precision": found.voxels.precision,
        "hd_mm": found.hd_mm,
        "hd95_mm": found.hd95_mm,
        "masd_mm": found.masd_mm,
        "surface_dice": found.surface_dice,
        "hd_voxels_mm": found.by_voxels.hd_mm,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
