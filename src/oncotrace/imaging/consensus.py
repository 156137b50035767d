"""One outline from those of several readers, and where they agree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import read_only
from oncotrace.errors import EmptyMaskError, InputError, SettingsError
from oncotrace.imaging.sitk import to_sitk

AGREEMENT_SHARES = (0.1, 0.5, 0.9)
"""Shares of readers whose contours are shown: what anybody, half and nearly all have outlined."""

_ROUNDING = 1e-9
_MOST_ITERATIONS = 1000  # an EM that has not come to rest by then oscillates within rounding


@dataclass(frozen=True, eq=False)
class Staple:
    """What STAPLE makes of several readers' outlines.

    Parameters
    ----------
    probability
        Of being in the structure, [z, y, x] on the readers' grid; 0 beyond the box in which any
        reader has outlined anything.
    mask
        Voxels with a probability of at least one half.
    sensitivities, specificities
        Of each reader against the estimated truth, in the readers' order. The specificity is that
        within the box: over the whole grid it would be near 1 for everybody.
    iterations
        After how many the estimate came to rest.
    """

    probability: NDArray[np.float32]
    mask: Mask
    sensitivities: tuple[float, ...]
    specificities: tuple[float, ...]
    iterations: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "probability", read_only(self.probability))


def staple(masks: Sequence[Mask]) -> Staple:
    """Simultaneous truth and performance level estimation from the outlines of several readers.

    Each reader has one sensitivity and one specificity; these and the truth are estimated in
    turn until they fit. The prior probability of a voxel is the mean share of the box that readers
    outline. The box is the smallest one that holds all outlines, with a margin of one voxel: with
    more background around, all readers would look specific and the prior small, so that the result
    would depend on how much air was scanned.

    Raises
    ------
    InputError
        Fewer than two masks.
    GeometryMismatchError
        The masks lie on different grids.
    EmptyMaskError
        No reader has outlined anything.

    References
    ----------
    Warfield, Zou and Wells, IEEE Trans Med Imaging 2004;23:903-921, doi:10.1109/TMI.2004.828354;
    on restricting it to where readers disagree: section II-G. The program is ITK's.
    """
    box = _box_around(masks)
    estimate = sitk.STAPLEImageFilter()
    estimate.SetForegroundValue(1.0)
    estimate.SetMaximumIterations(_MOST_ITERATIONS)
    grid = masks[0].geometry
    z, y, x = ((axis.start, axis.stop - axis.start) for axis in box)
    part = grid.crop((x[0], y[0], z[0]), (x[1], y[1], z[1]))
    found = estimate.Execute([to_sitk(mask.voxels[box], part) for mask in masks])
    probability = np.zeros(grid.shape_zyx, dtype=np.float32)
    probability[box] = sitk.GetArrayViewFromImage(found)
    return Staple(
        probability=probability,
        mask=Mask(probability >= 0.5, grid),
        sensitivities=tuple(map(float, estimate.GetSensitivity())),
        specificities=tuple(map(float, estimate.GetSpecificity())),
        iterations=int(estimate.GetElapsedIterations()),
    )


def majority(masks: Sequence[Mask]) -> Mask:
    """Voxels that more than half of the readers have outlined; a tie is none.

    Raises
    ------
    InputError
        Fewer than two masks.
    GeometryMismatchError
        The masks lie on different grids.
    """
    return Mask(2 * reader_counts(masks) > len(masks), masks[0].geometry)


def agreement_mask(masks: Sequence[Mask], share: float) -> Mask:
    """Voxels that at least that share of the readers have outlined.

    The share is of readers, not of a smoothed probability: with three readers, 10 % is one of
    them, 50 % two and 90 % all.

    Raises
    ------
    InputError
        Fewer than two masks.
    SettingsError
        The share is not above 0 and at most 1.
    GeometryMismatchError
        The masks lie on different grids.
    """
    if not 0 < share <= 1:
        raise SettingsError(f"a share of readers lies above 0 and is at most 1, found {share}.")
    needed = math.ceil(share * len(masks) - _ROUNDING)
    return Mask(reader_counts(masks) >= needed, masks[0].geometry)


def reader_counts(masks: Sequence[Mask]) -> NDArray[np.uint16]:
    """How many readers have outlined each voxel, [z, y, x].

    Raises
    ------
    InputError
        Fewer than two masks.
    GeometryMismatchError
        The masks lie on different grids.
    """
    if len(masks) < 2:
        raise InputError(
            f"readers can agree where there are two of them, found {len(masks)}.",
            code="too-few-readers",
        )
    counts = np.zeros(masks[0].geometry.shape_zyx, dtype=np.uint16)
    for mask in masks:
        mask.geometry.require_match(masks[0].geometry, this="a mask", that="the first reader's")
        counts += mask.voxels
    return counts


def _box_around(masks: Sequence[Mask]) -> tuple[slice, slice, slice]:
    """Slices [z, y, x] of the smallest box that holds all outlines, and one voxel around it."""
    anybody = Mask(reader_counts(masks) > 0, masks[0].geometry)
    if anybody.is_empty:
        raise EmptyMaskError(
            "no reader has outlined anything.", hint="Check that these are the intended masks."
        )
    z, y, x = (
        slice(max(0, axis.start - 1), min(size, axis.stop + 1))
        for axis, size in zip(anybody.box_zyx(), anybody.voxels.shape, strict=True)
    )
    return z, y, x
