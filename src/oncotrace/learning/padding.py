"""Zeros around an array up to the size that a network needs."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oncotrace.learning.plan import Plan

Margins = tuple[tuple[int, int], ...]
_Scalar = TypeVar("_Scalar", bound=np.generic)


def margins_zyx(shape_zyx: tuple[int, ...], plan: Plan) -> Margins:
    """Voxels to add before and after along each axis, as evenly as possible.

    Where the grid is free, up to a multiple of the network's stride, and to two coarsest voxels at
    least, since one alone has no variance to be normalised by; for patches, up to one patch.
    """
    stride = plan.stride_zyx
    if plan.recipe.grid.mode == "patch" and plan.grid_xyz:
        least = plan.grid_xyz[::-1]
        lacking = [max(0, m - n) for n, m in zip(shape_zyx, least, strict=True)]
    else:
        coarse = [max(1, -(-n // m)) for n, m in zip(shape_zyx, stride, strict=True)]
        coarse = [2, 2, 2] if coarse == [1, 1, 1] else coarse
        lacking = [c * m - n for n, m, c in zip(shape_zyx, stride, coarse, strict=True)]
    return tuple((n // 2, n - n // 2) for n in lacking)


def padded(voxels: NDArray[_Scalar], margins: Margins) -> NDArray[_Scalar]:
    """Return ``voxels`` [..., z, y, x] with zeros around."""
    before = ((0, 0),) * (voxels.ndim - len(margins))
    return np.pad(voxels, (*before, *margins)) if any(map(any, margins)) else voxels


def unpadded(voxels: NDArray[np.float32], margins: Margins) -> NDArray[np.float32]:
    """Return ``voxels`` [..., z, y, x] without what `padded` added."""
    z, y, x = (
        slice(low, n - high) for (low, high), n in zip(margins, voxels.shape[-3:], strict=True)
    )
    return voxels[..., z, y, x]
