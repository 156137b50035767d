"""Networks with dropout: trained, exported, and asked again without some of their features."""

import numpy as np
import pytest
from tests.unit.learning.builders import ball, tiny_plan

torch = pytest.importorskip("torch")

from oncotrace.errors import ModelError  # noqa: E402
from oncotrace.learning.model_folder import read_model, write_model  # noqa: E402
from oncotrace.learning.onnx_predict import load_predictor  # noqa: E402
from oncotrace.learning.train.dropout import Dropout  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402

DROPOUT = {"first_channels": 3, "levels": 3, "dropout": 0.3}
SLICES = {
    "grid": {"mode": "fixed", "size_xyz": (16, 16, 1)},
    "network": {
        "kind": "unet-2d",
        "first_channels": 2,
        "levels": 3,
        "dropout": 0.5,
        "deep_supervision": False,
    },
}


def predictor(folder, plan):
    network = build_network(plan).eval()
    write_model(folder, plan, {0: exported(network, plan)}, card="")
    return network, load_predictor(read_model(folder), threads=1)


def channels_for(plan) -> np.ndarray:
    return ball(0, np.random.default_rng(2), grid_xyz=plan.grid_xyz).channels


def test_whole_channels_or_single_values_are_left_out_and_the_mean_stays():
    torch.manual_seed(0)
    features = torch.ones(4, 50, 2, 3, 4)
    for stride in (None, 8):
        layer = Dropout(0.25, 50, "zyx", stride=stride).train()
        left = layer(features)
        assert left.mean().item() == pytest.approx(1, abs=0.15)
        is_whole = (left == left[:, :, :1, :1, :1]).all().item()
        assert is_whole == (stride is None)
        assert torch.equal(layer.eval()(features), features)


@pytest.mark.parametrize("changes", [{"network": DROPOUT}, SLICES])
def test_looks_differ_are_repeated_by_the_seed_and_leave_the_first_as_it_was(tmp_path, changes):
    plan = tiny_plan(**changes)
    network, plain = predictor(tmp_path / "model", plan)
    channels = channels_for(plan)
    once = plain.predict(channels)
    with torch.no_grad():
        expected = network(torch.from_numpy(channels[None]))[0][0].numpy()
    np.testing.assert_allclose(once.logits, expected, atol=1e-4)

    again, same, other = (
        plain.with_dropout_looks(4, seed).predict(channels).member_probabilities
        for seed in (7, 7, 8)
    )
    assert len(again) == 5
    np.testing.assert_array_equal(again[0], once.member_probabilities[0])
    np.testing.assert_array_equal(again, same)
    assert not np.array_equal(again[1:], other[1:])
    assert len(np.unique([look.sum() for look in again])) == 5


def test_the_looks_are_those_of_the_network_without_the_features(tmp_path):
    plan = tiny_plan(network=DROPOUT)
    network, plain = predictor(tmp_path / "model", plan)
    channels = channels_for(plan)
    session = plain.sessions[0]
    (given,) = session.get_overridable_initializers()
    kept = np.random.default_rng(0).integers(0, 2, given.shape).astype(np.float32)
    network.dropout.kept.copy_(torch.from_numpy(kept))
    with torch.no_grad():
        expected = network(torch.from_numpy(channels[None]))[0].numpy()
    found = session.run(["logits"], {"channels": channels[None], given.name: kept})[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_network_without_dropout_says_so(tmp_path):
    _, plain = predictor(tmp_path / "model", tiny_plan())
    assert plain.with_dropout_looks(0, 0).dropout_looks == 0
    with pytest.raises(ModelError, match="trained without dropout") as caught:
        plain.with_dropout_looks(3, 0)
    assert caught.value.code == "no-dropout"
