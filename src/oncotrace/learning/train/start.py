"""Where a training begins if not from chance: at given weights, some of which stay as they are."""

from dataclasses import dataclass

import torch

from oncotrace.errors import ModelError
from oncotrace.learning.plan import Plan
from oncotrace.learning.train.segmentation_network import SegmentationNetwork
from oncotrace.learning.train.state import TrainingState, initial_state
from oncotrace.learning.tuning import Layers

_BEFORE_DECODER = ("encoder.", "bottleneck.")
_LAST = ("output.", "skip.")
"""The logits are the sum of these two layers, the second of which some networks lack."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Network that a training begins with, and the layers of it that the training may change."""

    network: SegmentationNetwork
    layers: Layers


def state_from(start: Start, plan: Plan, device: torch.device) -> TrainingState:
    """State before the first step, with the weights of the start."""
    state = initial_state(plan, device)
    weights = start.network.state_dict()
    state.network.load_state_dict(weights)
    for name, value in (state.average or {}).items():
        value.copy_(weights[name])
    return state


def keep_others(network: SegmentationNetwork, layers: Layers) -> None:
    """Take all weights but those of the layers out of the training.

    Raises
    ------
    ModelError
        The network has no such layers.
    """
    trained = [name for name, _ in network.named_parameters() if _is_in(name, layers)]
    if layers != "whole" and len(trained) in (0, len(list(network.parameters()))):
        raise ModelError(
            f"a network of this kind has no part that is called {layers}.",
            hint="Take --layers whole.",
            code="no-such-layers",
        )
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in trained)


def _is_in(name: str, layers: Layers) -> bool:
    if layers == "last-layer":
        return name.startswith(_LAST)
    return layers == "whole" or not name.startswith(_BEFORE_DECODER)
