"""The blocks of a V-Net: residual stages of 5 x 5 x 5 convolutions with PReLU.

Every stage adds its input to what its convolutions make of it; stages are joined by convolutions
with the kernel and the stride of the step between them, transposed on the way up. The finest stage
has one convolution, the next two, all others three.

Where this differs from the publication: strides and the axes along which a kernel is more than one
voxel come from the plan; every convolution is followed by instance norm (the publication has none,
later programs have batch norm, which needs larger batches than fit here); several channels are
repeated in turn until they are as many as the first stage has, instead of the only one. MONAI's
V-Net has batch norm and dropout, 16 first channels and five stages in any case.

References
----------
Milletari, Navab, Ahmadi, V-Net, 3DV 2016, doi:10.1109/3DV.2016.79, figure 2 and table 1.
"""

import torch
from torch import Tensor, nn

from oncotrace.learning.plan import Plan, Steps

MOST_CONVOLUTIONS = 3


class VNetParts:
    """Blocks of the V-Net of a plan, called as those of MONAI's DynUNet."""

    def __init__(self, plan: Plan) -> None:
        widths, strides = plan.widths, plan.strides_zyx
        self.input_block = _InputStage(plan)
        deeper = [_DownStage(plan, level) for level in range(1, len(widths))]
        self.downsamples = nn.ModuleList(deeper[:-1])
        self.bottleneck = deeper[-1]
        self.upsamples = nn.ModuleList()
        below = widths[-1]
        for level in reversed(range(len(widths) - 1)):
            self.upsamples.append(_UpStage(plan, level, below, strides[level + 1]))
            below = 2 * widths[level]
        outputs = plan.recipe.outputs
        self.output_block = nn.Conv3d(below, outputs, 1)
        supervised = range(1, plan.supervised_levels + 1)
        self.deep_supervision_heads = nn.ModuleList(
            nn.Conv3d(2 * widths[level], outputs, 1) for level in supervised
        )


class _InputStage(nn.Module):
    """From channels to the first stage, to which they are added repeatedly."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.width = plan.widths[0]
        self.convolutions = _Convolutions(
            len(plan.recipe.channels.names), self.width, 1, plan.kernels_zyx[0], plan
        )

    def forward(self, channels: Tensor) -> Tensor:
        times = -(-self.width // channels.shape[1])
        repeated = torch.cat([channels] * times, dim=1)[:, : self.width]
        return self.convolutions(channels, repeated)


class _DownStage(nn.Module):
    def __init__(self, plan: Plan, level: int) -> None:
        super().__init__()
        width, stride = plan.widths[level], plan.strides_zyx[level]
        self.down = nn.Sequential(
            nn.Conv3d(plan.widths[level - 1], width, stride, stride),
            _norm(width, plan),
            nn.PReLU(width),
        )
        self.convolutions = _Convolutions(
            width, width, _convolutions(level), plan.kernels_zyx[level], plan
        )

    def forward(self, finer: Tensor) -> Tensor:
        coarse = self.down(finer)
        return self.convolutions(coarse, coarse)


class _UpStage(nn.Module):
    def __init__(self, plan: Plan, level: int, below: int, stride: Steps) -> None:
        super().__init__()
        width = plan.widths[level]
        self.up = nn.Sequential(
            nn.ConvTranspose3d(below, width, stride, stride), _norm(width, plan), nn.PReLU(width)
        )
        self.convolutions = _Convolutions(
            2 * width, 2 * width, _convolutions(level), plan.kernels_zyx[level], plan
        )

    def forward(self, coarser: Tensor, skip: Tensor) -> Tensor:
        joined = torch.cat([self.up(coarser), skip], dim=1)
        return self.convolutions(joined, joined)


class _Convolutions(nn.Module):
    """Some convolutions one after the other, to whose result something is added before PReLU."""

    def __init__(self, into: int, width: int, count: int, kernel: Steps, plan: Plan) -> None:
        super().__init__()
        size = tuple(2 * n - 1 for n in kernel)  # 3 voxels become 5, 1 stays
        around = tuple(n - 1 for n in kernel)
        layers: list[nn.Module] = []
        for place in range(count):
            layers += [
                nn.Conv3d(width if place else into, width, size, padding=around),
                _norm(width, plan),
            ]
            if place < count - 1:
                layers.append(nn.PReLU(width))
        self.layers = nn.Sequential(*layers)
        self.last = nn.PReLU(width)

    def forward(self, stage: Tensor, added: Tensor) -> Tensor:
        return self.last(self.layers(stage) + added)


def _norm(width: int, plan: Plan) -> nn.Module:
    return nn.InstanceNorm3d(width, affine=plan.recipe.network.affine_norm)


def _convolutions(level: int) -> int:
    return min(level + 1, MOST_CONVOLUTIONS)
