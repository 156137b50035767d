"""How far apart the surfaces of two masks on one grid are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

from oncotrace.domain.mask import Mask
from oncotrace.imaging.surface_elements import surface_elements

_ROUNDING_MM = 1e-6  # a distance that equals the tolerance is within it, whatever its last digit


@dataclass(frozen=True)
class SurfaceAgreement:
    """Distances between two surfaces in mm, and the share of them that is close enough."""

    hausdorff95_mm: float
    assd_mm: float
    surface_dice: float


def surface_agreement(mask: Mask, reference: Mask, *, tolerance_mm: float) -> SurfaceAgreement:
    """HD95, average symmetric surface distance and surface Dice of two masks.

    The two distances are between *surface voxels*: voxels of a mask with a face neighbour outside
    it, or outside the grid. They run from the centre of each to the nearest centre of the other
    mask's, in both directions; each surface voxel counts once.

    ``hausdorff95_mm``
        The larger of the two directed 95th percentiles (linear between ranks).
    ``assd_mm``
        The mean of all distances of both directions together.
    ``surface_dice``
        The area of both surfaces that lies at most ``tolerance_mm`` from the other surface, as a
        share of the area of both. Here the surface consists of elements between the voxels,
        weighted by their area (`oncotrace.imaging.surface_elements`), as in the paper: counting
        voxels would weigh the large side faces of thick slices like small ones, and place the
        surface half a voxel further in, which at 2 mm lowers the score by some 0.08.

    Two empty masks are 0 mm apart and agree on 1. If only one is empty no distance exists: both
    distances are infinite, to be shown and counted but not averaged, and the surface Dice is 0.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.

    References
    ----------
    Maier-Hein et al., Metrics reloaded, Nat Methods 2024;21:195-212, supplement on HD95 and ASSD,
    doi:10.1038/s41592-023-02151-z. Taking the percentile of both directions pooled, as some
    programs do, gives smaller values.

    Nikolov et al., J Med Internet Res 2021;23:e26151, doi:10.2196/26151, for the surface Dice. The
    areas of bent elements differ slightly from those of their program.
    """
    mask.geometry.require_match(reference.geometry, this="mask", that="reference mask")
    if mask.is_empty or reference.is_empty:
        if mask.is_empty and reference.is_empty:
            return SurfaceAgreement(0.0, 0.0, 1.0)
        return SurfaceAgreement(float("inf"), float("inf"), 0.0)
    there_mm, back_mm = _both_ways_mm(_surface_voxels_mm(mask), _surface_voxels_mm(reference))
    return SurfaceAgreement(
        hausdorff95_mm=float(max(np.percentile(there_mm, 95), np.percentile(back_mm, 95))),
        assd_mm=float(np.concatenate([there_mm, back_mm]).mean()),
        surface_dice=_surface_dice(mask, reference, tolerance_mm),
    )


def _surface_dice(mask: Mask, reference: Mask, tolerance_mm: float) -> float:
    ours, theirs = surface_elements(mask), surface_elements(reference)
    distance_mm = np.concatenate(_both_ways_mm(ours.position_mm, theirs.position_mm))
    area_mm2 = np.concatenate([ours.area_mm2, theirs.area_mm2])
    is_close = distance_mm <= tolerance_mm + _ROUNDING_MM
    return 1.0 if is_close.all() else float(area_mm2[is_close].sum() / area_mm2.sum())


def _surface_voxels_mm(mask: Mask) -> NDArray[np.float64]:
    """Centres of the surface voxels, shape (n, 3) [z, y, x] along the grid's axes."""
    box = mask.box_zyx()
    inside = mask.voxels[box]
    surface = inside & ~binary_erosion(inside)  # beyond the box lies background
    index_zyx = np.argwhere(surface) + [axis.start for axis in box]
    return np.asarray(index_zyx * mask.geometry.spacing_zyx_mm, dtype=np.float64)


def _both_ways_mm(
    ours_mm: NDArray[np.float64], theirs_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of each of our points to the nearest of theirs, and of theirs to ours."""
    return _nearest_mm(ours_mm, theirs_mm), _nearest_mm(theirs_mm, ours_mm)


def _nearest_mm(from_mm: NDArray[np.float64], to_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    tree = KDTree(to_mm, balanced_tree=False, compact_nodes=False)  # built twice as fast
    distance_mm, _ = tree.query(from_mm)
    return np.asarray(distance_mm, dtype=np.float64)
