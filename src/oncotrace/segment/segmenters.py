"""Segmenters by name: the built-in ones, then those of plugins."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Protocol

from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmenter
from oncotrace.errors import ModelError
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter

PLUGINS = "oncotrace.segmenters"
"""Entry-point group: name -> a callable without arguments that returns a `Segmenter`."""

BUILT_IN: dict[str, Callable[[], Segmenter]] = {
    "six-click-graphcut": GraphCutSegmenter,
    "ellipsoid": EllipsoidSegmenter,
}


def segmenter(name: str) -> Segmenter:
    """Build the segmenter called ``name``: ours first, then plugins.

    Raises
    ------
    ModelError
        No segmenter has that name, or the plugin that has it cannot be loaded.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    for plugin in entry_points(group=PLUGINS):
        if plugin.name == name:
            return _built(plugin)
    raise ModelError(
        f"there is no segmenter called {name!r}.",
        hint=f"Known segmenters: {', '.join(segmenter_names())}.",
        code="unknown-model",
    )


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
