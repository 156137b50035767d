"""A network with a linear skip begins with the linear model, and exports with it."""

import numpy as np
import pytest
from tests.unit.learning.builders import ball, tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.learning.head_start import linear_head_start  # noqa: E402
from oncotrace.learning.sample import TrainingData  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.loop import train, trained_network  # noqa: E402
from oncotrace.learning.train.state import initial_state  # noqa: E402

DATA = TrainingData(("a", "b", "c"), ball)
PLAN = tiny_plan(network={"first_channels": 1, "levels": 3, "linear_skip": True})


def test_the_first_logits_are_those_of_the_linear_model() -> None:
    model = linear_head_start(PLAN, DATA)
    network = initial_state(PLAN, torch.device("cpu"), model).network
    channels = ball(0, np.random.default_rng(0)).channels
    with torch.no_grad():
        logits, _ = network(torch.from_numpy(channels)[None])
    expected = np.tensordot(model.weights, channels, axes=1) + model.bias
    np.testing.assert_allclose(logits[0].numpy(), expected, rtol=1e-4, atol=1e-4)


def test_a_network_with_a_linear_skip_trains_resumes_and_exports(tmp_path) -> None:
    straight, resumed = tmp_path / "straight.pt", tmp_path / "resumed.pt"
    for _ in train(PLAN, DATA, straight, device="cpu"):
        pass
    first = train(PLAN, DATA, resumed, device="cpu")
    next(first)
    first.close()
    for _ in train(PLAN, DATA, resumed, resume=True, device="cpu"):
        pass
    one, other = (trained_network(PLAN, DATA, path) for path in (straight, resumed))
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, other.state_dict()[name]), name
    assert exported(one, PLAN) == exported(other, PLAN)  # and each agrees with torch within 1e-4
