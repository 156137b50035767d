"""What is exported is one file that says what the network says."""

import numpy as np
import pytest
from tests.unit.learning.builders import NETWORKS, ball, tiny_plan

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402
from tests.train.write_tiny_networks import SEEDS  # noqa: E402

from oncotrace.errors import ModelError  # noqa: E402
from oncotrace.learning.model_folder import read_model, write_model  # noqa: E402
from oncotrace.learning.onnx_file import open_session  # noqa: E402
from oncotrace.learning.onnx_predict import load_predictor  # noqa: E402
from oncotrace.learning.train import export  # noqa: E402
from oncotrace.learning.train.export import exported  # noqa: E402
from oncotrace.learning.train.loop import predictor_of  # noqa: E402
from oncotrace.learning.train.network import build_network  # noqa: E402


@pytest.fixture(scope="module")
def free_network():
    """Return a plan with a free grid, its network, and the network's file."""
    plan = tiny_plan(grid={"mode": "free"})
    network = build_network(plan).eval()
    return plan, network, exported(network, plan)


def predictor(tmp_path, plan, content):
    write_model(tmp_path / "model", plan, {0: content}, card="")
    return load_predictor(read_model(tmp_path / "model"), threads=1)


@pytest.mark.parametrize("affine", [True, False])
def test_onnx_and_torch_agree(tmp_path, affine):
    plan = tiny_plan(
        grid={"size_xyz": (32, 16, 24)},
        network={"first_channels": 3, "levels": 4, "affine_norm": affine},
    )
    network = build_network(plan).eval()
    channels = ball(0, np.random.default_rng(2), grid_xyz=(32, 16, 24)).channels
    found = predictor(tmp_path, plan, exported(network, plan)).predict(channels)
    np.testing.assert_allclose(found.logits, predictor_of(network, plan)(channels), atol=1e-4)
    with torch.no_grad():
        _, features = network(torch.from_numpy(channels[None]))
    np.testing.assert_allclose(found.features, features[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("grid_xyz", [(9, 16, 21), (1, 33, 3), (2, 1, 3)])
def test_on_a_free_grid_any_size_is_predicted(tmp_path, free_network, grid_xyz):
    plan, network, content = free_network
    channels = ball(0, np.random.default_rng(2), grid_xyz=grid_xyz).channels
    found = predictor(tmp_path, plan, content).predict(channels)
    np.testing.assert_allclose(found.logits, predictor_of(network, plan)(channels), atol=1e-4)


def test_patches_are_predicted_like_in_torch(tmp_path):
    plan = tiny_plan(grid={"mode": "patch", "size_xyz": (8, 16, 24)})
    network = build_network(plan).eval()
    channels = ball(0, np.random.default_rng(2), grid_xyz=(13, 18, 20)).channels
    found = predictor(tmp_path, plan, exported(network, plan)).predict(channels)
    assert found.features.shape == (4,)
    np.testing.assert_allclose(found.logits, predictor_of(network, plan)(channels), atol=1e-4)


def test_the_file_holds_everything_and_no_notes():
    model = onnx.load_from_string(exported(build_network(tiny_plan()), tiny_plan()))
    onnx.checker.check_model(model, full_check=True)
    assert {opset.version for opset in model.opset_import if not opset.domain} == {18}
    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert {t.data_location for t in model.graph.initializer} == {TensorProto.DEFAULT}


def test_an_export_that_differs_is_refused(monkeypatch):
    plan = tiny_plan()
    other = exported(build_network(tiny_plan(seed=1)), plan)
    monkeypatch.setattr(export, "_without_annotations", lambda _content: other)
    with pytest.raises(ModelError, match="differs from the trained one by") as caught:
        exported(build_network(plan), plan)
    assert caught.value.code == "export-differs"


def test_export_says_nothing(capfd, recwarn):
    exported(build_network(tiny_plan()), tiny_plan())
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@pytest.mark.parametrize(("name", "seed"), SEEDS.items())
def test_the_committed_networks_are_those_that_the_script_writes(tmp_path, name, seed):
    plan = tiny_plan(seed=seed)
    channels = ball(0, np.random.default_rng(2)).channels
    found = predictor(tmp_path, plan, (NETWORKS / name).read_bytes()).predict(channels)
    expected = predictor_of(build_network(plan).eval(), plan)(channels)
    np.testing.assert_allclose(found.logits, expected, atol=1e-4)


def model_of(weights, *, output="logits"):
    """Network that adds weights to its input; not one of ours."""
    node = helper.make_node("Add", ["channels", "w"], [output])
    values = [helper.make_tensor_value_info(name, 1, [4]) for name in ("channels", output)]
    graph = helper.make_graph([node], "g", values[:1], values[1:], [weights])
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


@pytest.mark.parametrize("path", ["w.bin", "../w.bin", "{folder}/w.bin"])
def test_weights_in_another_file_are_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    weights = TensorProto(
        name="w", data_type=1, dims=[4], data_location=TensorProto.DataLocation.EXTERNAL
    )
    weights.external_data.add(key="location", value=path.format(folder=tmp_path))
    with pytest.raises(ModelError, match="refers to other files") as caught:
        open_session(model_of(weights), "fold_0.onnx", threads=1)
    assert caught.value.code == "tampered-model"


def test_a_network_with_other_outputs_is_refused():
    weights = onnx.numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    with pytest.raises(ModelError, match=r"maps channels to y; expected") as caught:
        open_session(model_of(weights, output="y"), "fold_0.onnx", threads=1)
    assert caught.value.code == "unusable-model"
