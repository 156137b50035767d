"""Solid and ground-glass parts of a tumour in the lung, by its density or by its texture.

The publication (Primakov 2023, chapter 9) calls solid what has the largest intensity or the most
homogeneous texture, and ground glass the rest, and leaves the thresholds open. Ours: denser than
-300 HU, half-way between aerated lung and tissue; and the threshold on the local spread of density
that parts the tumour's own voxels best (Otsu), if the two parts then differ at all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.morphology import ball_xyz
from oncotrace.segment.lung_settings import LungSettings, SolidBy

_BINS = 128
_DIFFERENT = 1.5
"""Ratio of the two parts' mean spread below which a tumour is of one texture."""


@dataclass(frozen=True)
class Substance:
    """Volumes of a tumour's parts, and how they were told apart."""

    by: SolidBy
    solid_ml: float
    ground_glass_ml: float


def substances(ct: Scan, tumour: Mask, settings: LungSettings) -> tuple[Substance, ...]:
    """Solid and ground-glass volume in millilitres, in every way that the settings name.

    The two add up to the tumour's volume. An empty tumour has neither.

    Raises
    ------
    GeometryMismatchError
        Tumour and CT lie on different grids.
    """
    tumour.geometry.require_match(ct.geometry, this="tumour", that="image")
    return tuple(_substance(by, ct, tumour, settings) for by in settings.solid_by)


def solid_by_intensity(ct: Scan, tumour: Mask, solid_hu: float) -> NDArray[np.bool_]:
    """Voxels [z, y, x] of the tumour that are at least so dense."""
    return tumour.voxels & (ct.voxels >= solid_hu)


def solid_by_texture(ct: Scan, tumour: Mask, width_mm: float) -> NDArray[np.bool_]:
    """Voxels [z, y, x] of the tumour around which its density varies least.

    The spread is the standard deviation over the tumour's own voxels in a box of ``width_mm``, so
    that the step to the lung around is no texture. A tumour of one texture is all solid.
    """
    solid = np.zeros(tumour.voxels.shape, dtype=np.bool_)
    if tumour.is_empty:
        return solid
    box = tumour.box_zyx()
    inside = tumour.voxels[box]
    radius = ball_xyz(width_mm / 2, tumour.geometry)
    spread = _spread(ct.voxels[box], inside, tuple(2 * r + 1 for r in reversed(radius)))
    values = spread[inside]
    is_low = values <= otsu(values)
    if is_low.all() or not is_low.any() or not _differ(values, is_low):
        is_low[:] = True
    part = np.zeros_like(inside)
    part[inside] = is_low
    solid[box] = part
    return solid


def _differ(spread: NDArray[np.float32], is_low: NDArray[np.bool_]) -> bool:
    """Whether the parts differ in texture by more than chance and noise do; in HU."""
    low, high = float(spread[is_low].mean()), float(spread[~is_low].mean())
    return high >= _DIFFERENT * max(low, 1.0)


def otsu(values: NDArray[np.float32]) -> float:
    """Threshold that parts values into two classes with the least variance within them.

    References
    ----------
    Otsu, IEEE Trans Syst Man Cybern 1979;9:62-66, doi:10.1109/TSMC.1979.4310076.
    """
    counts, edges = np.histogram(values, bins=_BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    sums = np.cumsum(counts * centres)
    above = below[-1] - below
    is_split = (below > 0) & (above > 0)
    between = np.zeros(_BINS)
    apart = sums[is_split] / below[is_split] - (sums[-1] - sums[is_split]) / above[is_split]
    between[is_split] = below[is_split] * above[is_split] * apart**2
    return float(edges[1 + int(between.argmax())])


def _substance(by: SolidBy, ct: Scan, tumour: Mask, settings: LungSettings) -> Substance:
    if by == "intensity":
        solid = solid_by_intensity(ct, tumour, settings.solid_hu)
    else:
        solid = solid_by_texture(ct, tumour, settings.texture_mm)
    voxel_ml = tumour.geometry.voxel_volume_mm3 / 1000
    solid_ml = int(np.count_nonzero(solid)) * voxel_ml
    return Substance(by, solid_ml, int(np.count_nonzero(tumour.voxels)) * voxel_ml - solid_ml)


def _spread(
    hu: NDArray[np.float32], inside: NDArray[np.bool_], size_zyx: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the standard deviation over the voxels inside, in a box around every voxel."""

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(uniform_filter(values, size_zyx, mode="constant"))

    weight = np.maximum(mean(inside.astype(np.float64)), 1e-9)
    centred = np.where(inside, hu - hu[inside].mean(dtype=np.float64), 0.0)
    first, second = mean(centred) / weight, mean(centred**2) / weight
    return np.sqrt(np.maximum(second - first**2, 0.0)).astype(np.float32)
