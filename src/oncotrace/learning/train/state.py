"""All that changes while a network is trained."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from oncotrace.learning.head_start import LinearModel
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Optimiser
from oncotrace.learning.train.muon import MuonWithAdamW
from oncotrace.learning.train.network import build_network
from oncotrace.learning.train.segmentation_network import SegmentationNetwork

POLY_POWER = 0.9
FASTEST_LAYOUT = torch.channels_last_3d
"""Of channels in memory: convolutions on a CPU are faster with it."""


@dataclass(slots=True, eq=False)
class TrainingState:
    """Weights, the optimiser's memory and the course so far."""

    network: SegmentationNetwork
    optimiser: torch.optim.Optimizer | MuonWithAdamW
    average: dict[str, Tensor] | None
    """Running mean of the weights by name, if the recipe asks for one."""
    losses: list[float] = field(default_factory=list)
    validations: dict[int, float] = field(default_factory=dict)
    """Score by step."""

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.losses)


def initial_state(
    plan: Plan, device: torch.device, head_start: LinearModel | None = None
) -> TrainingState:
    """State before the first step."""
    network = build_network(plan)
    network = network.to(device, memory_format=network.layout)
    if head_start is not None:
        network.begin_with(head_start)
    weights = {name: value.detach().clone() for name, value in network.named_parameters()}
    averaged = plan.recipe.optimiser.average_decay is not None
    return TrainingState(
        network, _optimiser(network, plan.recipe.optimiser), weights if averaged else None
    )


def _optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer | MuonWithAdamW:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.kind == "muon":
        return MuonWithAdamW(network.parameters(), rate, decay)
    if settings.kind == "adamw":
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    return torch.optim.SGD(
        network.parameters(),
        lr=rate,
        weight_decay=decay,
        momentum=settings.momentum,
        nesterov=True,
    )


def learning_rate(settings: Optimiser, step: int) -> float:
    """Learning rate of a step, counted from 0."""
    warm = settings.warm_up_steps
    if step < warm:
        return settings.learning_rate * (step + 1) / (warm + 1)
    done = (step - warm) / max(1, settings.steps - warm)
    if settings.schedule == "poly":
        return settings.learning_rate * float((1 - done) ** POLY_POWER)
    return settings.learning_rate * float((1 + math.cos(math.pi * done)) / 2)


def update_average(state: TrainingState, decay: float) -> None:
    """Move the running mean towards the weights; at first faster, so that it forgets the start."""
    if state.average is None:
        return
    decay = min(decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for name, value in state.network.named_parameters():
            state.average[name].lerp_(value, 1 - decay)


def resulting_network(state: TrainingState, plan: Plan) -> SegmentationNetwork:
    """Network with the weights that training results in: averaged, if the recipe says so."""
    network = build_network(plan).to(next(state.network.parameters()).device)
    network.load_state_dict(state.average or state.network.state_dict())
    return network.eval()
