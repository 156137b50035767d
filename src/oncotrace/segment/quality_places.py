"""Where to look first: the slices and the ends of a mask with the most expected error.

A voxel of probability p is wrong with probability 1 - p in the mask and p outside it. Voxels whose
chance to be wrong is below 5 % are left out, for there are so many of them that their sum would
speak of the size of the volume of interest instead.
"""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation
from oncotrace.imaging.crop import Box
from oncotrace.imaging.planes import patient_axes

MOST_SLICES = 5
APART_MM = 5.0
"""Slices nearer than this show the same error again."""

MOST_ENDS = 2
END_SHARE = 0.25
"""How much of the mask's extent along an axis belongs to either end."""

_LEAST_CHANCE = 0.05
_ENDS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))


def places_to_check(made: Segmentation, box: Box) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Slices of the source grid and ends of the tumour to look at first; none if that is unknown.

    Parameters
    ----------
    box
        Part of the grid outside which nothing is uncertain.
    """
    if made.probability is None:
        return (), ()
    part = made.mask.geometry.crop(box.start_xyz, box.size_xyz)
    mask = Mask(made.mask.voxels[box.slices_zyx], part)
    probability = made.probability[box.slices_zyx]
    slices = slices_to_check(probability, mask)
    return tuple(box.start_xyz[2] + z for z in slices), ends_to_check(probability, mask)


def slices_to_check(probability: NDArray[np.float32], mask: Mask) -> tuple[int, ...]:
    """Return the slices along z with the greatest expected area of error, greatest first.

    At most five, at least 5 mm apart. (One voxel's area is the same in all slices.)
    """
    expected = _chance_to_be_wrong(probability, mask).sum(axis=(1, 2), dtype=np.float64)
    chosen: list[int] = []
    for z in np.argsort(-expected, kind="stable"):
        apart_mm = [abs(int(z) - other) * mask.geometry.spacing_mm[2] for other in chosen]
        if expected[z] > 0 and min(apart_mm, default=np.inf) >= APART_MM:
            chosen.append(int(z))
    return tuple(chosen[:MOST_SLICES])


def ends_to_check(probability: NDArray[np.float32], mask: Mask) -> tuple[str, ...]:
    """Return the two ends of the tumour with the greatest expected volume of error, greatest first.

    See `error_at_ends`; an end without any is left out.
    """
    error = error_at_ends(_chance_to_be_wrong(probability, mask), mask)
    ranked = sorted(error, key=lambda end: -error[end])
    return tuple(end for end in ranked[:MOST_ENDS] if error[end] > 0)


def error_at_ends(error: NDArray[np.generic], mask: Mask) -> dict[str, float]:
    """Sum of an error [z, y, x] at each end of a mask, by the end's name.

    An end is the outer quarter of the mask's extent along one axis of the grid, and all beyond it.
    It is named after the direction of the patient that it points in: ``superior``, ``inferior``,
    ``left``, ``right``, ``anterior``, ``posterior``; on an oblique grid the nearest.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    """
    box, geometry = mask.box_zyx(), mask.geometry
    found: dict[str, float] = {}
    for patient_axis, grid_axis in enumerate(patient_axes(geometry)):
        others = tuple(axis for axis in range(3) if axis != 2 - grid_axis)
        along = error.sum(axis=others, dtype=np.float64)
        extent = box[2 - grid_axis]
        reach = END_SHARE * (extent.stop - extent.start)
        places = np.arange(len(along))
        at_ends = [along[places < extent.start + reach], along[places >= extent.stop - reach]]
        ends = _ENDS[patient_axis]
        if geometry.axes[patient_axis, grid_axis] < 0:
            ends = ends[::-1]
        found |= {end: float(of.sum()) for end, of in zip(ends, at_ends, strict=True)}
    return found


def _chance_to_be_wrong(probability: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    chance = np.where(mask.voxels, 1 - probability, probability)
    chance[chance < _LEAST_CHANCE] = 0
    return chance
