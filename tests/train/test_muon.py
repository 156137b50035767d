"""Muon for kernels, AdamW for the rest."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from oncotrace.learning.train.muon import MuonWithAdamW  # noqa: E402


def network(layout) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = (torch.nn.Conv3d(4, 8, 3), torch.nn.InstanceNorm3d(8, affine=True))
    return torch.nn.Sequential(*layers, torch.nn.Conv3d(8, 1, 1)).to(memory_format=layout)


def stepped(layout, optimiser_of) -> dict[str, np.ndarray]:
    """Weights after one step, less the weights before."""
    net = network(layout)
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    optimiser = optimiser_of(net.parameters())
    torch.manual_seed(1)
    net(torch.randn(2, 4, 8, 8, 8).to(memory_format=layout)).pow(2).mean().backward()
    optimiser.step()
    return {name: (value - before[name]).detach().numpy() for name, value in net.named_parameters()}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_a_kernels_first_step_turns_all_its_directions_alike(layout):
    moved = stepped(layout, lambda weights: MuonWithAdamW(weights, 0.01, 0.0))["0.weight"]
    sizes = np.linalg.svd(moved.reshape(8, -1), compute_uv=False)
    expected = 0.01 * 0.2 * np.sqrt(4 * 27)
    np.testing.assert_allclose(sizes, expected, rtol=0.6)  # the iteration stops early


def test_the_layout_in_memory_does_not_matter():
    one, two = (
        stepped(layout, lambda weights: MuonWithAdamW(weights, 0.01, 0.1))
        for layout in (torch.contiguous_format, torch.channels_last_3d)
    )
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, atol=2e-4, err_msg=name)


def test_everything_else_takes_the_steps_of_adamw():
    ours = stepped(torch.contiguous_format, lambda w: MuonWithAdamW(w, 0.01, 0.1))
    theirs = stepped(
        torch.contiguous_format, lambda w: torch.optim.AdamW(w, lr=0.01, weight_decay=0.1)
    )
    for name in ("0.bias", "1.weight", "1.bias", "2.weight", "2.bias"):
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert not np.allclose(ours["0.weight"], theirs["0.weight"])
