"""From a model's ONNX file back to the torch network that it was exported from."""

import numpy as np
import torch
from numpy.typing import NDArray

from oncotrace.errors import ModelError
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_file import require_self_contained
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan, Steps
from oncotrace.learning.train.dropout import Dropout
from oncotrace.learning.train.export import FREE_STRIDES, TOLERANCE
from oncotrace.learning.train.half_precision import weights_in
from oncotrace.learning.train.network import build_network
from oncotrace.learning.train.segmentation_network import SegmentationNetwork

_Weights = dict[str, NDArray[np.generic]]


def restored_network(model: ModelFolder, fold: int) -> SegmentationNetwork:
    """Network of a fold, shown to agree with its file within 1e-4.

    It lacks the layers of deep supervision, which a model does not hold. The file may come from a
    stranger: nothing of it is run but by ONNX Runtime, and no memory is taken before the sizes of
    its weights are known to be those of the plan.

    Raises
    ------
    ModelError
        The file does not hold the weights of the plan's network, or computes something else.
    """
    name, content = f"fold_{fold}.onnx", model.network(fold)
    require_self_contained(content, name)
    plan = without_deep_supervision(model.plan)
    with torch.device("meta"):
        network = build_network(plan)
    found = _weights(content, name)
    for weight, expected in network.state_dict().items():
        _require_fitting(found, weight, tuple(expected.shape), name)
    # Copied, because what is read from a file cannot be written to.
    weights = {weight: torch.from_numpy(found[weight].copy()) for weight in network.state_dict()}
    network.load_state_dict(weights, assign=True)
    for layer in network.modules():
        if isinstance(layer, Dropout):  # what it keeps is no weight: nothing was read for it
            layer.kept = torch.ones(layer.kept.shape)
    network.eval()
    _require_agreement(network, model, fold)
    return network


def without_deep_supervision(plan: Plan) -> Plan:
    """Plan of the network as it is exported."""
    network = plan.recipe.network.model_copy(update={"deep_supervision": False})
    return plan.model_copy(update={"recipe": plan.recipe.model_copy(update={"network": network})})


def _weights(content: bytes, name: str) -> _Weights:
    """Weights in a file by the names that they have in torch, which the exporter keeps."""
    try:
        return weights_in(content)
    except Exception as error:  # protobuf, onnx and numpy each have their own ways to fail
        raise _not_restorable(name, "it cannot be read") from error


def _require_fitting(found: _Weights, weight: str, shape: tuple[int, ...], name: str) -> None:
    if weight not in found:
        raise _not_restorable(name, f"there is no {weight} in it")
    values = found[weight]
    if values.shape != shape or values.dtype != np.float32:
        raise _not_restorable(
            name, f"{weight} is {values.dtype} {values.shape}, expected float32 {shape}"
        )
    if not np.isfinite(values).all():
        raise _not_restorable(name, f"{weight} holds values that are not numbers")


def _require_agreement(network: SegmentationNetwork, model: ModelFolder, fold: int) -> None:
    """Compare with ONNX Runtime: names and sizes alone do not say what a file computes."""
    shape = (len(model.plan.recipe.channels.names), *_trial_grid_zyx(model.plan))
    channels = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    made = load_predictor(model, folds=[fold], threads=1).predict(channels)
    with torch.no_grad():
        logits, features = network(torch.from_numpy(channels[None]))
    pairs = ((made.logits, logits[0]), (made.member_features[0], features[0]))
    differences = [
        float(np.abs(expected - values.numpy()).max()) if expected.shape == values.shape else np.inf
        for expected, values in pairs
    ]
    if not max(differences) <= TOLERANCE:
        raise _not_restorable(
            f"fold_{fold}.onnx",
            f"it differs from the network of its plan by {max(differences):.2g}, more than "
            f"{TOLERANCE:g}",
        )


def _trial_grid_zyx(plan: Plan) -> Steps:
    if plan.grid_xyz is not None:
        x, y, z = plan.grid_xyz
        return z, y, x
    z, y, x = plan.stride_zyx
    return FREE_STRIDES * z, FREE_STRIDES * y, FREE_STRIDES * x


def _not_restorable(name: str, why: str) -> ModelError:
    return ModelError(
        f"{name} cannot be trained further: {why}.",
        hint="Get the model again, or train it with this version of oncotrace.",
        code="not-restorable",
    )
