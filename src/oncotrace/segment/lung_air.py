"""Air in the chest on a coarse grid: which of it is lung.

The constants are anatomy, not fits: aerated lung lies between -950 and -500 HU on average, gas in
the bowel, air around the patient and in the airways at -1000; what is less dense than the body's
own tissue (-300 HU) is air. A lung holds a ball of 20 mm somewhere, and 50 ml.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.body import TISSUE_HU, body_of
from oncotrace.imaging.morphology import ball_xyz, eroded

_PURE_AIR_HU = -960.0
_CORE_RADIUS_MM = 10.0
_SMALLEST_CORE_ML = 5.0
_SMALLEST_PIECE_ML = 50.0


def air_inside(ct: Scan) -> NDArray[np.bool_]:
    """Voxels below -300 HU that the body encloses, in their slice or on three of four sides.

    The second is for a lung that the side of the image cuts off.

    Parameters
    ----------
    ct
        Hounsfield units along the patient's axes (`oncotrace.imaging.patient_grid`).
    """
    body = body_of(ct).voxels
    air = ct.voxels < TISSUE_HU
    tissue = body & ~air
    sides = np.zeros(body.shape, dtype=np.uint8)
    for axis in (1, 2):
        sides += np.maximum.accumulate(tissue, axis=axis)
        sides += np.flip(np.maximum.accumulate(np.flip(tissue, axis), axis=axis), axis)
    return air & (body | (sides >= 3))


def lung_cores(air: NDArray[np.bool_], ct: Scan) -> NDArray[np.bool_]:
    """Inner parts of the pieces of air that are lung by their density; none if there is no lung.

    Those that share no slice with the largest lie above or below the chest: bowel full of stool is
    as dense as lung.
    """
    labels, _ = label(eroded(air, ball_xyz(_CORE_RADIUS_MM, ct.geometry)))
    boxes = find_objects(labels)
    volumes_ml = np.bincount(labels.ravel())[1:] * ct.geometry.voxel_volume_mm3 / 1000
    found = np.zeros(air.shape, dtype=np.bool_)
    chest = slice(0, air.shape[0])
    for index in np.argsort(-volumes_ml, kind="stable"):
        along, box = boxes[index][0], boxes[index]
        core = labels[box] == index + 1
        if volumes_ml[index] < _SMALLEST_CORE_ML:
            break
        in_chest = along.start < chest.stop and along.stop > chest.start
        if in_chest and np.median(ct.voxels[box][core]) > _PURE_AIR_HU:
            chest = along if not found.any() else chest
            found[box] |= core
    return found


def pieces_with(
    air: NDArray[np.bool_], cores: NDArray[np.bool_], geometry: Geometry
) -> NDArray[np.bool_]:
    """Pieces of air of at least 50 ml that hold a core."""
    labels, count = label(air)
    kept = np.zeros(count + 1, dtype=np.bool_)
    kept[labels[cores]] = True
    kept &= np.bincount(labels.ravel()) * geometry.voxel_volume_mm3 / 1000 >= _SMALLEST_PIECE_ML
    kept[0] = False
    return np.asarray(kept[labels])
