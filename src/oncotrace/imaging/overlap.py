"""How far two masks on one grid agree, voxel by voxel.

Conventions for empty masks are the same for all shares: two empty masks agree perfectly (1), and
if only one is empty nothing agrees (0), also where the fraction would be 0 / 0, so that a method
that finds nothing is never flattered.
"""

import math

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.errors import SettingsError
from oncotrace.imaging.surface_distance import surface_agreement


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
    in_both, in_mask, in_reference = _voxels(mask, reference)
    return _share(2 * in_both, in_mask + in_reference, in_mask, in_reference)


def jaccard(mask: Mask, reference: Mask) -> float:
    """Return the Jaccard index (intersection over union), 0 to 1; it is Dice / (2 - Dice).

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.

    References
    ----------
    Jaccard, New Phytol 1912;11:37-50, doi:10.1111/j.1469-8137.1912.tb05611.x.
    """
    in_both, in_mask, in_reference = _voxels(mask, reference)
    return _share(in_both, in_mask + in_reference - in_both, in_mask, in_reference)


def sensitivity(mask: Mask, reference: Mask) -> float:
    """Share of the reference's voxels that the mask holds (recall), 0 to 1.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    in_both, in_mask, in_reference = _voxels(mask, reference)
    return _share(in_both, in_reference, in_mask, in_reference)


def precision(mask: Mask, reference: Mask) -> float:
    """Share of the mask's voxels that the reference holds (positive predictive value), 0 to 1.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    in_both, in_mask, in_reference = _voxels(mask, reference)
    return _share(in_both, in_mask, in_mask, in_reference)


def f_beta(mask: Mask, reference: Mask, *, beta: float) -> float:
    """Return the F measure, 0 to 1: the weighted harmonic mean of precision and sensitivity.

    Sensitivity counts ``beta`` times as much as precision: with 1 it is Dice, with 2 (F2) what is
    missed weighs more than what is too much.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    SettingsError
        ``beta`` is not a positive number.

    References
    ----------
    Van Rijsbergen, Information Retrieval, 2nd edition, 1979, chapter 7; with beta in this form:
    Chinchor, MUC-4 Evaluation Metrics, 1992, doi:10.3115/1072064.1072067.
    """
    if not (math.isfinite(beta) and beta > 0):
        raise SettingsError(f"beta must be a positive number, found {beta}.")
    in_both, in_mask, in_reference = _voxels(mask, reference)
    square = beta * beta
    whole = square * in_reference + in_mask
    return _share((1 + square) * in_both, whole, in_mask, in_reference)


def volume_error_ml(mask: Mask, reference: Mask) -> float:
    """Volume of the mask minus that of the reference, in millilitres.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    _, in_mask, in_reference = _voxels(mask, reference)
    return (in_mask - in_reference) * mask.geometry.voxel_volume_mm3 / 1000.0


def volume_error_percent(mask: Mask, reference: Mask) -> float:
    """Volume error as a percentage of the reference's volume; -100 for an empty mask.

    Two empty masks differ by 0 %. Against an empty reference the error is infinite: show it and
    count it, do not average it.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    _, in_mask, in_reference = _voxels(mask, reference)
    if in_reference == 0:
        return 0.0 if in_mask == 0 else float("inf")
    return 100.0 * (in_mask - in_reference) / in_reference


def hausdorff95_mm(mask: Mask, reference: Mask) -> float:
    """95th percentile of the distance between two surfaces, in mm.

    Defined in `oncotrace.imaging.surface_distance.surface_agreement`, which gives it together with
    the other surface measures at the cost of one.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    return surface_agreement(mask, reference, tolerance_mm=0.0).hausdorff95_mm


def _voxels(mask: Mask, reference: Mask) -> tuple[int, int, int]:
    """Count the voxels in both masks, in the mask and in the reference."""
    mask.geometry.require_match(reference.geometry, this="mask", that="reference mask")
    return (
        int(np.count_nonzero(mask.voxels & reference.voxels)),
        int(np.count_nonzero(mask.voxels)),
        int(np.count_nonzero(reference.voxels)),
    )


def _share(part: float, whole: float, in_mask: int, in_reference: int) -> float:
    if in_mask == 0 or in_reference == 0:
        return 1.0 if in_mask == in_reference else 0.0
    return part / whole
