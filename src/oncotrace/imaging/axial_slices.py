"""Axial slices of 512 x 512 pixels of 1 mm, as the two-dimensional network takes them."""

import numpy as np

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.ct_window import AIR_HU
from oncotrace.imaging.patient_pose import patient_pose
from oncotrace.imaging.resample import resample_array, resample_scan

PIXELS = 512
_PIXEL_MM = 1.0


def axial_slices(ct: Scan) -> Scan:
    """Scan on slices of 512 x 512 pixels of 1 mm around the middle of its own, from feet to head.

    Slices are the grid's planes nearest to axial, as thick and as far apart as they are. In-plane,
    the nearest voxel is taken; beyond the scan lies air of -1024 HU.

    References
    ----------
    Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
    """
    return resample_scan(
        ct, axial_slices_grid(ct.geometry), interpolation="nearest", outside=AIR_HU
    )


def axial_slices_grid(geometry: Geometry) -> Geometry:
    """Grid of the slices that `axial_slices` makes of a scan on ``geometry``."""
    turned = patient_pose(geometry).turned
    middle_xyz = (np.asarray(turned.size_xyz) - 1) / 2
    half_xyz = (PIXELS - 1) / 2 * _PIXEL_MM / np.asarray(turned.spacing_mm)
    first_xyz = np.append((middle_xyz - half_xyz)[:2], 0.0)
    x, y, z = (float(value) for value in turned.to_point_mm(first_xyz))
    spacing_mm = (_PIXEL_MM, _PIXEL_MM, turned.spacing_mm[2])
    return Geometry((PIXELS, PIXELS, turned.size_xyz[2]), spacing_mm, (x, y, z), turned.direction)


def mask_on(mask: Mask, target: Geometry) -> Mask:
    """Mask on another grid by the nearest voxel: the way onto the slices and the way back.

    What lies beyond the mask's grid is not set.
    """
    values = mask.voxels.astype(np.float32)
    moved = resample_array(values, mask.geometry, target, interpolation="nearest", outside=0.0)
    return Mask(moved > 0.5, target)
