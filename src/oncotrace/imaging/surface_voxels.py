"""How far apart two masks are, from surface voxel to surface voxel, as most programs measure it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from oncotrace.domain.mask import Mask
from oncotrace.imaging.mask_pair import cropped_pair
from oncotrace.imaging.nearest_point import nearest_mm


@dataclass(frozen=True)
class VoxelDistances:
    """Distances between the surface voxels of two masks, in mm.

    Parameters
    ----------
    hd_mm
        The largest.
    hd95_mm
        The larger of the two directed 95th percentiles (linear between ranks).
    assd_mm
        The mean of all distances of both directions together.
    """

    hd_mm: float
    hd95_mm: float
    assd_mm: float


def voxel_distances(mask: Mask, reference: Mask) -> VoxelDistances:
    """Distances between surface voxels: voxels of a mask with a face neighbour outside it.

    They run from the centre of each to the nearest centre of the other mask's, both ways; each
    surface voxel counts once, whatever its area. Beyond the grid lies background. Two empty masks
    are 0 mm apart; if only one is empty, all distances are infinite.

    Between two concentric balls ASSD comes closer to the difference of their radii than between
    surface elements, HD95 less close (`oncotrace.imaging.surface_distance`).

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.

    References
    ----------
    Maier-Hein et al., Metrics reloaded, Nat Methods 2024;21:195-212, supplement on HD95 and ASSD,
    doi:10.1038/s41592-023-02151-z. Taking the percentile of both directions pooled, as MedPy does,
    gives smaller values.
    """
    mask, reference = cropped_pair(mask, reference)
    if mask.is_empty or reference.is_empty:
        distance_mm = 0.0 if mask.is_empty and reference.is_empty else float("inf")
        return VoxelDistances(distance_mm, distance_mm, distance_mm)
    on_ours, on_theirs = _surface(mask.voxels), _surface(reference.voxels)
    spacing_mm = mask.geometry.spacing_zyx_mm
    ways = [nearest_mm(on_ours, on_theirs, spacing_mm), nearest_mm(on_theirs, on_ours, spacing_mm)]
    return VoxelDistances(
        hd_mm=float(max(way.max() for way in ways)),
        hd95_mm=float(max(np.percentile(way, 95) for way in ways)),
        assd_mm=float(np.concatenate(ways).mean()),
    )


def _surface(voxels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(voxels & ~binary_erosion(voxels))  # beyond the array lies background
