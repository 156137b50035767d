"""The chance in a network's step, such as dropout: the same whenever the step is done."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_DROPOUT = 2  # beside the order and the content of batches


@contextmanager
def chance_of_step(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Draw within the block what a recipe's seed and the step say; outside it nothing changes."""
    devices = [device] if device.type == "cuda" else []
    drawn = np.random.SeedSequence(seed, spawn_key=(_DROPOUT, step)).generate_state(1)[0]
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(drawn))
        yield
