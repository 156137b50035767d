"""How far two masks on one grid agree."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

from oncotrace.domain.mask import Mask


def dice(mask: Mask, reference: Mask) -> float:
    """Dice coefficient, 0 (disjoint) to 1 (the same voxels).

    Two empty masks are the same, so they score 1; one empty mask scores 0.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.

    References
    ----------
    Dice, Ecology 1945;26:297-302, doi:10.2307/1932409.
    """
    mask.geometry.require_match(reference.geometry, this="mask", that="reference mask")
    in_both = np.count_nonzero(mask.voxels & reference.voxels)
    in_either = np.count_nonzero(mask.voxels) + np.count_nonzero(reference.voxels)
    return 2 * in_both / in_either if in_either else 1.0


def hausdorff95_mm(mask: Mask, reference: Mask) -> float:
    """95th percentile of the distance between two surfaces, in mm.

    The larger of the two directed percentiles: for each surface, the 95th percentile (linear
    between ranks) of the distances from its voxels to the nearest voxel of the other surface. A
    surface voxel is a voxel of the mask with a face neighbour outside it, or outside the grid;
    distances run between voxel centres. Two empty masks are 0 apart. If only one is empty no
    distance exists and the answer is infinite: show it and count it, do not average it.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.

    References
    ----------
    Maier-Hein et al., Metrics reloaded, Nat Methods 2024;21:195-212, supplement on HD95,
    doi:10.1038/s41592-023-02151-z. Taking the percentile of both directions pooled, as some
    programs do, gives smaller values.
    """
    mask.geometry.require_match(reference.geometry, this="mask", that="reference mask")
    if mask.is_empty or reference.is_empty:
        return 0.0 if mask.is_empty and reference.is_empty else float("inf")
    ours, theirs = _surface_mm(mask), _surface_mm(reference)
    return max(_directed_percentile_mm(ours, theirs), _directed_percentile_mm(theirs, ours))


def _surface_mm(mask: Mask) -> NDArray[np.float64]:
    """Centres of the surface voxels, shape (n, 3) [z, y, x] along the grid's axes."""
    box = mask.box_zyx()
    inside = mask.voxels[box]
    surface = inside & ~binary_erosion(inside)  # beyond the box lies background
    index_zyx = np.argwhere(surface) + [axis.start for axis in box]
    return np.asarray(index_zyx * mask.geometry.spacing_zyx_mm, dtype=np.float64)


def _directed_percentile_mm(from_mm: NDArray[np.float64], to_mm: NDArray[np.float64]) -> float:
    distance_mm, _ = KDTree(to_mm).query(from_mm)
    return float(np.percentile(distance_mm, 95))
