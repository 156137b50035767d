"""Grids cropped and padded to a wanted number of voxels."""

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import Box

Index = tuple[float, float, float]


def centre_of_grid(geometry: Geometry) -> Index:
    """Fractional index (x, y, z) of the middle of a grid."""
    x, y, z = ((size - 1) / 2 for size in geometry.size_xyz)
    return x, y, z


def centre_of_box(mask: Mask) -> Index:
    """Fractional index (x, y, z) of the middle of the box around a mask.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    """
    z, y, x = ((part.start + part.stop - 1) / 2 for part in mask.box_zyx())
    return x, y, z


def box_of_size(size_xyz: tuple[int, int, int], centre_xyz: Index) -> Box:
    """Box of that many voxels around a fractional index; it may reach beyond the grid."""
    x, y, z = (
        int(np.floor(centre - (size - 1) / 2 + 0.5))
        for size, centre in zip(size_xyz, centre_xyz, strict=True)
    )
    return Box((x, y, z), size_xyz)


def scan_in_box(scan: Scan, box: Box, *, fill: float) -> Scan:
    """Scan of the box, with ``fill`` where the box reaches beyond the grid."""
    voxels = np.full(box.size_xyz[::-1], fill, dtype=np.float32)
    inner, outer = _overlap(scan.geometry, box)
    voxels[inner] = scan.voxels[outer]
    return Scan(voxels, scan.geometry.crop(box.start_xyz, box.size_xyz), scan.modality)


def mask_in_box(mask: Mask, box: Box) -> Mask:
    """Mask of the box, empty where the box reaches beyond the grid."""
    voxels = np.zeros(box.size_xyz[::-1], dtype=np.bool_)
    inner, outer = _overlap(mask.geometry, box)
    voxels[inner] = mask.voxels[outer]
    return Mask(voxels, mask.geometry.crop(box.start_xyz, box.size_xyz))


def _overlap(
    geometry: Geometry, box: Box
) -> tuple[tuple[slice, slice, slice], tuple[slice, slice, slice]]:
    """Where box and grid overlap, as slices [z, y, x] of the box and of the grid."""
    inner, outer = [], []
    for start, size, whole in zip(
        reversed(box.start_xyz), reversed(box.size_xyz), geometry.shape_zyx, strict=True
    ):
        low, high = max(start, 0), max(min(start + size, whole), max(start, 0))
        inner.append(slice(low - start, high - start))
        outer.append(slice(low, high))
    return (inner[0], inner[1], inner[2]), (outer[0], outer[1], outer[2])
