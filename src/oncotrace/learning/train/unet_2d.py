"""The published U-Net for axial slices, which sees one slice at a time.

Two convolutions of 3 x 3 with ELU at each level, maxima of 2 x 2 on the way down, nearest-neighbour
enlargement and a convolution of 2 x 2 on the way up, no normalisation, dropout behind the last two
levels of the encoder; He's initial weights. (The authors' released file has ReLU in the place of
ELU; the text counts.)

References
----------
Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
Ronneberger, Fischer and Brox, MICCAI 2015, doi:10.1007/978-3-319-24574-4_28.
"""

import torch
from torch import Tensor, nn

from oncotrace.learning.plan import Plan
from oncotrace.learning.train.dropout import Dropout
from oncotrace.learning.train.segmentation_network import SegmentationNetwork

_WITH_DROPOUT = 2


class SliceUNet(SegmentationNetwork):
    """A U-Net from slices [b, c, 1, y, x] to logits [b, 1, y, x] and features [b, k]."""

    layout = torch.channels_last

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        widths = plan.widths
        channels = len(plan.recipe.channels.names)
        levels = zip((channels, *widths), widths, strict=False)
        self.encoder = nn.ModuleList(_convolutions(before, width) for before, width in levels)
        self.pool = nn.MaxPool2d(2)
        share = plan.recipe.network.dropout
        self.dropout = nn.ModuleDict(
            {
                str(level): Dropout(share, widths[level], "yx", stride=2**level)
                for level in range(len(widths))[-_WITH_DROPOUT:]
                if share > 0
            }
        )
        steps = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.enlarge = nn.ModuleList(_Enlargement(deep, width) for deep, width in steps)
        self.decoder = nn.ModuleList(_convolutions(2 * width, width) for _, width in steps)
        self.output = nn.Conv2d(widths[0], 1, 1)
        self.apply(_initialise)

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the mean of the bottleneck over the slice."""
        seen, deepest = self._encoded(channels.squeeze(2))
        return self._logits(seen, deepest), deepest.mean(dim=(2, 3))

    def supervised(self, channels: Tensor) -> list[Tensor]:
        """Logits [b, 1, y, x] of the only supervised level."""
        return [self.forward(channels)[0]]

    def _encoded(self, slices: Tensor) -> tuple[list[Tensor], Tensor]:
        seen: list[Tensor] = []
        features = slices
        for level, block in enumerate(self.encoder):
            features = block(features if level == 0 else self.pool(features))
            if str(level) in self.dropout:
                features = self.dropout[str(level)](features)
            seen.append(features)
        return seen[:-1], features

    def _logits(self, seen: list[Tensor], deepest: Tensor) -> Tensor:
        features = deepest
        for enlarge, block in zip(self.enlarge, self.decoder, strict=True):
            features = block(torch.cat([seen.pop(), enlarge(features)], dim=1))
        logits: Tensor = self.output(features)
        return logits


class _Enlargement(nn.Module):
    """Twice the size by repetition, then a convolution of 2 x 2."""

    def __init__(self, deep: int, width: int) -> None:
        super().__init__()
        self.repeat = nn.Upsample(scale_factor=2, mode="nearest")
        self.convolution = nn.Conv2d(deep, width, 2)
        self.activation = nn.ELU()

    def forward(self, features: Tensor) -> Tensor:
        larger = nn.functional.pad(self.repeat(features), (0, 1, 0, 1))
        enlarged: Tensor = self.activation(self.convolution(larger))
        return enlarged


def _convolutions(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1),
        nn.ELU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ELU(),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
