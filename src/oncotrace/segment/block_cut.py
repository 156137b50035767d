"""A graph cut of a volume that has more voxels than a cut can take: in blocks.

The energy of ``graph_cut`` is made least among the labellings that are constant within each block
of voxels: the log-odds of a block are the sum of its voxels', and the link of two blocks is the sum
of the links across the face between them. A volume that is small enough has blocks of one voxel.
"""

import numpy as np
from numpy.typing import NDArray

from oncotrace.imaging.graph_cut import MAXIMUM_VOXELS, grid_cut

_Voxels = NDArray[np.float32]
_Links = tuple[_Voxels, _Voxels, _Voxels]
_Steps = tuple[int, int, int]
_XYZ = tuple[float, float, float]


def block_cut(
    log_odds: _Voxels,
    weights_zyx: _Links,
    smoothness: float,
    spacing_zyx_mm: _XYZ,
    *,
    most_blocks: int = MAXIMUM_VOXELS,
) -> NDArray[np.bool_]:
    """Labelling [z, y, x] of least energy among those that are constant within blocks.

    Parameters
    ----------
    log_odds
        Log-odds of tumour [z, y, x]; plus and minus infinity are certain. A block that has both
        is tumour, but each certain voxel becomes what it is certain to be.
    weights_zyx
        See `contrast_weights`.
    """
    block = block_zyx(log_odds.shape, spacing_zyx_mm, most_blocks)
    tumour, background = np.isposinf(log_odds), np.isneginf(log_odds)
    odds = summed_over_blocks(np.where(tumour | background, np.float32(0), log_odds), block)
    odds[_any_in_blocks(background, block)] = -np.inf
    odds[_any_in_blocks(tumour, block)] = np.inf
    labels = grid_cut(odds, links_of_blocks(weights_zyx, block), smoothness)
    return (repeated(labels, block, log_odds.shape) | tumour) & ~background


def block_zyx(shape_zyx: tuple[int, ...], spacing_zyx_mm: _XYZ, most_blocks: int) -> _Steps:
    """Voxels of a block along z, y, x: as nearly a cube as can be."""
    block = np.ones(3, dtype=np.int64)
    while np.prod(np.ceil(np.divide(shape_zyx, block))) > most_blocks:
        block[np.argmin(block * spacing_zyx_mm)] += 1
    z, y, x = (int(n) for n in block)
    return z, y, x


def summed_over_blocks(values: _Voxels, block: _Steps) -> _Voxels:
    """Sum of the values [z, y, x] in each block; blocks at the far ends may be smaller."""
    for axis, step in enumerate(block):
        if step > 1:
            firsts = np.arange(0, values.shape[axis], step)
            values = np.add.reduceat(values, firsts, axis=axis)
    return values


def links_of_blocks(weights_zyx: _Links, block: _Steps) -> _Links:
    """Sum of the links between the voxels of each two neighbouring blocks, along z, y and x."""
    z, y, x = (
        summed_over_blocks(
            weights.take(np.arange(step - 1, weights.shape[axis], step), axis=axis),
            _without(block, axis),
        )
        for axis, (weights, step) in enumerate(zip(weights_zyx, block, strict=True))
    )
    return z, y, x


def repeated(
    labels: NDArray[np.bool_], block: _Steps, shape_zyx: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Labels of blocks, given to each of their voxels."""
    for axis, (step, size) in enumerate(zip(block, shape_zyx, strict=True)):
        labels = labels.repeat(step, axis=axis).take(np.arange(size), axis=axis)
    return labels


def _any_in_blocks(marked: NDArray[np.bool_], block: _Steps) -> NDArray[np.bool_]:
    return summed_over_blocks(marked.astype(np.float32), block) > 0


def _without(block: _Steps, axis: int) -> _Steps:
    z, y, x = (1 if along == axis else step for along, step in enumerate(block))
    return z, y, x
