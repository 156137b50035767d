"""The training of one network, step by step, interrupted and resumed to the same weights."""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oncotrace.errors import InputError, ModelError, OutputError
from oncotrace.learning.curve import Curve, write_curve
from oncotrace.learning.head_start import linear_head_start
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import TrainingData
from oncotrace.learning.train.batches import Batch, batches
from oncotrace.learning.train.chance import chance_of_step
from oncotrace.learning.train.checkpoint import Purpose, read_checkpoint, write_checkpoint
from oncotrace.learning.train.device import chosen_device, repeatable
from oncotrace.learning.train.loss import loss_at, supervised_loss
from oncotrace.learning.train.precision import autocast_for
from oncotrace.learning.train.segmentation_network import SegmentationNetwork
from oncotrace.learning.train.start import Start, keep_others, state_from
from oncotrace.learning.train.state import (
    FASTEST_LAYOUT,
    TrainingState,
    initial_state,
    learning_rate,
    resulting_network,
    update_average,
)
from oncotrace.learning.windows import over_windows

CHECKPOINT_EVERY_S = 300.0

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From channels [c, z, y, x] to logits [z, y, x]."""


@dataclass(frozen=True, slots=True)
class Validation:
    """A look at cases that are not trained on; it is recorded and changes nothing."""

    every_steps: int
    score: Callable[[Predict], float]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is, after a step."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    seconds_left: float
    validation: float | None


def train(
    plan: Plan,
    data: TrainingData,
    checkpoint: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    threads: int = 1,
    workers: int = 1,
    validation: Validation | None = None,
    start: Start | None = None,
) -> Generator[Progress, None, None]:
    """Train the network of a plan; yields after every step.

    The state is kept in ``checkpoint`` every five minutes, at the end, and when the iteration is
    closed; the curve stands beside it (`curve_beside`). With one seed the weights are the same bit
    for bit on one kind of CPU with one number of threads, resumed or not.

    Parameters
    ----------
    resume
        Whether to go on from the checkpoint, if there is one.
    device
        ``auto``, ``cpu`` or ``cuda``.
    threads
        Threads that compute on the CPU. More are faster only if nothing else runs beside them.
    workers
        Threads that prepare samples.
    start
        Weights to begin with and layers to train, for fine-tuning; chance, or what the recipe says,
        and all layers unless given.

    Raises
    ------
    OutputError
        There is a checkpoint and ``resume`` is false, or it cannot be written.
    ModelError
        The checkpoint is damaged or of another training, or the training diverged.
    InputError
        There are no cases, or a sample cannot be used.
    SettingsError
        There is no such device.
    """
    if not data.case_ids:
        raise InputError(
            "there is no case to train on.", hint="Check the folds.", code="no-training-cases"
        )
    place = chosen_device(device)
    purpose = Purpose(plan, data)
    if not checkpoint.exists():
        state = _first_state(purpose, place, start)
    elif resume:
        state = read_checkpoint(checkpoint, purpose, place)
    else:
        raise OutputError(
            f"{checkpoint.name} exists already and is not written over.",
            hint="Resume the training, or choose another place.",
            code="output-exists",
        )
    if start is not None:
        keep_others(state.network, start.layers)
    return _steps(state, purpose, checkpoint, threads, workers, validation)


def trained_network(plan: Plan, data: TrainingData, checkpoint: Path) -> SegmentationNetwork:
    """Network that a finished training has left in its checkpoint, on the CPU.

    Raises
    ------
    ModelError
        The checkpoint is missing, damaged, of another training, or not finished.
    """
    state = read_checkpoint(checkpoint, Purpose(plan, data), torch.device("cpu"))
    if state.step < plan.recipe.optimiser.steps:
        raise ModelError(
            f"{checkpoint.name} is of step {state.step} of {plan.recipe.optimiser.steps}.",
            hint="Resume the training.",
            code="unfinished-training",
        )
    return resulting_network(state, plan)


def curve_beside(checkpoint: Path) -> Path:
    """Where the curve of a training is written."""
    return checkpoint.with_suffix(".curve.csv")


def _first_state(purpose: Purpose, place: torch.device, start: Start | None) -> TrainingState:
    if start is not None:
        return state_from(start, purpose.plan, place)
    skips = purpose.plan.recipe.network.linear_skip
    model = linear_head_start(purpose.plan, purpose.data) if skips else None
    return initial_state(purpose.plan, place, model)


def _steps(
    state: TrainingState,
    purpose: Purpose,
    checkpoint: Path,
    threads: int,
    workers: int,
    validation: Validation | None,
) -> Generator[Progress, None, None]:
    settings = purpose.plan.recipe.optimiser
    first, start = state.step, time.monotonic()
    kept = start
    prepared = batches(purpose.plan, purpose.data, first_step=first, workers=workers)
    try:
        for batch in prepared:
            with repeatable(threads):
                loss = _step(state, batch, purpose.plan)
                score = _validated(state, purpose.plan, validation)
            now = time.monotonic()
            if now - kept >= CHECKPOINT_EVERY_S or state.step == settings.steps:
                _keep(state, purpose, checkpoint)
                kept = now
            left = (settings.steps - state.step) * (now - start) / (state.step - first)
            rate = learning_rate(settings, state.step - 1)
            try:
                yield Progress(state.step, settings.steps, loss, rate, left, score)
            except GeneratorExit:  # between two steps, where the state is whole
                _keep(state, purpose, checkpoint)
                raise
    finally:
        prepared.close()


def _step(state: TrainingState, batch: Batch, plan: Plan) -> float:
    """Loss of one step, which changes the state."""
    settings = plan.recipe.optimiser
    rate = learning_rate(settings, state.step)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.network.train()
    state.optimiser.zero_grad()
    place = next(state.network.parameters()).device
    with chance_of_step(plan.recipe.seed, state.step, place):
        loss = sum(_backward(state, part, len(batch), plan) for part in _parts(batch, plan))
    if not math.isfinite(loss):
        raise ModelError(
            f"the training diverged at step {state.step + 1}: its loss is not a number.",
            hint="Take a smaller learning rate.",
            code="training-diverged",
        )
    if settings.largest_gradient is not None:
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.largest_gradient)
    state.optimiser.step()
    state.losses.append(loss)
    update_average(state, settings.average_decay or 0.0)
    return loss


def _parts(batch: Batch, plan: Plan) -> list[Batch]:
    """Split a batch into samples that pass together: each alone where sizes may differ."""
    return [batch] if plan.grid_xyz else [[sample] for sample in batch]


def _backward(state: TrainingState, part: Batch, batch_size: int, plan: Plan) -> float:
    """Add the gradients of some samples; returns their share of the loss."""
    device = next(state.network.parameters()).device
    channels = _stacked([sample.channels for sample in part], device)
    channels = channels.contiguous(memory_format=FASTEST_LAYOUT)
    target = _stacked([sample.target.astype(np.float32) for sample in part], device)
    _, z, y, x = part[0].channels.shape
    with autocast_for(plan, (z, y, x), device):
        levels = state.network.supervised(channels)
    settings = loss_at(plan.recipe.loss, state.step / plan.recipe.optimiser.steps)
    loss = supervised_loss([level.float() for level in levels], target, settings)
    share = loss * (len(part) / batch_size)
    share.backward()
    return float(share.item())


def _stacked(arrays: list[NDArray[np.float32]], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device)


def _validated(state: TrainingState, plan: Plan, validation: Validation | None) -> float | None:
    if validation is None or state.step % validation.every_steps:
        return None
    score = float(validation.score(predictor_of(resulting_network(state, plan), plan)))
    state.validations[state.step] = score
    return score


def predictor_of(network: SegmentationNetwork, plan: Plan) -> Predict:
    """Return what predicts with a torch network, where its weights are."""
    device = next(network.parameters()).device

    def run(channels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.no_grad():
            logits, features = network(_stacked([channels], device))
        return logits[0].cpu().numpy(), features[0].cpu().numpy()

    def predict(channels: NDArray[np.float32]) -> NDArray[np.float32]:
        return over_windows(run, channels, plan)[0]

    return predict


def _keep(state: TrainingState, purpose: Purpose, checkpoint: Path) -> None:
    write_checkpoint(checkpoint, state, purpose)
    settings = purpose.plan.recipe.optimiser
    scores = [state.validations.get(step + 1, math.nan) for step in range(state.step)]
    rates = [learning_rate(settings, step) for step in range(state.step)]
    curve = Curve(np.array(state.losses), np.array(rates), np.array(scores))
    write_curve(curve_beside(checkpoint), curve)
