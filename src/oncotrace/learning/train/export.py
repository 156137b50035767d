"""From a torch network to one ONNX file that gives the same."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.export import Dim

from oncotrace.errors import ModelError
from oncotrace.learning.onnx_file import INPUT, KEPT, OUTPUTS, open_session
from oncotrace.learning.plan import Plan
from oncotrace.learning.train.dropout import Dropout
from oncotrace.learning.train.half_precision import stored_in_half
from oncotrace.learning.train.segmentation_network import SegmentationNetwork

OPSET = 18
TOLERANCE = 1e-4
FREE_STRIDES = 3
"""Coarsest voxels along each axis of the example input, where the grid is free."""
_SEEDS = (0, 1)
_TRAINING_ONLY = "heads."
"""How the names of the weights of deep supervision begin."""


def exported(network: SegmentationNetwork, plan: Plan) -> bytes:
    """ONNX file of a network, without external data and shown to agree with it within 1e-4.

    Its input is ``channels`` [1, c, z, y, x], its outputs are ``logits`` [1, z, y, x] and
    ``features`` [1, k], all float32. Where the grid is free, z, y and x are any multiples of the
    plan's stride. Weights lie in half precision where that loses nothing.

    Raises
    ------
    ModelError
        The file and the network disagree.
    """
    network = network.eval().cpu()
    with _quiet(), _told_apart(network), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (torch.zeros(_example_shape(plan)),),
            path,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=_dynamic_shapes(plan),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        content = _with_every_weight(_without_annotations(path.read_bytes()), network)
        content = stored_in_half(_with_inputs_of_dropout(content, network))
    _require_agreement(network, content, plan)
    return content


def _example_shape(plan: Plan) -> tuple[int, ...]:
    grid = plan.grid_xyz[::-1] if plan.grid_xyz else np.multiply(plan.stride_zyx, FREE_STRIDES)
    return (1, len(plan.recipe.channels.names), *(int(n) for n in grid))


def _dynamic_shapes(plan: Plan) -> tuple[dict[int, object]] | None:
    if plan.grid_xyz:
        return None
    axes = enumerate(zip("zyx", plan.stride_zyx, strict=True), start=2)
    return ({axis: n * Dim(name, min=1, max=1024) for axis, (name, n) in axes},)


def _without_annotations(content: bytes) -> bytes:
    """Remove stack traces and other notes of the exporter, which name places on this machine."""
    model = onnx.load_from_string(content)
    model.ClearField("metadata_props")
    model.doc_string = ""
    graph = model.graph
    graph.doc_string = ""
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return bytes(model.SerializeToString())


def _with_every_weight(content: bytes, network: SegmentationNetwork) -> bytes:
    """Write again what the exporter left out because it equals another weight.

    So that all weights are found by name when the network is to be trained further. After a
    training there hardly are any. No node uses them.
    """
    model = onnx.load_from_string(content)
    there = {part.name for part in model.graph.initializer}
    for name, value in network.state_dict().items():
        if name not in there and not name.startswith(_TRAINING_ONLY):
            model.graph.initializer.append(onnx.numpy_helper.from_array(value.numpy(), name))
    return bytes(model.SerializeToString())


@contextmanager
def _told_apart(network: SegmentationNetwork) -> Iterator[None]:
    """Let what dropout keeps be no ones meanwhile, which the exporter would simplify away."""
    layers = _dropouts(network).values()
    for layer in layers:
        layer.kept.copy_(torch.linspace(0.5, 1.5, layer.kept.numel()).reshape(layer.kept.shape))
    try:
        yield
    finally:
        for layer in layers:
            layer.kept.fill_(1)


def _dropouts(network: SegmentationNetwork) -> dict[str, Dropout]:
    """Layers of dropout by the name of what they keep."""
    layers = network.named_modules()
    return {f"{name}.{KEPT}": layer for name, layer in layers if isinstance(layer, Dropout)}


def _with_inputs_of_dropout(content: bytes, network: SegmentationNetwork) -> bytes:
    """Make what dropout keeps an input that is 1 unless it is given."""
    model = onnx.load_from_string(content)
    weights = {part.name: part for part in model.graph.initializer}
    for name, layer in _dropouts(network).items():
        ones = np.ones(tuple(layer.kept.shape), dtype=np.float32)
        weights[name].CopyFrom(onnx.numpy_helper.from_array(ones, name))
        grid = [1 if layer.stride is None else f"{axis}/{layer.stride}" for axis in layer.axes]
        shape = [1, layer.kept.shape[1], *grid]
        kind = onnx.TensorProto.FLOAT
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    return bytes(model.SerializeToString())


def _require_agreement(network: SegmentationNetwork, content: bytes, plan: Plan) -> None:
    session = open_session(content, "the exported network", threads=1)
    for seed in _SEEDS:
        shape = _example_shape(plan)
        if not plan.grid_xyz:  # another size than it was exported with
            shape = (
                *shape[:2],
                *(n + seed * m for n, m in zip(shape[2:], plan.stride_zyx, strict=True)),
            )
        channels = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
        with torch.no_grad():
            expected = [output.numpy() for output in network(torch.from_numpy(channels))]
        found = session.run(list(OUTPUTS), {INPUT: channels})
        worst = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
        if not worst <= TOLERANCE:
            raise ModelError(
                f"the exported network differs from the trained one by {worst:.2g}, "
                f"more than {TOLERANCE:g}.",
                hint="Report this with the versions of torch, onnx and onnxruntime.",
                code="export-differs",
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter says about its own inside."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
