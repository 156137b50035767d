"""Which slices of a mask are outlined, when not all are.

The axis is told from the mask alone: slices that are outlined are separated by empty ones, so the
voxels of a partial mask form short runs across its slices and long ones within them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import EmptyMaskError, InputError

_CLEARLY_SHORTER = 1.5


@dataclass(frozen=True)
class OutlinedSlices:
    """Slices that a reader has outlined.

    Parameters
    ----------
    axis
        Array axis across the slices: 0 z, 1 y, 2 x.
    numbers
        Indices of the slices along that axis, ascending.
    """

    axis: int
    numbers: tuple[int, ...]

    @property
    def to_fill(self) -> tuple[int, ...]:
        """Indices of the slices between the first outlined one and the last that are not."""
        between = set(range(self.numbers[0], self.numbers[-1] + 1))
        return tuple(sorted(between - set(self.numbers)))


def outlined_slices(voxels: NDArray[np.bool_]) -> OutlinedSlices:
    """Recognise the axis and the outlined slices of a partial mask [z, y, x].

    The axis is the one with the shortest runs of set voxels along it, if there are empty slices
    between set ones along it. A structure that is whole has no such slices, nor has one that was
    outlined along two axes, since every slice along either holds a line of the other's outlines;
    two whole structures side by side have, but no short runs.

    Raises
    ------
    EmptyMaskError
        No voxel is set.
    InputError
        One slice alone is outlined, none is empty between the first and the last, or two axes would
        do.
    """
    if not voxels.any():
        raise EmptyMaskError(
            "no slice is outlined: the mask is empty.",
            hint="Outline the first and the last slice that show the tumour, and some between.",
        )
    used = [np.flatnonzero(voxels.any(axis=_others(axis))) for axis in range(3)]
    if min(slices.size for slices in used) == 1:
        raise InputError(
            "one slice alone is outlined; slices are filled between outlined ones.",
            hint="Outline the first and the last slice that show the tumour, too.",
            code="one-slice",
        )
    gapped = [axis for axis in range(3) if used[axis][-1] - used[axis][0] >= used[axis].size]
    runs = [_mean_run(voxels, axis) for axis in range(3)]
    shortest = min((runs[axis] for axis in gapped), default=np.inf)
    if any(runs[axis] <= shortest for axis in range(3) if axis not in gapped):
        raise InputError(
            "there is nothing to fill: along no axis of the grid do empty slices separate outlined "
            "ones.",
            hint="Outline slices along one axis and leave others empty. Outlines along two axes at "
            "once are not understood.",
            code="nothing-to-fill",
        )
    similar = [axis for axis in gapped if runs[axis] < _CLEARLY_SHORTER * shortest]
    if len(similar) > 1:
        names = " and ".join("zyx"[axis] for axis in similar)
        raise InputError(
            f"along which axis the slices were outlined cannot be told: {names} would do.",
            hint="Outline along one axis, and slices that are larger than a few voxels.",
            code="ambiguous-axis",
        )
    (axis,) = similar
    return OutlinedSlices(axis, tuple(int(number) for number in used[axis]))


def _others(axis: int) -> tuple[int, int]:
    first, second = (other for other in range(3) if other != axis)
    return first, second


def _mean_run(voxels: NDArray[np.bool_], axis: int) -> float:
    """Mean length in voxels of the uninterrupted rows of set voxels along an axis."""
    along = np.moveaxis(voxels, axis, 0)
    starts = np.count_nonzero(along[0]) + np.count_nonzero(along[1:] & ~along[:-1])
    return float(np.count_nonzero(voxels) / starts)
