"""From the probabilities of several images of one tumour to one mask on the first one's grid."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.crop import Box, box_around, paste
from oncotrace.imaging.resample import resample_array
from oncotrace.segment.finish import CERTAIN_LOG_ODDS, on_source_grid
from oncotrace.segment.published_finish import PostProcessing, published_on_source_grid
from oncotrace.segment.voi import GridClicks, clicks_on_grid

_BEYOND = -1.0  # of voxels that an image does not show; no probability is below 0
_JUST_TUMOUR = np.float32(1e-6)
_LEAST = np.float32(1 / (1 + np.exp(CERTAIN_LOG_ODDS)))

_Voxels = NDArray[np.float32]


def laid_onto(grid: Geometry, probability: _Voxels, own: Geometry) -> _Voxels:
    """Probability [z, y, x] on another grid, linear in LPS mm; below 0 beyond the field of view.

    The field of view reaches to the outer edges of the voxels.
    """
    return resample_array(probability, own, grid, interpolation="linear", outside=_BEYOND)


def mean_where_seen(first: _Voxels, others: Sequence[_Voxels]) -> _Voxels:
    """Mean probability [z, y, x] of the first image and of those others that show a voxel.

    Parameters
    ----------
    others
        On the first one's grid; see `laid_onto`.
    """
    total, images = first.copy(), np.ones_like(first)
    for values in others:
        seen = values >= 0
        total[seen] += values[seen]
        images += seen
    return total / images


def tidied(
    mean: _Voxels, grid: Geometry, clicks: Clicks | None, kind: PostProcessing | None
) -> tuple[Mask, _Voxels]:
    """Mask where the probability is one half or more, tidied up, and the probability with it.

    Parameters
    ----------
    kind
        Post-processing that a plan names; none where the pieces with clicks are kept and their
        holes filled, as after six clicks.

    Raises
    ------
    ClickError
        The clicks cannot be used on this grid.
    """
    odds = _log_odds(mean)
    if clicks is None or kind is not None:
        inside, probability = published_on_source_grid(odds, grid, grid, kind or "none")
        return Mask(inside, grid), probability
    checked = clicks_on_grid(clicks, grid)
    box = _box_of(mean, checked, grid)
    part = grid.crop(box.start_xyz, box.size_xyz)
    inside, probability = on_source_grid(odds[box.slices_zyx], part, part, checked, slope=1.0)
    whole = paste(probability, box, grid).astype(np.float32, copy=False)
    return Mask(paste(inside, box, grid).astype(np.bool_, copy=False), grid), whole


def _log_odds(probability: _Voxels) -> _Voxels:
    """Log-odds within what counts as certain, above 0 just where the probability is a half."""
    limited = np.clip(probability, _LEAST, 1 - _LEAST)
    odds = np.log(limited / (1 - limited))
    is_tumour = probability >= np.float32(0.5)
    apart = np.where(is_tumour, np.maximum(odds, _JUST_TUMOUR), np.minimum(odds, -_JUST_TUMOUR))
    return np.asarray(apart, dtype=np.float32)


def _box_of(mean: _Voxels, clicks: GridClicks, grid: Geometry) -> Box:
    """Box around the clicks and all that may be tumour, with a rim of one voxel."""
    ends = grid.to_index(clicks.outline_mm)
    voxels = np.argwhere(mean >= np.float32(0.5))
    if len(voxels):
        ends = np.concatenate([ends, voxels[:, ::-1]])
    return box_around(ends, np.ones(3), grid)
