"""Write the networks of tests without torch: ``python -m tests.train.write_tiny_networks``."""

from tests.unit.learning.builders import NETWORKS, tiny_plan

from oncotrace.learning.train.export import exported
from oncotrace.learning.train.network import build_network

SEEDS = {"fold_0.onnx": 0, "fold_1.onnx": 1}


def main() -> None:
    """Write them in place of those that are there."""
    NETWORKS.mkdir(exist_ok=True)
    for name, seed in SEEDS.items():
        plan = tiny_plan(seed=seed)
        (NETWORKS / name).write_bytes(exported(build_network(plan), plan))


if __name__ == "__main__":
    main()
