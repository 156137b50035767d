"""Which side a lung is on, and where two that touch are parted.

Left and right are the patient's: columns run from the patient's right to the left.
"""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from oncotrace.imaging.morphology import eroded
from oncotrace.segment.spine_axis import SpineAxis

LEFT, RIGHT = 1, 2

_PURE = 0.9  # of a lung lies on its side of the spine; its edges reach across
_DEEPEST = 4


def lung_sides(
    lungs: NDArray[np.bool_], hu: NDArray[np.float32], axis: SpineAxis
) -> NDArray[np.uint8]:
    """Label of every lung voxel: 1 left, 2 right; 0 elsewhere.

    A piece of which nine tenths lie on one side of the spine belongs to that side. Another is
    eroded, voxel by voxel up to four times, until it falls into pieces that do; what joined them is
    shared out by a watershed on the density, which runs along the thin line between two lungs. What
    does not fall apart is cut at the spine.

    Parameters
    ----------
    lungs
        Voxels [z, y, x] along the patient's axes, on cubes.
    hu
        Hounsfield units of the same voxels.
    """
    labels, _ = label(lungs)
    sides = np.zeros(lungs.shape, dtype=np.uint8)
    on_left = _left_of(axis, lungs.shape)
    for number, box in enumerate(find_objects(labels), start=1):
        piece = labels[box] == number
        left = np.broadcast_to(on_left, lungs.shape)[box]
        side = _side_of(piece, left)
        sides[box][piece] = side or _parted(piece, left, hu[box])[piece]
    return sides


def _left_of(axis: SpineAxis, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether a voxel lies to the patient's left of the spine; shape [z, 1, x]."""
    columns = axis.column_in(np.arange(shape[0]))
    return np.asarray(np.arange(shape[2]) > columns[:, None, None])


def _side_of(piece: NDArray[np.bool_], left: NDArray[np.bool_]) -> int:
    """Side that nearly all of a piece lies on; 0 if it lies on both."""
    share = float(np.mean(left[piece]))
    return LEFT if share >= _PURE else RIGHT if share <= 1 - _PURE else 0


def _parted(
    piece: NDArray[np.bool_], left: NDArray[np.bool_], hu: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Sides of a piece that lies on both."""
    seeds = np.zeros(piece.shape, dtype=np.uint8)
    rest = piece
    for _ in range(_DEEPEST):
        rest = eroded(rest, (1, 1, 1))
        labels, _ = label(rest)
        for number, box in enumerate(find_objects(labels), start=1):
            part = labels[box] == number
            if side := _side_of(part, left[box]):
                seeds[box][part] = side
                rest[box][part] = False
    seeds[rest] = np.where(left[rest], LEFT, RIGHT)
    if not seeds.any():  # thinner than a voxel's erosion everywhere
        return np.where(left, LEFT, RIGHT).astype(np.uint8)
    return _shared_out(piece, seeds, hu)


def _shared_out(
    piece: NDArray[np.bool_], seeds: NDArray[np.uint8], hu: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Watershed of the density from the seeds; outside the piece it is as dense as can be."""
    height = np.where(piece, hu, hu.max() + 1)
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(height.astype(np.float32)),
        sitk.GetImageFromArray(seeds),
        markWatershedLine=False,
        fullyConnected=False,
    )
    return np.asarray(sitk.GetArrayFromImage(flooded), dtype=np.uint8)
