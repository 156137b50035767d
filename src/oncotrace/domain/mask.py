"""A segmented structure on its grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import read_only, require_shape
from oncotrace.errors import EmptyMaskError


@dataclass(frozen=True, eq=False)
class Mask:
    """A binary segmentation of one structure: voxels [z, y, x] on a grid in LPS millimetres.

    Raises
    ------
    GeometryMismatchError
        The array's shape is not the grid's.
    """

    voxels: NDArray[np.bool_]
    geometry: Geometry

    def __post_init__(self) -> None:
        require_shape(self.voxels.shape, self.geometry, "mask")
        object.__setattr__(self, "voxels", read_only(self.voxels))

    @property
    def is_empty(self) -> bool:
        """Whether no voxel is set."""
        return not self.voxels.any()

    def require_not_empty(self) -> None:
        """Refuse a mask without a voxel.

        Raises
        ------
        EmptyMaskError
            No voxel is set.
        """
        if self.is_empty:
            raise EmptyMaskError(
                "the mask is empty: no voxel is set.",
                hint="Check that this is the intended mask or label.",
            )

    def box_zyx(self) -> tuple[slice, slice, slice]:
        """Slices [z, y, x] of the smallest box that holds every set voxel.

        Raises
        ------
        EmptyMaskError
            No voxel is set.
        """
        self.require_not_empty()
        z, y, x = (
            np.flatnonzero(self.voxels.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))
        )
        return slice(z[0], z[-1] + 1), slice(y[0], y[-1] + 1), slice(x[0], x[-1] + 1)
