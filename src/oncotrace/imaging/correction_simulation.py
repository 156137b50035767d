"""The correction that a reader would make first: one click where a mask is most wrong."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from oncotrace.domain.clicks import Correction
from oncotrace.domain.mask import Mask
from oncotrace.imaging.components import largest_component


def simulated_correction(made: Mask, reference: Mask) -> Correction | None:
    """One click at the deepest voxel of the largest wrong piece; none if nothing is wrong.

    Wrong pieces are connected sets of missed, or of wrongly added, voxels. The deepest voxel is the
    one farthest in mm from all that is not in the piece, of several the first in [z, y, x] order.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    """
    made.geometry.require_match(reference.geometry, this="mask", that="reference")
    missed = largest_component(reference.voxels & ~made.voxels)
    added = largest_component(made.voxels & ~reference.voxels)
    is_missed = np.count_nonzero(missed) >= np.count_nonzero(added)
    piece = missed if is_missed else added
    if not piece.any():
        return None
    index = _deepest(Mask(piece, made.geometry))
    point_mm = made.geometry.to_point_mm(index[::-1])
    return Correction("positive" if is_missed else "negative", point_mm[None])


def _deepest(piece: Mask) -> NDArray[np.intp]:
    """Index [z, y, x] of the voxel farthest from the piece's outside, and from the grid's."""
    box = piece.box_zyx()
    padded = np.pad(piece.voxels[box], 1)
    depth_mm = distance_transform_edt(padded, piece.geometry.spacing_zyx_mm)
    deepest = np.unravel_index(int(np.argmax(depth_mm)), depth_mm.shape)
    in_box = np.subtract(deepest, 1)
    return np.asarray(in_box + [axis.start for axis in box], dtype=np.intp)
