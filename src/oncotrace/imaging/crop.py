"""Sub-volumes of a grid, and masks put back where they came from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan


@dataclass(frozen=True)
class Box:
    """A box of whole voxels: first voxel and number of voxels, in x, y, z."""

    start_xyz: tuple[int, int, int]
    size_xyz: tuple[int, int, int]

    @property
    def slices_zyx(self) -> tuple[slice, slice, slice]:
        """The box as slices of an array [z, y, x]."""
        x, y, z = (
            slice(start, start + size)
            for start, size in zip(self.start_xyz, self.size_xyz, strict=True)
        )
        return z, y, x


def box_around(
    points_xyz: NDArray[np.float64], margin_xyz: NDArray[np.float64], geometry: Geometry
) -> Box:
    """Box of the voxels that the points, widened by a margin, touch; clipped at the grid.

    A point on the border of two voxels touches both.

    Parameters
    ----------
    points_xyz
        Fractional voxel indices, shape (n, 3).
    margin_xyz
        Voxels to add on either side, shape (3,).
    """
    low = np.ceil(points_xyz.min(axis=0) - margin_xyz - 0.5)
    high = np.floor(points_xyz.max(axis=0) + margin_xyz + 0.5)
    last = np.asarray(geometry.size_xyz) - 1
    low, high = np.clip(low, 0, last).astype(int), np.clip(high, 0, last).astype(int)
    x0, y0, z0 = (int(v) for v in low)
    nx, ny, nz = (int(v) for v in high - low + 1)
    return Box((x0, y0, z0), (nx, ny, nz))


def crop_scan(scan: Scan, box: Box) -> Scan:
    """Part of the scan inside the box, as a view."""
    return Scan(
        scan.voxels[box.slices_zyx],
        scan.geometry.crop(box.start_xyz, box.size_xyz),
        scan.modality,
    )


def paste(
    part: NDArray[np.generic], box: Box, geometry: Geometry, fill: float = 0
) -> NDArray[np.generic]:
    """Array on the whole grid that holds ``part`` inside the box and ``fill`` elsewhere."""
    whole = np.full(geometry.shape_zyx, fill, dtype=part.dtype)
    whole[box.slices_zyx] = part
    return whole
