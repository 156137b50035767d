"""Random patches of a sample."""

import numpy as np

from oncotrace.learning.padding import margins_zyx, padded
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import Sample


def random_patch(sample: Sample, plan: Plan, rng: np.random.Generator) -> Sample:
    """Patch of the plan's size: anywhere, or in some draws with a target voxel at its centre.

    A sample that is smaller than a patch is padded with zeros.
    """
    if plan.grid_xyz is None:
        return sample
    margins = margins_zyx(sample.target.shape, plan)
    channels, target = padded(sample.channels, margins), np.pad(sample.target, margins)
    size = np.array(plan.grid_xyz[::-1])
    room = np.array(target.shape) - size
    corner = rng.integers(0, room + 1)
    if rng.random() < plan.recipe.grid.share_on_target:
        corner = np.clip(rng.choice(np.argwhere(target)) - size // 2, 0, room)
    z, y, x = (slice(low, low + n) for low, n in zip(corner, size, strict=True))
    return Sample(channels[:, z, y, x], target[z, y, x], sample.spacing_zyx_mm)
