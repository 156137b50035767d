"""Weights come back from ONNX as they were, or the file is refused."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.learning.builders import tiny_plan

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from oncotrace.errors import ModelError  # noqa: E402
from oncotrace.learning.model_folder import ModelFolder, read_model  # noqa: E402
from oncotrace.learning.onnx_predict import load_predictor  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402
from oncotrace.learning.train.restore import (  # noqa: E402
    restored_network,
    without_deep_supervision,
)
from oncotrace.segment.refine import MODEL as CORRECTION_MODEL  # noqa: E402
from oncotrace.segment.trained import packaged_models  # noqa: E402

SLICES = {
    "channels": {"images": ("ct",)},
    "grid": {"size_xyz": (32, 32, 1)},
    "preparation": "lung",
}
SHIPPED = {**packaged_models(), "correction": CORRECTION_MODEL}
PLANS = {
    "fixed": tiny_plan(),
    "free": tiny_plan(grid={"mode": "free"}),
    "patches": tiny_plan(grid={"mode": "patch", "size_xyz": (8, 16, 24)}),
    "no affine norm": tiny_plan(network={"first_channels": 2, "levels": 3, "affine_norm": False}),
    "linear skip": tiny_plan(network={"first_channels": 2, "levels": 3, "linear_skip": True}),
    "deep supervision": tiny_plan(
        grid={"size_xyz": (32, 32, 32)}, network={"first_channels": 2, "levels": 5}
    ),
    "dropout": tiny_plan(network={"first_channels": 2, "levels": 3, "dropout": 0.5}),
    "V-Net": tiny_plan(network={"kind": "vnet", "first_channels": 2, "levels": 3, "dropout": 0.2}),
    "V-Net, deep supervision": tiny_plan(
        grid={"size_xyz": (32, 32, 32)},
        network={"kind": "vnet", "first_channels": 2, "levels": 5, "affine_norm": False},
    ),
    "slices": tiny_plan(
        **SLICES,
        network={"kind": "unet-2d", "first_channels": 2, "levels": 3, "deep_supervision": False},
    ),
    "slices, dropout": tiny_plan(
        **SLICES,
        network={
            "kind": "unet-2d",
            "first_channels": 2,
            "levels": 4,
            "deep_supervision": False,
            "dropout": 0.5,
        },
    ),
}


def model_of(plan, content):
    return ModelFolder("tiny", plan, {0: content}, None, "")


def changed(content, name, change):
    """File in which one weight is another; none takes it away."""
    model = onnx.load_from_string(content)
    (part,) = (p for p in model.graph.initializer if p.name == name)
    values = change(numpy_helper.to_array(part).copy())
    model.graph.initializer.remove(part)
    if values is not None:
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model.SerializeToString()


@pytest.fixture(scope="module")
def tiny():
    """Return a plan and the file of its network."""
    return PLANS["fixed"], exported(build_network(PLANS["fixed"]), PLANS["fixed"])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_network_that_is_shipped_gives_in_torch_what_it_gives_in_onnx(name):
    model = read_model(Path(SHIPPED[name]))
    grid = model.plan.grid_xyz[::-1]
    shape = (len(model.plan.recipe.channels.names), *grid)
    channels = np.random.default_rng(7).standard_normal(shape, dtype=np.float32)
    for fold in model.networks:
        with torch.no_grad():
            logits, features = restored_network(model, fold)(torch.from_numpy(channels[None]))
        expected = load_predictor(model, folds=[fold], threads=1).predict(channels)
        np.testing.assert_allclose(logits[0].numpy(), expected.logits, atol=1e-4)
        np.testing.assert_allclose(features[0].numpy(), expected.member_features[0], atol=1e-4)


@pytest.mark.parametrize("kind", PLANS)
def test_what_is_written_now_is_read_back_bit_for_bit(kind):
    plan = PLANS[kind]
    network = build_network(plan)
    found = restored_network(model_of(plan, exported(network, plan)), 0).state_dict()
    expected = network.state_dict()
    heads = {name for name in expected if name.startswith("heads.")}
    assert found.keys() == expected.keys() - heads
    assert bool(heads) == ("deep supervision" in kind)
    for name, values in found.items():
        assert torch.equal(values, expected[name]), name


@pytest.mark.parametrize("kind", PLANS)
def test_a_restored_network_gives_the_same_logits(kind):
    plan = PLANS[kind]
    network = build_network(plan).eval()
    restored = restored_network(model_of(plan, exported(network, plan)), 0)
    grid = (24, 16, 8) if plan.grid_xyz is None else plan.grid_xyz[::-1]
    shape = (1, len(plan.recipe.channels.names), *grid)
    channels = torch.from_numpy(np.random.default_rng(5).standard_normal(shape, dtype=np.float32))
    with torch.no_grad():
        for expected, found in zip(network(channels), restored(channels), strict=True):
            assert torch.equal(expected, found)
    assert exported(restored, without_deep_supervision(plan))


def test_a_restored_network_can_be_exported_again(tiny):
    plan, content = tiny
    again = exported(restored_network(model_of(plan, content), 0), without_deep_supervision(plan))
    channels = np.random.default_rng(1).standard_normal((2, 24, 16, 8), dtype=np.float32)
    first, second = (
        load_predictor(model_of(plan, made), threads=1).predict(channels).logits
        for made in (content, again)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda _values: None, "there is no encoder.0.conv1.conv.weight"),
        (lambda values: values[..., :1], "expected float32"),
        (lambda values: values.astype(np.float64), "is float64"),
        (lambda values: np.full_like(values, np.nan), "not numbers"),
    ],
)
def test_a_weight_that_does_not_fit_is_refused_by_its_name(tiny, change, match):
    plan, content = tiny
    damaged = changed(content, "encoder.0.conv1.conv.weight", change)
    with pytest.raises(ModelError, match=match) as caught:
        restored_network(model_of(plan, damaged), 0)
    assert caught.value.code == "not-restorable"


def test_a_file_that_computes_something_else_with_the_same_weights_is_refused(tiny):
    plan, content = tiny
    model = onnx.load_from_string(content)
    for node in model.graph.node:
        if node.op_type == "LeakyRelu":
            node.attribute[0].f = 0.5
    with pytest.raises(ModelError, match="differs from the network of its plan") as caught:
        restored_network(model_of(plan, model.SerializeToString()), 0)
    assert caught.value.code == "not-restorable"


def test_a_plan_of_a_giant_network_takes_no_memory(tiny):
    plan, content = tiny
    giant = plan.model_copy(update={"widths": (2**20, 2**20, 2**20)})
    with pytest.raises(ModelError, match="expected float32"):
        restored_network(model_of(giant, content), 0)


def test_what_is_no_network_is_refused():
    with pytest.raises(ModelError, match="cannot be trained further"):
        restored_network(model_of(PLANS["fixed"], b"\xff\xff no network"), 0)
