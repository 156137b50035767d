"""Muon for the kernels of convolutions, AdamW for everything else, as one optimiser.

Muon (Jordan 2024) makes the update of a weight matrix orthogonal before it takes the step, so that
rare directions are learnt as fast as common ones. A kernel [out, in, z, y, x] is the matrix
[out, z y x in]; heads, of one output channel, and norms and biases have no such matrix. Its steps
are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982), so that one learning rate
serves both.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_CHANNELS_LAST = (0, 2, 3, 4, 1)
_CONTIGUOUS = (0, 1, 2, 3, 4)


class MuonWithAdamW:
    """The part of ``torch.optim.Optimizer`` that a training needs, over two optimisers."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
    ) -> None:
        every = list(parameters)
        self._kernels = [weight for weight in every if weight.ndim == 5 and len(weight) > 1]
        self._orders = [_order_in_memory(kernel) for kernel in self._kernels]
        self._matrices = [
            nn.Parameter(kernel.detach().permute(order).view(len(kernel), -1))
            for kernel, order in zip(self._kernels, self._orders, strict=True)
        ]
        known = {id(kernel) for kernel in self._kernels}
        others = [weight for weight in every if id(weight) not in known]
        self._parts = (
            torch.optim.Muon(
                self._matrices,
                lr=learning_rate,
                weight_decay=weight_decay,
                adjust_lr_fn="match_rms_adamw",
            ),
            torch.optim.AdamW(others, lr=learning_rate, weight_decay=weight_decay),
        )
        self._others = others

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Groups of both optimisers; their learning rate is set before every step."""
        return [group for part in self._parts for group in part.param_groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in (*self._kernels, *self._others):
            weight.grad = None

    def step(self) -> None:
        """Move the weights by their gradients."""
        for kernel, order, matrix in zip(self._kernels, self._orders, self._matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.permute(order).flatten(1)
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the memory of both optimisers."""
        muon, adamw = (part.state_dict() for part in self._parts)
        return {"muon": muon, "adamw": adamw}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the memory of both optimisers."""
        for part, name in zip(self._parts, ("muon", "adamw"), strict=True):
            part.load_state_dict(state[name])


def _order_in_memory(kernel: Tensor) -> tuple[int, ...]:
    """Axes of a kernel [out, in, z, y, x] as they lie in memory, so that a matrix can be a view."""
    return _CONTIGUOUS if kernel.is_contiguous() else _CHANNELS_LAST
