"""Folders of models that nnU-Net v2 has trained, read as if a stranger had made them.

Such a folder is called ``<trainer>__<plans>__<configuration>`` and holds ``dataset.json``,
``plans.json`` and for every fold ``fold_<N>/checkpoint_final.pth``. nnU-Net imports what its plans
name; so only names of its own networks and of PyTorch's layers are taken. The checkpoints are read
by ``nnunet_predict``.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from oncotrace.domain.scan import MODALITIES, Modality
from oncotrace.errors import ModelError

DATASET, PLANS, CHECKPOINT = "dataset.json", "plans.json", "checkpoint_final.pth"

_LARGEST_JSON_BYTES = 2**24
_FOLD = re.compile(r"fold_(\d{1,3}|all)")
_NETWORK = re.compile(r"dynamic_network_architectures\.architectures(\.\w+){1,3}")
_LAYER = re.compile(r"torch\.nn(\.modules\.\w+)?\.[A-Z]\w*")
# These give arrays as they are stored; the others turn them into an orientation of their own.
_READERS = ("SimpleITKIO", "NibabelIO")
_AS_STATED = "Give the folder <trainer>__<plans>__<configuration> of nnUNet_results, unchanged."


@dataclass(frozen=True, eq=False)
class NnunetFolder:
    """A trained model of nnU-Net whose plans were found harmless.

    Parameters
    ----------
    dataset
        Content of ``dataset.json``.
    plans
        Content of ``plans.json``.
    configuration
        Which of the plans' configurations was trained.
    checkpoints
        Files with the weights, by name of the fold: ``0``, ``1``, ..., or ``all`` alone.
    channels
        Names of the channels, in their order.
    """

    name: str
    dataset: Mapping[str, object]
    plans: Mapping[str, object]
    configuration: str
    checkpoints: Mapping[str, Path]
    channels: tuple[str, ...]

    @property
    def sequences(self) -> tuple[Modality, ...]:
        """Channels that are sequences, in their order; upper and lower case count as the same."""
        lower = [channel.casefold() for channel in self.channels]
        return tuple(known for name in lower for known in MODALITIES if known == name)


def read_nnunet_folder(folder: Path) -> NnunetFolder:
    """Read what a trained model says of itself; no checkpoint is opened.

    Raises
    ------
    ModelError
        It is no such folder, has no trained fold, needs something that this version cannot do, or
        names code that is not nnU-Net's own.
    """
    dataset, plans = (_read_json(folder / name) for name in (DATASET, PLANS))
    configuration = folder.absolute().name.rpartition("__")[2]
    _require_usable(plans, configuration)
    return NnunetFolder(
        folder.absolute().name,
        dataset,
        plans,
        configuration,
        _checkpoints(folder),
        _channels(dataset),
    )


def nnunet_digest(folder: Path) -> str:
    """SHA-256 of all that decides what a model does; read anew when a file is.

    Raises
    ------
    ModelError
        It is no such folder, or has no trained fold.
    """
    files = [folder / DATASET, folder / PLANS, *_checkpoints(folder).values()]
    try:
        states = tuple((file.absolute(), *_version(file)) for file in files)
        return _digest(states)
    except OSError as error:
        raise _not_a_model(folder, f"a file cannot be read: {error.strerror}") from error


def _version(file: Path) -> tuple[int, int]:
    state = file.stat()
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=8)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    found = hashlib.sha256()
    for file, *_ in files:
        with file.open("rb") as stream:
            found.update(hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest()


def _read_json(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > _LARGEST_JSON_BYTES:
            raise _not_a_model(path.parent, f"its {path.name} is larger than 16 MiB")
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _not_a_model(path.parent, f"it has no {path.name}") from error
    except (ValueError, RecursionError) as error:
        raise _not_a_model(path.parent, f"its {path.name} is not JSON") from error
    if not isinstance(value, dict):
        raise _not_a_model(path.parent, f"its {path.name} holds no object")
    return value


def _checkpoints(folder: Path) -> dict[str, Path]:
    """Files with the weights by fold; the one that was trained on all only where it is alone."""
    found = {
        match.group(1): file
        for file in sorted(folder.glob(f"fold_*/{CHECKPOINT}"))
        if (match := _FOLD.fullmatch(file.parent.name)) and file.is_file()
    }
    folds = {fold: file for fold, file in found.items() if fold != "all"} or found
    if not folds:
        raise _not_a_model(folder, f"it has no fold_<N>/{CHECKPOINT}: no training has ended")
    return folds


def _channels(dataset: Mapping[str, object]) -> tuple[str, ...]:
    named = dataset.get("channel_names", dataset.get("modality"))
    numbers = [str(number) for number in range(len(named))] if isinstance(named, dict) else []
    if not isinstance(named, dict) or not named or set(named) != set(numbers):
        raise ModelError(
            f"{DATASET} does not number its channels 0, 1, ...", hint=_AS_STATED, code="not-nnunet"
        )
    return tuple(str(named[number]) for number in numbers)


def _require_usable(plans: Mapping[str, object], configuration: str) -> None:
    """Refuse plans that name other code than nnU-Net's, and what needs more than one model."""
    settings = _resolved(plans, configuration)
    architecture = settings.get("architecture")
    if not isinstance(architecture, dict):
        raise ModelError(
            "plans.json is of an nnU-Net before 2.5 and does not say what the network is.",
            hint="Plan and train it again with a newer nnU-Net.",
            code="old-nnunet",
        )
    if settings.get("previous_stage"):
        raise ModelError(
            f"{configuration} is the second stage of a cascade and needs the first one's masks.",
            hint="Name the folder of 3d_fullres or 3d_lowres, or import predictions of nnU-Net.",
            code="nnunet-cascade",
        )
    _require_known_code(architecture)
    reader = plans.get("image_reader_writer")
    if reader not in _READERS:
        raise ModelError(
            f"the model reads its images by {str(reader)[:60]!r}, which turns them; known are "
            f"{' and '.join(_READERS)}.",
            hint="Predict with nnU-Net itself and use `oncotrace nnunet import`.",
            code="nnunet-reader",
        )


def _resolved(plans: Mapping[str, object], configuration: str) -> dict[str, object]:
    """Return the settings of a configuration, with those that it inherits."""
    known = plans.get("configurations")
    settings: dict[str, object] = {}
    name: object = configuration
    visited = set()
    while isinstance(name, str) and isinstance(known, dict) and name not in visited:
        visited.add(name)
        own = known.get(name)
        if not isinstance(own, dict):
            break
        settings = {**own, **settings}
        name = own.get("inherits_from")
    if not settings:
        raise ModelError(
            f"plans.json has no configuration {configuration!r}.",
            hint=_AS_STATED,
            code="not-nnunet",
        )
    return settings


def _require_known_code(architecture: Mapping[str, object]) -> None:
    arguments = architecture.get("arch_kwargs")
    imported = architecture.get("_kw_requires_import")
    if not isinstance(arguments, dict) or not isinstance(imported, list):
        raise ModelError("plans.json describes no network.", hint=_AS_STATED, code="not-nnunet")
    layers = [arguments.get(str(name)) for name in imported]
    named = str(architecture.get("network_class_name"))
    unknown = [named] if not _NETWORK.fullmatch(named) else []
    unknown += [str(layer) for layer in layers if layer and not _LAYER.fullmatch(str(layer))]
    if unknown:
        raise ModelError(
            f"plans.json names code that is not nnU-Net's own: {unknown[0][:80]!r}.",
            hint="It would be imported and run. If you trust the folder, predict with nnU-Net "
            "itself and use `oncotrace nnunet import`.",
            code="nnunet-code",
        )


def _not_a_model(folder: Path, reason: str) -> ModelError:
    return ModelError(
        f"{folder.name} is no trained model of nnU-Net: {reason}.",
        hint=_AS_STATED,
        code="not-nnunet",
    )
