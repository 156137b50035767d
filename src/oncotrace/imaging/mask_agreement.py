"""Every measure of a mask against its reference, in one pass over the two."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.imaging.lesion_detection import LesionDetection, detected_lesions
from oncotrace.imaging.mask_pair import cropped_pair
from oncotrace.imaging.overlap import VoxelOverlap, voxel_overlap
from oncotrace.imaging.path_length import AddedPath, added_path
from oncotrace.imaging.surface_distance import surface_distances
from oncotrace.imaging.surface_voxels import VoxelDistances, voxel_distances


@dataclass(frozen=True)
class MaskAgreement:
    """How far two masks agree: by voxels, by surface, by contour, by lesion and by place.

    Never NaN. Of two empty masks every share is 1 and every distance and error 0. If only one is
    empty every share is 0 and every distance infinite; the volume error in percent is -100 for an
    empty mask and infinite for an empty reference; the added path is that of the reference.

    Parameters
    ----------
    voxels
        Dice, Jaccard, F-beta, sensitivity, precision, volumes; see its class.
    hd_mm, hd95_mm
        Hausdorff distance of the surfaces and that of their 95th percentile; see
        `oncotrace.imaging.surface_distance.SurfaceDistances.hausdorff_mm`.
    assd_mm, masd_mm
        Mean distance over both surfaces together, and mean of the two directed means.
    surface_dice, tolerance_mm
        Share of both surfaces that lies within that distance of the other.
    by_voxels
        The distances between surface voxels instead, as most programs measure them.
    path
        Contour to be added.
    centre_distance_mm
        Distance between the centres of mass of the voxels.
    lesions
        Lesions of the reference that are found, and pieces of the mask that are true.
    """

    voxels: VoxelOverlap
    hd_mm: float
    hd95_mm: float
    assd_mm: float
    masd_mm: float
    surface_dice: float
    tolerance_mm: float
    by_voxels: VoxelDistances
    path: AddedPath
    centre_distance_mm: float
    lesions: LesionDetection


def compare_masks(
    mask: Mask, reference: Mask, *, tolerance_mm: float, lesion_dice: float | None = None
) -> MaskAgreement:
    """Every measure of a mask against its reference.

    Parameters
    ----------
    tolerance_mm
        Distance that the surface Dice forgives.
    lesion_dice
        Dice from which a piece of the mask and a lesion of the reference match; None: they share a
        voxel. See `oncotrace.imaging.lesion_detection.detected_lesions`.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    SettingsError
        The tolerance is negative or not finite, or the Dice is not above 0 and at most 1.
    """
    mask, reference = cropped_pair(mask, reference)
    surfaces = surface_distances(mask, reference)
    return MaskAgreement(
        voxels=voxel_overlap(mask, reference),
        hd_mm=surfaces.hausdorff_mm(),
        hd95_mm=surfaces.hausdorff_mm(95),
        assd_mm=surfaces.assd_mm(),
        masd_mm=surfaces.masd_mm(),
        surface_dice=surfaces.surface_dice(tolerance_mm),
        tolerance_mm=tolerance_mm,
        by_voxels=voxel_distances(mask, reference),
        path=added_path(mask, reference),
        centre_distance_mm=centre_distance_mm(mask, reference),
        lesions=detected_lesions(mask, reference, least_dice=lesion_dice),
    )


def centre_distance_mm(mask: Mask, reference: Mask) -> float:
    """Distance between the centres of mass of two masks, in mm.

    0 of two empty masks, infinite if one is empty.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    mask, reference = cropped_pair(mask, reference)
    if mask.is_empty or reference.is_empty:
        return 0.0 if mask.is_empty and reference.is_empty else float("inf")
    return float(np.linalg.norm(_centre_mm(mask) - _centre_mm(reference)))


def _centre_mm(mask: Mask) -> NDArray[np.float64]:
    """Centre of mass [z, y, x] along the grid's axes, from its first voxel."""
    centre: NDArray[np.float64] = np.argwhere(mask.voxels).mean(axis=0)
    return centre * mask.geometry.spacing_zyx_mm
