"""A synthetic chest on CT: body, spine, lungs with vessels, airway, heart, bowel gas."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.resample import resample_array

SPACING_MM = 3.0
SHAPE_ZYX = (100, 84, 116)
GRID = Geometry(
    (SHAPE_ZYX[2], SHAPE_ZYX[1], SHAPE_ZYX[0]), (SPACING_MM,) * 3, (-172.5, -124.5, -150.0)
)
"""Patient coordinates: x to the left, y to the back, z to the head; the spine at x = 0."""


@dataclass(frozen=True, eq=False)
class Chest:
    """A CT and what it shows, on one grid."""

    ct: Scan
    left: NDArray[np.bool_]
    right: NDArray[np.bool_]
    airway: NDArray[np.bool_]

    @property
    def lungs(self) -> Mask:
        return Mask(self.left | self.right, self.ct.geometry)


def chest(*, touching: bool = False, collapsed_left: bool = False, lungs: bool = True) -> Chest:
    """A chest of 348 x 252 x 300 mm; bowel gas lies 30 mm below the lungs.

    Parameters
    ----------
    touching
        Whether the lungs touch before the heart along a line of one voxel of -450 HU.
    collapsed_left
        Whether the lower half of the left lung holds no air.
    lungs
        Whether there are lungs and an airway at all.
    """
    x, y, z = _positions()
    hu = np.full(SHAPE_ZYX, -1000.0)
    hu[(x / 160) ** 2 + (y / 105) ** 2 <= 1] = 40
    hu[(x**2 + (y - 70) ** 2 <= 20**2)] = 350
    hu[_ball(x, y, z, (60, -30, -120), (40, 25, 15))] = -1000  # bowel
    left = _ball(x, y, z, (78, 0, 20), (55, 75, 95)) | False
    right = _ball(x, y, z, (-78, 0, 20), (55, 75, 95))
    airway = np.zeros(SHAPE_ZYX, dtype=bool)
    if lungs:
        if touching:
            left |= (np.abs(y + 40) < 18) & (np.abs(z - 40) < 30) & (x > 1) & (x < 60)
            right |= (np.abs(y + 40) < 18) & (np.abs(z - 40) < 30) & (x < -1) & (x > -60)
        texture = np.random.default_rng(0).normal(scale=50, size=SHAPE_ZYX)
        hu[left | right] = (-840 + texture)[left | right]
        if touching:
            hu[(np.abs(x) < 2) & (np.abs(y + 40) < 18) & (np.abs(z - 40) < 30)] = -450
        for height in (-20, 20, 60):
            hu[(left | right) & ((y - 10) ** 2 + (z - height) ** 2 <= 5**2)] = 40
        airway = _airway(x, y, z)
        if collapsed_left:
            hu[left & (z < 0)] = 40
            left &= z >= 0
        hu[airway] = -1000
    noise = np.random.default_rng(1).normal(scale=10, size=SHAPE_ZYX)
    ct = Scan((hu + noise).astype(np.float32), GRID, "ct")
    nothing = np.zeros(SHAPE_ZYX, dtype=bool)
    return Chest(ct, left if lungs else nothing, right if lungs else nothing, airway)


def on_grid(scan: Scan, target: Geometry) -> Scan:
    """Scan as another grid shows it, with air around it."""
    voxels = resample_array(
        scan.voxels, scan.geometry, target, interpolation="linear", outside=-1000.0
    )
    return Scan(voxels, target, scan.modality)


def _positions() -> tuple[NDArray[np.float64], ...]:
    z, y, x = np.indices(SHAPE_ZYX)
    points = GRID.to_point_mm(np.stack([x, y, z], axis=-1))
    return points[..., 0], points[..., 1], points[..., 2]


def _ball(x, y, z, centre, radii) -> NDArray[np.bool_]:
    squares = [((p - c) / r) ** 2 for p, c, r in zip((x, y, z), centre, radii, strict=True)]
    return np.asarray(sum(squares) <= 1)


def _airway(x, y, z) -> NDArray[np.bool_]:
    """Trachea from the top to z = 60, then two bronchi that slope into the lungs."""
    trachea = (x**2 + (y - 20) ** 2 <= 9**2) & (z >= 58)
    bronchi = ((y - 20) ** 2 + (z - 60 + np.abs(x) * 0.8) ** 2 <= 7**2) & (np.abs(x) <= 40)
    return np.asarray(trachea | bronchi)
