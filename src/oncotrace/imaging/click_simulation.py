"""Six clicks as the published rule makes them, and as a person would.

Six interior margin points: for each axis of the mask's grid and either side, one point in the
tumour near its extreme coordinate. The grid's axes stand for the anatomical planes; on an oblique
scan they are the planes that the reader sees.
"""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask

INWARD_SHIFT_VOXELS = 5
INWARD_SHIFT_VOXELS_COARSE = 1
COARSE_SPACING_RATIO = 3.0
MISSED_FRACTION = 0.06
DISPLACEMENT_SD_MM = 3.0

_DRAWS = 50


def exact_clicks(mask: Mask, *, rng: np.random.Generator) -> Clicks:
    """Six clicks of the published rule, as voxel centres in LPS mm.

    For each axis and side, a uniformly chosen tumour voxel at the extreme coordinate is moved
    inward along that axis by 5 voxels (by 1 along the coarsest axis where the spacings differ by a
    factor of 3 or more) and steps back out until it is inside the tumour.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    Spaanderman et al., Eur Radiol 2024, section "Interactive segmentation", and the authors'
    code; doi:10.1007/s00330-024-11167-8. There the clicks are drawn without a seed, and the axis
    of the single-voxel shift is z; on a stack of slices the coarsest axis is z.
    """
    tumour = _tumour_zyx(mask)
    shifts = inward_shift_voxels_zyx(mask.geometry.spacing_zyx_mm)
    chosen = []
    for axis in range(3):
        for inward in (1, -1):
            extreme = tumour[:, axis].min() if inward == 1 else tumour[:, axis].max()
            start = rng.choice(tumour[tumour[:, axis] == extreme])
            chosen.append(_moved_inward(mask, start, axis, inward * shifts[axis]))
    return _clicks_at(mask, chosen)


def person_like_clicks(mask: Mask, *, rng: np.random.Generator) -> Clicks:
    """Six clicks as a person would place them, as voxel centres in LPS mm.

    For each axis and side the extreme is missed inward by a uniformly drawn distance of up to 6 %
    of the tumour's extent; a tumour voxel of that plane, uniformly chosen, is displaced by a
    Gaussian of 3 mm standard deviation along every axis. A person clicks inside what they see: a
    displacement that ends outside the tumour is drawn again (after 50 draws the point stays where
    it was). That alone moves the points inward by about as much as the fixed shift of
    `exact_clicks`, which is therefore not added.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    """
    tumour = _tumour_zyx(mask)
    chosen = []
    for axis in range(3):
        for inward in (1, -1):
            start = rng.choice(_missed_extreme(tumour, axis, inward, rng))
            chosen.append(_displaced_inside(mask, start, rng))
    return _clicks_at(mask, chosen)


def inward_shift_voxels_zyx(spacing_zyx_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    """Voxels by which the published rule moves a click inward along each axis."""
    coarsest = max(spacing_zyx_mm)
    anisotropic = coarsest / min(spacing_zyx_mm) >= COARSE_SPACING_RATIO
    z, y, x = (
        INWARD_SHIFT_VOXELS_COARSE if anisotropic and spacing == coarsest else INWARD_SHIFT_VOXELS
        for spacing in spacing_zyx_mm
    )
    return z, y, x


def _tumour_zyx(mask: Mask) -> NDArray[np.intp]:
    """Return the indices of the tumour's voxels, shape (n, 3), z, y, x."""
    mask.require_not_empty()
    return np.argwhere(mask.voxels)


def _moved_inward(mask: Mask, start: NDArray[np.intp], axis: int, shift: int) -> NDArray[np.intp]:
    step = 1 if shift > 0 else -1
    for distance in range(shift, 0, -step):
        moved = start.copy()
        moved[axis] += distance
        if _is_tumour(mask, moved):
            return moved
    return start


def _missed_extreme(
    tumour: NDArray[np.intp], axis: int, inward: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Tumour voxels of the plane that a person takes for the extreme one."""
    depth = (tumour[:, axis] - tumour[:, axis].min()) * inward
    depth -= depth.min()
    missed_by = rng.uniform(0.0, MISSED_FRACTION) * (depth.max() + 1)
    # The mask may have a gap there: the last plane at or before the drawn one holds tumour.
    plane = depth[depth <= missed_by].max()
    return np.asarray(tumour[depth == plane])


def _displaced_inside(
    mask: Mask, start: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.intp]:
    sd_voxels = DISPLACEMENT_SD_MM / np.asarray(mask.geometry.spacing_zyx_mm)
    for _ in range(_DRAWS):
        moved = np.rint(start + rng.normal(0.0, sd_voxels)).astype(np.intp)
        if _is_tumour(mask, moved):
            return moved
    return start


def _is_tumour(mask: Mask, index_zyx: NDArray[np.intp]) -> bool:
    if (index_zyx < 0).any() or (index_zyx >= mask.voxels.shape).any():
        return False
    return bool(mask.voxels[tuple(index_zyx)])


def _clicks_at(mask: Mask, indices_zyx: list[NDArray[np.intp]]) -> Clicks:
    return Clicks(mask.geometry.to_point_mm(np.array(indices_zyx)[:, ::-1]))
