"""Which axis of a grid runs along which axis of the patient."""

from itertools import permutations

import numpy as np

from oncotrace.domain.geometry import Geometry


def patient_axes(geometry: Geometry) -> tuple[int, int, int]:
    """Grid axes (0 x, 1 y, 2 z) nearest to the patient's L, P and S axes, in that order.

    Each grid axis is used once: of the six ways to pair them, the one with the largest sum of
    absolute direction cosines. Planes across the third axis are the grid's axial planes, however
    the image was acquired; `tilt_deg` tells how far a plane is from the
    patient's own.
    """
    cosines = np.abs(geometry.axes)

    def agreement(axes: tuple[int, ...]) -> float:
        # Rounded, so that a grid half-way between two poses keeps its own order of axes.
        return round(float(sum(cosines[row, axis] for row, axis in enumerate(axes))), 6)

    x, y, z = max(permutations(range(3)), key=agreement)
    return x, y, z


def tilt_deg(geometry: Geometry, plane: int) -> float:
    """Angle between a plane of the grid and the patient's plane that it stands for, 0 to 90.

    Parameters
    ----------
    plane
        0 sagittal, 1 coronal, 2 axial.
    """
    cosine = abs(geometry.axes[plane, patient_axes(geometry)[plane]])
    return float(np.degrees(np.arccos(min(1.0, cosine))))
