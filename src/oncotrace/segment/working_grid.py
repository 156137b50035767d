"""The coarser grid that a volume of interest is worked on."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.crop import Box
from oncotrace.imaging.resample import resample_scan, with_spacing

WORKING_VOXELS = 64_000


def on_working_grid(part: Scan) -> Scan:
    """Volume of interest on at most `WORKING_VOXELS` voxels, cubic as far as whole ones allow."""
    spacing_mm = np.asarray(part.geometry.spacing_mm)
    extent_mm = spacing_mm * part.geometry.size_xyz
    cube_mm = max(float((extent_mm.prod() / WORKING_VOXELS) ** (1 / 3)), float(spacing_mm.min()))
    x, y, z = (float(mm / max(1, round(mm / cube_mm))) for mm in extent_mm)
    return averaged_onto(part, with_spacing(part.geometry, (x, y, z)))


def averaged_onto(part: Scan, target: Geometry) -> Scan:
    """Volume of interest on a coarser grid over the same volume."""
    # Averaging over the larger voxel first keeps fine texture from turning into noise.
    ratios = np.divide(target.spacing_zyx_mm, part.geometry.spacing_zyx_mm)
    averaged = uniform_filter(part.voxels, [_odd(ratio) for ratio in ratios], mode="nearest")
    return resample_scan(
        Scan(averaged, part.geometry, part.modality), target, interpolation="linear", outside=0.0
    )


def require_finite_around_clicks(part: Scan) -> None:
    """Refuse a volume of interest with NaN or infinity in it.

    Raises
    ------
    InputError
        With the number of such voxels.
    """
    bad = int(np.count_nonzero(~np.isfinite(part.voxels)))
    if bad:
        raise InputError(
            f"{bad} voxels around the clicks are not numbers (NaN or infinite).",
            hint="Replace them by the background value before segmenting.",
            code="not-finite",
        )


def _odd(ratio: float) -> int:
    """Return the odd whole number nearest to a ratio of voxel sizes, at least 1."""
    return max(1, 2 * round((ratio - 1) / 2) + 1)


def rim_of(box: Box, geometry: Geometry, working: Geometry) -> NDArray[np.bool_]:
    """Outermost voxels of the working grid, except on the sides where the image ends."""
    rim = np.zeros(working.shape_zyx, dtype=np.bool_)
    for axis in range(3):
        first = box.start_xyz[axis]
        faces = np.moveaxis(rim, 2 - axis, 0)
        if first > 0:
            faces[0] = True
        if first + box.size_xyz[axis] < geometry.size_xyz[axis]:
            faces[-1] = True
    return rim
