"""Files of half the size that say the same."""

import numpy as np
import pytest
from tests.unit.learning.builders import ball, tiny_plan

torch = pytest.importorskip("torch")

import onnx  # noqa: E402

from oncotrace.learning.model_folder import ModelFolder  # noqa: E402
from oncotrace.learning.onnx_predict import load_predictor  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.half_precision import rounded, stored_in_half, weights_in  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402
from oncotrace.learning.train.restore import restored_network  # noqa: E402


def model_of(plan, content):
    return ModelFolder("tiny", plan, {0: content}, None, "")


@pytest.fixture(scope="module")
def both():
    """Return a plan, and the file of its network as it is and rounded."""
    plan = tiny_plan(network={"first_channels": 8})
    as_it_is = exported(build_network(plan), plan)
    return plan, as_it_is, exported(rounded(build_network(plan)), plan)


def test_a_rounded_network_takes_half_the_room_and_says_nearly_the_same(both):
    plan, single, half = both
    values = sum(weight.size for weight in weights_in(single).values())
    assert len(single) - len(half) > 0.45 * 4 * values
    channels = ball(0, np.random.default_rng(2)).channels
    said = [
        load_predictor(model_of(plan, content), threads=1).predict(channels).logits
        for content in (single, half)
    ]
    assert 0 < np.abs(said[0] - said[1]).max() < 0.01 * np.abs(said[0]).max()


def test_weights_that_would_change_stay_as_they_are(both):
    _, single, _ = both
    kinds = {part.data_type for part in onnx.load_from_string(single).graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kinds


def test_storing_loses_nothing(both):
    _, _, half = both
    assert stored_in_half(half) == half
    onnx.checker.check_model(onnx.load_from_string(half), full_check=True)


def test_a_network_comes_back_from_half_precision(both):
    plan, _, half = both
    state = restored_network(model_of(plan, half), 0).state_dict()
    expected = rounded(build_network(plan)).state_dict()
    for name, weight in state.items():
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=0)
    assert exported(restored_network(model_of(plan, half), 0), plan) == half


def test_what_half_precision_cannot_hold_is_not_rounded():
    network = build_network(tiny_plan(network={"first_channels": 8}))
    large = max(network.parameters(), key=torch.Tensor.numel)
    with torch.no_grad():
        large.view(-1)[0] = 1e6
    before = large.clone()
    rounded(network)
    assert torch.equal(large, before)
