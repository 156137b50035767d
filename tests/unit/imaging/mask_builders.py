"""Small masks for the tests of what compares them."""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask

GRID = Geometry((20, 16, 12), (0.5, 1.0, 3.0))


def box(x: slice, y: slice, z: slice, geometry: Geometry = GRID) -> Mask:
    """Mask of one box of voxels."""
    voxels: NDArray[np.bool_] = np.zeros(geometry.shape_zyx, dtype=bool)
    voxels[z, y, x] = True
    return Mask(voxels, geometry)


def cube(start: int, size: int, geometry: Geometry = GRID) -> Mask:
    """Mask of as many voxels along each axis, from the same index."""
    return box(*[slice(start, start + size)] * 3, geometry)


def either(*masks: Mask) -> Mask:
    """All masks together."""
    return Mask(np.any([mask.voxels for mask in masks], axis=0), masks[0].geometry)


def empty(geometry: Geometry = GRID) -> Mask:
    """Mask without a voxel."""
    return Mask(np.zeros(geometry.shape_zyx, dtype=bool), geometry)
