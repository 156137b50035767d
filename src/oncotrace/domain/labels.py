"""Several structures on one grid, of which each voxel belongs to one at most."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import read_only, require_shape


@dataclass(frozen=True, eq=False)
class LabelVolume:
    """Structures that exclude each other, the tumour and what is around or in it.

    Parameters
    ----------
    voxels
        Value of the structure [z, y, x], 0 where there is none.
    values
        Value of each structure by its name; the first is the tumour.

    Raises
    ------
    GeometryMismatchError
        The array's shape is not the grid's.
    """

    voxels: NDArray[np.uint8]
    geometry: Geometry
    values: Mapping[str, int]

    def __post_init__(self) -> None:
        require_shape(self.voxels.shape, self.geometry, "label")
        object.__setattr__(self, "voxels", read_only(self.voxels))

    @classmethod
    def from_stack(
        cls, inside: NDArray[np.bool_], geometry: Geometry, values: Mapping[str, int]
    ) -> "LabelVolume":
        """Make a volume of structures [l, z, y, x]; where some overlap, the first counts."""
        voxels = np.zeros(geometry.shape_zyx, dtype=np.uint8)
        for of_label, value in zip(inside[::-1], [*values.values()][::-1], strict=True):
            voxels[of_label] = value
        return cls(voxels, geometry, values)

    @property
    def tumour(self) -> Mask:
        """The first structure."""
        return self.mask(next(iter(self.values)))

    def mask(self, name: str) -> Mask:
        """Return one structure alone."""
        return Mask(self.voxels == self.values[name], self.geometry)

    def stack(self) -> NDArray[np.bool_]:
        """Return all structures [l, z, y, x], in their order."""
        return np.stack([self.voxels == value for value in self.values.values()])

    def with_tumour(self, mask: Mask) -> "LabelVolume":
        """Return the volume whose first structure is that mask, to which the others give way.

        Raises
        ------
        GeometryMismatchError
            The mask lies on another grid.
        """
        mask.geometry.require_match(self.geometry, this="mask", that="label volume")
        first = next(iter(self.values.values()))
        voxels = np.where(self.voxels == first, np.uint8(0), self.voxels)
        voxels[mask.voxels] = first
        return LabelVolume(voxels, self.geometry, self.values)
