"""Write the networks of tests without torch: ``python -m tests.train.write_tiny_networks``."""

from tests.unit.learning.builders import NETWORKS, tiny_plan

from oncotrace.learning.plan import Plan
from oncotrace.learning.train.export import exported
from oncotrace.learning.train.network import SegmentationNetwork, build_network

SEEDS = {"fold_0.onnx": 0, "fold_1.onnx": 1}
NOTHING = "nothing.onnx"
"""Network that says of every voxel of any image that it is no tumour."""


def main() -> None:
    """Write them in place of those that are there."""
    NETWORKS.mkdir(exist_ok=True)
    for name, seed in SEEDS.items():
        plan = tiny_plan(seed=seed)
        (NETWORKS / name).write_bytes(exported(build_network(plan), plan))
    plan = tiny_plan()
    (NETWORKS / NOTHING).write_bytes(exported(finding_nothing(plan), plan))


def finding_nothing(plan: Plan) -> SegmentationNetwork:
    """Network whose last features are always above 0, and counted against tumour."""
    import torch

    network = build_network(plan)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.InstanceNorm3d) and module.bias is not None:
                module.bias.fill_(8.0)
        for weight in network.output.parameters():
            weight.fill_(-1.0)
    return network


if __name__ == "__main__":
    main()
