"""A synthetic limb: air, muscle, a ring of fat, a bright core; smooth noise-free places known."""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan

GRID = Geometry((40, 36, 12), (2.0, 2.0, 5.0), (-30.0, 12.0, 400.0))
AIR, MUSCLE, FAT, CORE = 5.0, 300.0, 950.0, 620.0


def tissues() -> NDArray[np.float64]:
    """Intensities without noise, [z, y, x]."""
    z, y, x = np.indices(GRID.shape_zyx)
    radius = np.hypot((x - 19.5) / 17, (y - 17.5) / 15)
    values = np.full(GRID.shape_zyx, AIR)
    values[radius <= 1] = FAT
    values[radius <= 0.75] = MUSCLE
    core = ((x - 19.5) / 4) ** 2 + ((y - 17.5) / 4) ** 2 + ((z - 5.5) / 3) ** 2 <= 1
    values[core] = CORE
    return values


def limb(*, seed: int = 0, noise: float = 25.0, modality: Modality = "mr-t1") -> Scan:
    """Return the limb with Gaussian noise, not below 0."""
    rng = np.random.default_rng(seed)
    voxels = tissues() + rng.normal(scale=noise, size=GRID.shape_zyx)
    return Scan(np.maximum(voxels, 0).astype(np.float32), GRID, modality)


def body() -> Mask:
    """All but air."""
    return Mask(tissues() > AIR, GRID)


def scaled(scan: Scan, slope: float, shift: float) -> Scan:
    """Return the same picture in the units of another scanner."""
    voxels = (scan.voxels * slope + shift).astype(np.float32)
    return Scan(voxels, scan.geometry, scan.modality)
