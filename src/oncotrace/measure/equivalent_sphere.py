"""Volumetric RECIST: the diameter of the sphere that has a tumour's volume."""

import math

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter
from oncotrace.imaging.planes import patient_axes
from oncotrace.measure.volume import volume_ml

_MM3_PER_ML = 1000.0


def sphere_diameter_mm(volume_ml: float) -> float:
    """Diameter of the sphere of a volume: (6 V / pi) ** (1/3)."""
    return float(np.cbrt(6.0 * volume_ml * _MM3_PER_ML / math.pi))


def sphere_volume_ml(diameter_mm: float) -> float:
    """Volume of the sphere of a diameter: pi d ** 3 / 6."""
    return math.pi * diameter_mm**3 / 6.0 / _MM3_PER_ML


def equivalent_sphere_diameter(mask: Mask) -> Diameter:
    """Diameter of the sphere of the mask's volume, to draw: through the mask's centre of mass.

    The line runs along the grid axis nearest to the patient's left, so that it lies in an axial
    slice. It stands for a volume; its ends are on no outline.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    """
    mask.require_not_empty()
    length_mm = sphere_diameter_mm(volume_ml(mask))
    centre_xyz = np.argwhere(mask.voxels).mean(axis=0)[::-1]
    centre_mm = mask.geometry.to_point_mm(centre_xyz)
    along = mask.geometry.axes[:, patient_axes(mask.geometry)[0]]
    half_mm = along * (length_mm / 2)
    x0, y0, z0 = (float(value) for value in centre_mm - half_mm)
    x1, y1, z1 = (float(value) for value in centre_mm + half_mm)
    return Diameter(length_mm, (x0, y0, z0), (x1, y1, z1))
