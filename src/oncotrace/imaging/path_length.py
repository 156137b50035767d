"""How much of an outline has to be drawn anew."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from oncotrace.domain.mask import Mask
from oncotrace.imaging.mask_pair import cropped_pair
from oncotrace.imaging.planes import patient_axes


@dataclass(frozen=True)
class AddedPath:
    """What a reader has to draw to turn a mask into its reference.

    Parameters
    ----------
    contour_pixels
        Pixels of the reference's contours that are not on the mask's.
    pixel_mm
        Length that one of them counts: its side, of pixels that are not square that of a square
        one of the same area.
    missing_voxels
        Voxels of the reference's whole volume that the mask does not hold.
    """

    contour_pixels: int
    pixel_mm: float
    missing_voxels: int

    @property
    def length_mm(self) -> float:
        """Length of the contour to be added."""
        return self.contour_pixels * self.pixel_mm


def added_path(mask: Mask, reference: Mask) -> AddedPath:
    """Return the added path length (APL) of a mask, slice by slice.

    The contour of a slice consists of the pixels of the mask with one of their four neighbours
    outside it, or outside the grid; slices are the grid's planes nearest to axial. What the mask
    has too much costs nothing, the contour beside it does. An empty reference needs no path, an
    empty mask the whole one: always a finite length.

    ``missing_voxels`` is the figure as the lung paper prints it, whose formula counts voxels of the
    volumes instead of the contours.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.

    References
    ----------
    Vaassen et al., Phys Imaging Radiat Oncol 2020;13:1-6, doi:10.1016/j.phro.2019.12.001, who
    count pixels; here they have a length.
    Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
    """
    mask, reference = cropped_pair(mask, reference)
    axial = patient_axes(mask.geometry)[2]
    added = _contours(reference.voxels, 2 - axial) & ~_contours(mask.voxels, 2 - axial)
    across_mm, down_mm = (mm for axis, mm in enumerate(mask.geometry.spacing_mm) if axis != axial)
    return AddedPath(
        contour_pixels=int(np.count_nonzero(added)),
        pixel_mm=math.sqrt(across_mm * down_mm),
        missing_voxels=int(np.count_nonzero(reference.voxels & ~mask.voxels)),
    )


def _contours(voxels: NDArray[np.bool_], slice_axis: int) -> NDArray[np.bool_]:
    """Border pixels of every slice across an array axis."""
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.bool_)
    inner = binary_erosion(voxels, np.expand_dims(cross, slice_axis))
    return np.asarray(voxels & ~inner)
