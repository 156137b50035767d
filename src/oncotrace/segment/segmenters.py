"""Segmenters by name: the built-in ones, then those of plugins."""

from collections.abc import Callable, Collection
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmenter
from oncotrace.errors import ModelError
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.network import NetworkSegmenter

PLUGINS = "oncotrace.segmenters"
"""Entry-point group: name -> a callable without arguments that returns a `Segmenter`."""

_THREADS = 2

BUILT_IN: dict[str, Callable[[], Segmenter]] = {
    "six-click-graphcut": GraphCutSegmenter,
    "ellipsoid": EllipsoidSegmenter,
}


def segmenter(name: str) -> Segmenter:
    """Build the segmenter called ``name``: ours first, then plugins, then model folders by path.

    Raises
    ------
    ModelError
        No segmenter has that name, or the plugin or model folder that has it cannot be loaded.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    for plugin in entry_points(group=PLUGINS):
        if plugin.name == name:
            return _built(plugin)
    if is_model_folder(name):
        return trained_segmenter(Path(name))
    raise ModelError(
        f"there is no segmenter called {name!r}.",
        hint=f"Known segmenters: {', '.join(segmenter_names())}; or give a model folder.",
        code="unknown-model",
    )


def is_model_folder(name: str) -> bool:
    """Whether the name is the path of a folder that should hold a trained model."""
    return bool(name) and Path(name).is_dir()


def trained_segmenter(folder: Path, folds: Collection[int] | None = None) -> NetworkSegmenter:
    """Build the segmenter that a model folder holds, from all its networks or some folds'.

    Raises
    ------
    ModelError
        The folder is not a model, was changed, is newer than this version, or lacks a fold.
    """
    model = read_model(folder, folds=folds)
    return NetworkSegmenter(model.name, load_predictor(model, folds=folds, threads=_THREADS))


def segmenter_names() -> tuple[str, ...]:
    """Names that `segmenter` knows, the built-in ones first."""
    plugins = {plugin.name for plugin in entry_points(group=PLUGINS)}
    return (*BUILT_IN, *sorted(plugins - BUILT_IN.keys()))


def default_segmenter(modality: Modality | None) -> str:  # noqa: ARG001
    """Name of the segmenter that is used for a modality when none is asked for.

    One serves all: its weights were fitted on CT and T1 together.
    """
    return "six-click-graphcut"


class _Plugin(Protocol):
    name: str

    def load(self) -> Callable[[], Segmenter]: ...


def _built(plugin: _Plugin) -> Segmenter:
    try:
        return plugin.load()()
    except Exception as error:  # a plugin may fail in any way; the reader needs its name
        raise ModelError(
            f"the plugin segmenter {plugin.name!r} cannot be loaded: {type(error).__name__}.",
            hint="Reinstall the package that provides it, or take a built-in segmenter.",
            code="plugin-failed",
        ) from error
