"""Dropout that can also be asked for after training (Monte-Carlo dropout)."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Leaves features out at random in training, and as it is told afterwards.

    What is kept is a factor, 1 everywhere unless somebody sets it. In the exported network it is an
    input of its own that may be left out (``oncotrace.learning.dropout_looks``).

    Parameters
    ----------
    share
        So many features are left out on average; the others grow accordingly.
    channels
        Channels of the features.
    axes
        Axes of the grid behind the channels: ``"zyx"`` or ``"yx"``.
    stride
        Voxels of the input's grid per voxel of the features, where each value is left out alone;
        none where channels are left out as a whole (Tompson et al. 2015, arXiv:1411.4280).
    """

    kept: Tensor

    def __init__(self, share: float, channels: int, axes: str, *, stride: int | None) -> None:
        super().__init__()
        self.share, self.axes, self.stride = share, axes, stride
        ones = torch.ones(1, channels, *[1] * len(axes))
        self.register_buffer("kept", ones, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Features [b, channels, ...], some of them 0."""
        if not self.training:
            return features * self.kept
        if self.stride is not None:
            return nn.functional.dropout(features, self.share)
        drawn = torch.ones_like(features[(..., *[slice(1)] * (features.ndim - 2))])
        return features * nn.functional.dropout(drawn, self.share)
