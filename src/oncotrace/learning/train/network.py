"""The network of a plan; by default MONAI's DynUNet, with its bottleneck's features beside."""

from collections.abc import Callable

import torch
from monai.networks.nets import DynUNet
from torch import Tensor, nn

from oncotrace.learning.head_start import LinearModel
from oncotrace.learning.plan import Plan
from oncotrace.learning.train.dropout import Dropout
from oncotrace.learning.train.segmentation_network import SegmentationNetwork
from oncotrace.learning.train.unet_2d import SliceUNet
from oncotrace.learning.train.vnet import VNetParts


class DynamicUNet(SegmentationNetwork):
    """A U-Net from channels [b, c, z, y, x] to logits [b, z, y, x] and features [b, k].

    The blocks are DynUNet's or a V-Net's; walking through them here rather than there keeps the
    module free of side effects, so that it can be exported, and gives access to the bottleneck.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        heads = plan.supervised_levels
        parts = VNetParts(plan) if plan.recipe.network.kind == "vnet" else _dynunet(plan, heads)
        self.encoder = nn.ModuleList([parts.input_block, *parts.downsamples])
        self.bottleneck = parts.bottleneck
        share = plan.recipe.network.dropout
        self.dropout = Dropout(share, plan.widths[-1], "zyx", stride=None) if share else None
        self.decoder = parts.upsamples
        self.output = parts.output_block
        channels = len(plan.recipe.channels.names)
        self.skip = nn.Conv3d(channels, 1, 1) if plan.recipe.network.linear_skip else None
        self.heads = parts.deep_supervision_heads if heads else nn.ModuleList()

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the mean of the bottleneck over the grid."""
        decoded, deepest = self._decoded(channels)
        logits = _without_axis_of_one(self._logits(channels, decoded[-1]))
        return logits, deepest.mean(dim=(2, 3, 4))

    def supervised(self, channels: Tensor) -> list[Tensor]:
        """Logits of every supervised level, the finest first, all on the full grid."""
        decoded, _ = self._decoded(channels)
        logits = [self._logits(channels, decoded[-1])]
        for level, head in enumerate(self.heads, start=1):
            coarse = head(decoded[-1 - level])
            logits.append(nn.functional.interpolate(coarse, size=channels.shape[2:]))
        return [_without_axis_of_one(level) for level in logits]

    def begin_with(self, model: LinearModel) -> None:
        """Let the network give what the linear model says, until it has learnt better."""
        if self.skip is None:
            return
        with torch.no_grad():
            self.skip.weight.copy_(torch.from_numpy(model.weights).reshape(self.skip.weight.shape))
            self.skip.bias.fill_(model.bias)
            for parameter in self.output.parameters():
                parameter.zero_()

    def _logits(self, channels: Tensor, finest: Tensor) -> Tensor:
        logits = self.output(finest)
        return logits if self.skip is None else logits + self.skip(channels)

    def _decoded(self, channels: Tensor) -> tuple[list[Tensor], Tensor]:
        skips = [channels]
        for block in self.encoder:
            skips.append(block(skips[-1]))
        deepest = self.bottleneck(skips[-1])
        decoded = [deepest if self.dropout is None else self.dropout(deepest)]
        for block, skip in zip(self.decoder, reversed(skips[1:]), strict=True):
            decoded.append(block(decoded[-1], skip))
        return decoded, deepest


def _without_axis_of_one(logits: Tensor) -> Tensor:
    """Logits [b, z, y, x] of one structure; those of several keep their axis of labels."""
    return logits.squeeze(1) if logits.shape[1] == 1 else logits


def _dynunet(plan: Plan, heads: int) -> DynUNet:
    return DynUNet(
        spatial_dims=3,
        in_channels=len(plan.recipe.channels.names),
        out_channels=plan.recipe.outputs,
        kernel_size=plan.kernels_zyx,
        strides=plan.strides_zyx,
        upsample_kernel_size=plan.strides_zyx[1:],
        filters=plan.widths,
        norm_name=("INSTANCE", {"affine": plan.recipe.network.affine_norm}),
        deep_supervision=heads > 0,
        deep_supr_num=max(heads, 1),
    )


def build_network(plan: Plan) -> SegmentationNetwork:
    """Network of the plan with the initial weights that its seed gives."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.recipe.seed)
        return _KINDS[plan.recipe.network.kind](plan)


_KINDS: dict[str, Callable[[Plan], SegmentationNetwork]] = {
    "dynunet": DynamicUNet,
    "vnet": DynamicUNet,
    "unet-2d": SliceUNet,
}
