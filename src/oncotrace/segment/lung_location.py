"""Where a tumour of the lungs lies: within a lung, at the chest wall, or at the mediastinum.

Derived from what it touches within 3 mm. If less than a tenth of that is outside the lungs, it
lies in the parenchyma. Otherwise it is at the mediastinum if most of what it touches outside lies
between the lungs: in its row there is lung on both sides, and it is nearer to the middle of the
chest than to the lungs' outer end. If not, it is at the chest wall, which the diaphragm counts as.
"""

from typing import Literal, get_args

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.imaging.morphology import ball_xyz, dilated
from oncotrace.imaging.patient_pose import patient_pose
from oncotrace.segment.lung_sides import LEFT, RIGHT
from oncotrace.segment.lungs import Lungs

Location = Literal["parenchyma", "mediastinum", "chest wall"]
LOCATIONS: tuple[Location, ...] = get_args(Location)

_TOUCH_MM = 3.0
_OUTSIDE_SHARE = 0.1


def location_of(tumour: Mask, lungs: Lungs) -> Location:
    """Where a tumour lies.

    Raises
    ------
    EmptyMaskError
        There is no tumour.
    GeometryMismatchError
        Tumour and lungs lie on different grids.
    """
    tumour.require_not_empty()
    tumour.geometry.require_match(lungs.geometry, this="tumour", that="lungs")
    pose = patient_pose(tumour.geometry)
    lesion, labels = pose.turn(tumour.voxels), pose.turn(lungs.labels)
    radius = ball_xyz(_TOUCH_MM, pose.turned)
    touched = dilated(lesion, (max(1, radius[0]), max(1, radius[1]), max(1, radius[2]))) & ~lesion
    outside = touched & (labels == 0)
    if outside.sum() < _OUTSIDE_SHARE * touched.sum():
        return "parenchyma"
    # Columns run from the patient's right to the left.
    after_right = np.maximum.accumulate(labels == RIGHT, axis=2)
    before_left = np.flip(np.maximum.accumulate(np.flip(labels == LEFT, 2), axis=2), 2)
    columns = np.flatnonzero(labels.any(axis=(0, 1)))
    middle, half = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 2
    inner = np.abs(np.arange(labels.shape[2]) - middle) < half / 2
    between = outside & after_right & before_left & inner
    return "mediastinum" if 2 * between.sum() > outside.sum() else "chest wall"
