"""What every kind of network gives, so that one trainer and one exporter serve them all."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from oncotrace.learning.head_start import LinearModel


class SegmentationNetwork(nn.Module):
    """A network from channels [b, c, z, y, x] to logits [b, z, y, x] and features [b, k].

    Logits are [b, l, z, y, x] where the recipe names labels.
    """

    layout: torch.memory_format = torch.channels_last_3d
    """Of the weights in memory: the one that is fastest on a CPU."""

    @abstractmethod
    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the mean of the bottleneck over the grid."""

    @abstractmethod
    def supervised(self, channels: Tensor) -> list[Tensor]:
        """Logits [b, z, y, x] of every supervised level, the finest first, all on the full grid."""

    def begin_with(self, model: LinearModel) -> None:
        """Let the network give what the linear model says at first; most kinds cannot."""
