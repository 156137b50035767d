"""Weights in half precision: files of half the size, whose networks compute in single precision."""

import numpy as np
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper

from oncotrace.learning.train.segmentation_network import SegmentationNetwork

FEWEST_VALUES = 256
"""Weights of fewer values stay as they are: there is nothing to be gained."""
_IN_HALF = ".half"


def rounded(network: SegmentationNetwork) -> SegmentationNetwork:
    """Network with its weights rounded to half precision, in place."""
    with torch.no_grad():
        for weight in network.parameters():
            half = weight.half().float()
            if weight.numel() >= FEWEST_VALUES and half.isfinite().all():
                weight.copy_(half)
    return network


def stored_in_half(content: bytes) -> bytes:
    """Store those weights of an ONNX file in half precision that lose nothing by it.

    A ``Cast`` gives each back under its own name; ONNX Runtime does that once, when it opens the
    file.
    """
    model = onnx.load_from_string(content)
    graph = model.graph
    given = {value.name for value in graph.input}
    casts: list[NodeProto] = []
    for weight in graph.initializer:
        half = _half(weight) if weight.name not in given else None
        if half is not None:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(half, name + _IN_HALF))
            casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    graph.ClearField("node")
    graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def weights_in(content: bytes) -> dict[str, np.typing.NDArray[np.generic]]:
    """Weights of an ONNX file by name; those stored in half precision as what they stand for."""
    graph = onnx.load_from_string(content).graph
    weights = {part.name: numpy_helper.to_array(part) for part in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] == node.output[0] + _IN_HALF:
            weights[node.output[0]] = weights[node.input[0]].astype(np.float32)
    return weights


def _half(weight: TensorProto) -> np.typing.NDArray[np.float16] | None:
    """Values in half precision; none where these would be others."""
    values = numpy_helper.to_array(weight)
    if values.dtype != np.float32 or values.size < FEWEST_VALUES:
        return None
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), values) else None
