"""The V-Net as a kind of network of the one engine."""

import numpy as np
import pytest
from tests.unit.learning.builders import GRID_XYZ, ball, tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.learning.sample import TrainingData  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.loop import train, trained_network  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402


def plan(*, levels=3, deep_supervision=False, **changes):
    network = {"kind": "vnet", "first_channels": 2}
    network |= {"levels": levels, "deep_supervision": deep_supervision}
    return tiny_plan(network=network, **changes)


def channels(seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.standard_normal((1, 2, *GRID_XYZ[::-1]), dtype=np.float32))


def test_convolutions_reach_five_voxels_and_stages_double_on_the_way_up():
    made = plan()
    network = build_network(made)
    kernels = {tuple(m.kernel_size) for m in network.modules() if isinstance(m, torch.nn.Conv3d)}
    assert (5, 5, 5) in kernels
    assert (3, 3, 3) not in kernels
    widths = [block.convolutions.layers[0].out_channels for block in network.decoder]
    assert widths == [2 * width for width in made.widths[-2::-1]]
    assert sum(isinstance(m, torch.nn.PReLU) for m in network.modules()) > len(made.widths)


def test_it_gives_logits_on_the_grid_and_the_bottlenecks_features():
    made = plan()
    logits, features = build_network(made)(channels())
    assert logits.shape == (1, *GRID_XYZ[::-1])
    assert features.shape == (1, made.widths[-1])


def test_deep_supervision_has_an_output_for_every_level_but_the_two_coarsest():
    made = plan(grid={"size_xyz": (16, 16, 32)}, deep_supervision=True, levels=4)
    levels = build_network(made).supervised(torch.zeros((1, 2, 32, 16, 16)))
    assert [level.shape for level in levels] == [(1, 32, 16, 16)] * 2


def test_the_seed_gives_the_weights():
    first, second = build_network(plan()), build_network(plan())
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_learns_and_is_exported(tmp_path):
    made = plan(optimiser={"steps": 20, "learning_rate": 1e-2})
    data = TrainingData(("a", "b"), ball)
    losses = [now.loss for now in train(made, data, tmp_path / "v.pt", device="cpu")]
    assert np.mean(losses[-3:]) < 0.75 * np.mean(losses[:3])
    exported(trained_network(made, data, tmp_path / "v.pt"), made)  # or it differs by an error
