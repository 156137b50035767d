"""Prediction with a model that nnU-Net v2 has trained; needs the extra ``oncotrace[nnunet]``.

nnU-Net's own loader unpickles checkpoints without limits (``weights_only=False``), which runs
whatever a stranger has put into them. Here they are read with ``weights_only=True``: tensors, plain
containers and the numbers of numpy that nnU-Net's log of a training consists of, nothing else. The
network is built from the plans, which ``nnunet_folder`` has checked, by nnU-Net itself; resampling,
normalisation and the sliding window are nnU-Net's too.

Mirroring at prediction is off: it costs eight times the time.
"""

import contextlib
import io
import pickle
from collections.abc import Mapping
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import MissingDependencyError, ModelError
from oncotrace.learning.nnunet_folder import NnunetFolder


class NnunetPredictor(Protocol):
    """What is used of ``nnunetv2.inference.predict_from_raw_data.nnUNetPredictor``."""

    def predict_single_npy_array(
        self,
        input_image: NDArray[np.float32],
        image_properties: dict[str, object],
        *,
        save_or_return_probabilities: bool,
    ) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
        """Labels [z, y, x] and probabilities [label, z, y, x] of channels [c, z, y, x]."""
        ...


def require_nnunet() -> None:
    """Say what is missing before anything heavy is imported.

    Raises
    ------
    MissingDependencyError
        nnU-Net is not installed.
    """
    missing = [name for name in ("nnunetv2", "torch") if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"a model of nnU-Net needs {' and '.join(missing)}, not installed here.",
            hint="Install what it needs with: pip install 'oncotrace[nnunet]'.",
        )


def load_nnunet(model: NnunetFolder) -> NnunetPredictor:
    """Open all folds of a model; their predictions are averaged.

    Raises
    ------
    MissingDependencyError
        nnU-Net is not installed.
    ModelError
        A checkpoint is damaged, holds more than weights, or does not fit the plans, or the model
        knows other than one structure.
    """
    require_nnunet()
    with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints
        return _opened(model)


def tumour_probability(
    predictor: NnunetPredictor,
    channels: NDArray[np.float32],
    spacing_zyx_mm: tuple[float, float, float],
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Mask and probability of the model's only structure, both [z, y, x].

    Parameters
    ----------
    channels
        Images [c, z, y, x] on one grid, in the model's order.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        labels, probabilities = predictor.predict_single_npy_array(
            channels, {"spacing": list(spacing_zyx_mm)}, save_or_return_probabilities=True
        )
    tumour = np.clip(probabilities[-1], 0.0, 1.0).astype(np.float32)
    return np.asarray(labels, dtype=np.int64) > 0, tumour


def _opened(model: NnunetFolder) -> NnunetPredictor:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    try:
        plans, configuration, network = _built(model)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, AssertionError) as error:
        raise ModelError(
            f"nnU-Net cannot build the network of {model.name}: its plans make no sense "
            f"({type(error).__name__}).",
            hint="Copy the folder again; it may be of another version of nnU-Net.",
            code="not-nnunet",
        ) from error
    weights, mirrored = [], None
    for file in model.checkpoints.values():
        checkpoint = _read_checkpoint(file)
        weights.append(_fitting_weights(network, checkpoint, file))
        mirrored = checkpoint.get("inference_allowed_mirroring_axes")
    predictor: NnunetPredictor = nnUNetPredictor(
        use_mirroring=False,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        allow_tqdm=False,
    )
    predictor.manual_initialization(  # type: ignore[attr-defined]  # how nnU-Net's trainer does it
        network, plans, configuration, weights, dict(model.dataset), "nnUNetTrainer", mirrored
    )
    return predictor


def _built(model: NnunetFolder) -> tuple[object, object, object]:
    """Plans, configuration and network, as nnU-Net's own classes."""
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(deepcopy(dict(model.plans)))
    configuration = plans.get_configuration(model.configuration)
    labels = plans.get_label_manager(dict(model.dataset))
    if len(labels.foreground_labels) != 1 or labels.has_regions:
        raise ModelError(
            f"the model knows {len(labels.foreground_labels)} structures, a mask holds one.",
            hint="Predict with nnU-Net itself, save one label alone, and import it.",
            code="nnunet-labels",
        )
    network = nnUNetTrainer.build_network_architecture(
        plans,
        configuration,
        len(model.channels),
        labels.num_segmentation_heads,
        enable_deep_supervision=False,
    )
    return plans, configuration, network


def _read_checkpoint(file: Path) -> Mapping[str, object]:
    """Content of a checkpoint; whatever is not plain data is refused before it is made."""
    import torch

    try:
        with torch.serialization.safe_globals(_numbers_of_numpy()):
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{_of(file)} is damaged or holds more than weights and numbers: "
            f"{str(error).splitlines()[0][:120]}",
            hint="It could run code and is not opened. If you trust it, predict with nnU-Net "
            "itself and use `oncotrace nnunet import`.",
            code="unsafe-checkpoint",
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(
            f"{_of(file)} cannot be read: it is damaged.",
            hint="Copy the folder again.",
            code="damaged-checkpoint",
        ) from error
    if not isinstance(checkpoint, dict):
        raise ModelError(f"{_of(file)} is no checkpoint of nnU-Net.", code="damaged-checkpoint")
    return checkpoint


def _numbers_of_numpy() -> list[object]:
    """Return what unpickles numpy's numbers, as numpy 1 and 2 call it; it makes nothing else."""
    scalar = np.float64(0).__reduce__()[0]
    known = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    kinds = {type(np.dtype(kind)) for kind in known}
    named = [(scalar, f"numpy.{place}.multiarray.scalar") for place in ("core", "_core")]
    return [*named, np.dtype, *sorted(kinds, key=str)]


def _fitting_weights(
    network: object, checkpoint: Mapping[str, object], file: Path
) -> Mapping[str, object]:
    """Weights of a checkpoint, if they are exactly those that the network has."""
    weights = checkpoint.get("network_weights")
    if isinstance(weights, dict):
        weights = {str(name).removeprefix("module."): value for name, value in weights.items()}
    try:
        network.load_state_dict(weights)  # type: ignore[attr-defined]  # a torch.nn.Module
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ModelError(
            f"the weights of {_of(file)} do not fit the network that plans.json describes.",
            hint="Trainers that build a network of their own are not known here: predict with "
            "nnU-Net itself and use `oncotrace nnunet import`.",
            code="other-network",
        ) from error
    return dict(weights) if isinstance(weights, dict) else {}


def _of(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
