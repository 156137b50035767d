"""Random patches of a sample."""

import numpy as np
from numpy.typing import NDArray

from oncotrace.learning.padding import margins_zyx, padded
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import Sample

_ZYX = 3


def random_patch(sample: Sample, plan: Plan, rng: np.random.Generator) -> Sample:
    """Patch of the plan's size: anywhere, or in some draws with a target voxel at its centre.

    Where there are several labels, each that is there comes as often to the centre, however small.
    A sample that is smaller than a patch is padded with zeros.
    """
    if plan.grid_xyz is None:
        return sample
    margins = margins_zyx(sample.shape_zyx, plan)
    channels, target = padded(sample.channels, margins), padded(sample.target, margins)
    size = np.array(plan.grid_xyz[::-1])
    room = np.array(channels.shape[1:]) - size
    corner = rng.integers(0, room + 1)
    if rng.random() < plan.recipe.grid.share_on_target:
        voxels = np.argwhere(_one_structure(target, rng))
        corner = np.clip(rng.choice(voxels) - size // 2, 0, room)
    z, y, x = (slice(low, low + n) for low, n in zip(corner, size, strict=True))
    return Sample(channels[:, z, y, x], target[..., z, y, x], sample.spacing_zyx_mm)


def _one_structure(target: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Target [z, y, x] of one of the labels that are there."""
    if target.ndim == _ZYX:
        return target
    chosen: NDArray[np.bool_] = rng.choice(target[target.any(axis=(1, 2, 3))])
    return chosen
