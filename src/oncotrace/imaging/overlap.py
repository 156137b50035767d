"""How far two masks on one grid agree, voxel by voxel.

Conventions for empty masks are the same for all shares: two empty masks agree perfectly (1), and
if only one is empty nothing agrees (0), also where the fraction would be 0 / 0, so that a method
that finds nothing is never flattered.
"""

import math
from dataclasses import dataclass

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.errors import SettingsError


@dataclass(frozen=True)
class VoxelOverlap:
    """Numbers of voxels in both masks, in the mask and in the reference, and what follows.

    Parameters
    ----------
    voxel_volume_mm3
        Volume of one voxel.
    """

    in_both: int
    in_mask: int
    in_reference: int
    voxel_volume_mm3: float

    @property
    def dice(self) -> float:
        """Dice coefficient, 0 (disjoint) to 1 (the same voxels).

        References
        ----------
        Dice, Ecology 1945;26:297-302, doi:10.2307/1932409.
        """
        return self._share(2 * self.in_both, self.in_mask + self.in_reference)

    @property
    def jaccard(self) -> float:
        """Jaccard index (intersection over union), 0 to 1; it is Dice / (2 - Dice).

        References
        ----------
        Jaccard, New Phytol 1912;11:37-50, doi:10.1111/j.1469-8137.1912.tb05611.x.
        """
        return self._share(self.in_both, self.in_mask + self.in_reference - self.in_both)

    @property
    def sensitivity(self) -> float:
        """Share of the reference's voxels that the mask holds (recall), 0 to 1."""
        return self._share(self.in_both, self.in_reference)

    @property
    def precision(self) -> float:
        """Share of the mask's voxels that the reference holds (positive predictive value)."""
        return self._share(self.in_both, self.in_mask)

    def f_beta(self, beta: float) -> float:
        """F measure, 0 to 1: the weighted harmonic mean of precision and sensitivity.

        Sensitivity counts ``beta`` times as much as precision: with 1 it is Dice, with 2 (F2) what
        is missed weighs more than what is too much.

        Raises
        ------
        SettingsError
            ``beta`` is not a positive number.

        References
        ----------
        Van Rijsbergen, Information Retrieval, 2nd edition, 1979, chapter 7; with beta in this
        form: Chinchor, MUC-4 Evaluation Metrics, 1992, doi:10.3115/1072064.1072067.
        """
        if not (math.isfinite(beta) and beta > 0):
            raise SettingsError(f"beta must be a positive number, found {beta}.")
        square = beta * beta
        whole = square * self.in_reference + self.in_mask
        return self._share((1 + square) * self.in_both, whole)

    @property
    def volume_similarity(self) -> float:
        """One minus the difference of the volumes as a share of their sum, 0 to 1.

        It says nothing of where the volumes lie: disjoint masks of one size score 1.

        References
        ----------
        Taha and Hanbury, BMC Med Imaging 2015;15:29, doi:10.1186/s12880-015-0068-x.
        """
        difference = abs(self.in_mask - self.in_reference)
        whole = self.in_mask + self.in_reference
        return self._share(whole - difference, whole)

    @property
    def volume_ml(self) -> float:
        """Volume of the mask, in millilitres."""
        return self.in_mask * self.voxel_volume_mm3 / 1000.0

    @property
    def reference_volume_ml(self) -> float:
        """Volume of the reference, in millilitres."""
        return self.in_reference * self.voxel_volume_mm3 / 1000.0

    @property
    def volume_error_ml(self) -> float:
        """Volume of the mask minus that of the reference, in millilitres."""
        return (self.in_mask - self.in_reference) * self.voxel_volume_mm3 / 1000.0

    @property
    def volume_error_percent(self) -> float:
        """Volume error as a percentage of the reference's volume; -100 for an empty mask.

        Two empty masks differ by 0 %. Against an empty reference the error is infinite: show it and
        count it, do not average it.
        """
        if self.in_reference == 0:
            return 0.0 if self.in_mask == 0 else math.inf
        return 100.0 * (self.in_mask - self.in_reference) / self.in_reference

    def _share(self, part: float, whole: float) -> float:
        if self.in_mask == 0 or self.in_reference == 0:
            return 1.0 if self.in_mask == self.in_reference else 0.0
        return part / whole


def voxel_overlap(mask: Mask, reference: Mask) -> VoxelOverlap:
    """Count the voxels of two masks.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    mask.geometry.require_match(reference.geometry, this="mask", that="reference mask")
    return VoxelOverlap(
        in_both=int(np.count_nonzero(mask.voxels & reference.voxels)),
        in_mask=int(np.count_nonzero(mask.voxels)),
        in_reference=int(np.count_nonzero(reference.voxels)),
        voxel_volume_mm3=mask.geometry.voxel_volume_mm3,
    )


def dice(mask: Mask, reference: Mask) -> float:
    """Dice coefficient alone; see `VoxelOverlap.dice`.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    return voxel_overlap(mask, reference).dice
