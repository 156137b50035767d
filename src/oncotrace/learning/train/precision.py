"""Where half precision may be used."""

import numpy as np
import torch

from oncotrace.learning.plan import Plan, Steps

_UNSAFE_DEPTH = 2


def autocast_for(plan: Plan, shape_zyx: Steps, device: torch.device) -> torch.autocast:
    """Return the context for the forward pass of samples of that size, in the plan's precision.

    On CPUs with bfloat16 instructions, torch 2.13's gradient of a convolution's weights reads
    memory that nobody has written where the features are exactly two voxels deep and the kernel is
    three: now and then it is not a number, and it never is the same twice. Samples with such a
    level, which are small, are computed in float32.
    """
    low = plan.recipe.optimiser.precision == "bfloat16"
    strides = np.cumprod([z for z, _, _ in plan.strides_zyx])
    safe = device.type != "cpu" or _UNSAFE_DEPTH not in shape_zyx[0] // strides
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=low and safe)
