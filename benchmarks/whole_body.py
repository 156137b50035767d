"""A chest CT embedded in a simulated whole body."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan

AIR, TISSUE, BONE, FOAM, STOOL = -1000.0, 40.0, 400.0, -920.0, -600.0
_SIDE_MM, _BELOW_MM, _ABOVE_MM = 120.0, 700.0, 260.0


def whole_body(chest: Scan) -> tuple[Scan, tuple[slice, slice, slice]]:
    """Chest CT in a larger field with head, arms, abdomen and legs, and where it lies in it.

    The head holds air that opens to the outside through the mouth and reaches down to the chest's
    top slice; the abdomen holds bowel gas and stool; the body lies on a foam mat on a plate. Slices
    must run from feet to head, rows from front to back.
    """
    dz, dy, dx = chest.geometry.spacing_zyx_mm
    below, above, side = round(_BELOW_MM / dz), round(_ABOVE_MM / dz), round(_SIDE_MM / dx)
    back = round(60 / dy)
    nz, ny, nx = chest.voxels.shape
    geometry = chest.geometry.crop(
        (-side, 0, -below), (nx + 2 * side, ny + back, nz + below + above)
    )
    place = (slice(below, below + nz), slice(0, ny), slice(side, side + nx))
    voxels = np.full(geometry.shape_zyx, AIR, dtype=np.float32)
    body_rows = np.flatnonzero((chest.voxels[nz // 2] > -300).any(axis=1))
    middle = (float(body_rows.mean()) * dy, (side + nx / 2) * dx)
    draw = _Painter(voxels, geometry)
    _abdomen_and_legs(draw, below * dz, middle)
    _head(draw, (below + nz) * dz, middle, _trachea_mm(chest, side))
    voxels[place] = chest.voxels
    _arms_and_couch(voxels, geometry)
    voxels += np.random.default_rng(0).normal(scale=8, size=voxels.shape).astype(np.float32)
    voxels[place] = np.where(chest.voxels > -1000, chest.voxels, voxels[place])
    return Scan(np.maximum(voxels, -1024).astype(np.float32), geometry, "ct"), place


class _Painter:
    """Ellipsoids painted into an array; centres and radii in mm from its first voxel, z, y, x."""

    def __init__(self, voxels: NDArray[np.float32], geometry: Geometry) -> None:
        self._voxels = voxels
        self._mm = geometry.spacing_zyx_mm

    def ellipsoid(
        self, hu: float, centre: tuple[float, float, float], radii: tuple[float, float, float]
    ) -> None:
        """Set the voxels of an ellipsoid."""
        box = tuple(
            slice(max(0, int((c - r) / mm)), max(0, int((c + r) / mm) + 2))
            for c, r, mm in zip(centre, radii, self._mm, strict=True)
        )
        part = self._voxels[box]
        axes = [
            ((np.arange(s.start, s.start + n) * mm - c) / r) ** 2
            for s, n, mm, c, r in zip(box, part.shape, self._mm, centre, radii, strict=True)
        ]
        inside = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :] <= 1
        part[inside] = hu


def _abdomen_and_legs(draw: _Painter, top: float, middle: tuple[float, float]) -> None:
    y, x = middle
    draw.ellipsoid(TISSUE, (top - 100, y, x), (260, 105, 165))
    for side in (-1, 1):
        draw.ellipsoid(TISSUE, (top - 420, y, x + side * 85), (330, 75, 75))
        draw.ellipsoid(BONE, (top - 420, y, x + side * 85), (320, 14, 14))
        draw.ellipsoid(AIR, (top - 120, y - 40, x + side * 90), (60, 25, 28))
        draw.ellipsoid(STOOL, (top - 200, y - 10, x + side * 100), (40, 25, 25))
    draw.ellipsoid(AIR, (top - 60, y - 60, x + 30), (30, 30, 60))
    draw.ellipsoid(BONE, (top - 150, y + 55, x), (190, 22, 22))


def _trachea_mm(chest: Scan, side: int) -> tuple[float, float]:
    """Row and column in mm of the enclosed air in the chest's top slice."""
    _, dy, dx = chest.geometry.spacing_zyx_mm
    top = chest.voxels[-1]
    air = binary_fill_holes(top > -300) & (top < -800)
    rows, columns = np.nonzero(air)
    return float(np.median(rows)) * dy, float(np.median(columns) + side) * dx


def _head(
    draw: _Painter, bottom: float, middle: tuple[float, float], trachea: tuple[float, float]
) -> None:
    y, x = middle
    draw.ellipsoid(TISSUE, (bottom + 40, y, x), (110, 90, 70))
    draw.ellipsoid(BONE, (bottom + 140, y, x), (110, 95, 75))
    draw.ellipsoid(TISSUE, (bottom + 140, y, x), (102, 87, 67))
    draw.ellipsoid(AIR, (bottom + 50, *trachea), (90, 10, 10))  # pharynx
    draw.ellipsoid(AIR, (bottom + 105, trachea[0] - 70, trachea[1]), (14, 80, 18))  # open mouth


def _arms_and_couch(voxels: NDArray[np.float32], geometry: Geometry) -> None:
    """Arms along the sides, a mat of foam and a plate below; over what is air only."""
    nz, ny, nx = voxels.shape
    _, dy, dx = geometry.spacing_zyx_mm
    y, x = np.arange(ny)[:, None] * dy, np.arange(nx)[None, :] * dx
    section = np.full((ny, nx), AIR, dtype=np.float32)
    section[(y > (ny * dy) - 55) & (x > 30) & (x < nx * dx - 30)] = FOAM
    section[(y > (ny * dy) - 15) & (y < (ny * dy) - 11) & (x > 20) & (x < nx * dx - 20)] = 100.0
    for arm in (45.0, nx * dx - 45.0):
        section[(y - ny * dy / 2) ** 2 + (x - arm) ** 2 <= 35**2] = TISSUE
        section[(y - ny * dy / 2) ** 2 + (x - arm) ** 2 <= 9**2] = BONE
    for z in range(nz):
        empty = voxels[z] <= AIR
        if z < nz * 0.75:
            voxels[z][empty] = section[empty]
