"""Segmenters by name: the trained and the other ones that come with oncotrace, then plugins."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from oncotrace.domain.scan import Modality
from oncotrace.domain.segmentation import Segmenter
from oncotrace.domain.view import View
from oncotrace.errors import ModelError, SettingsError
from oncotrace.segment.ellipsoid import EllipsoidSegmenter
from oncotrace.segment.interactive import GraphCutSegmenter
from oncotrace.segment.nnunet import is_nnunet, nnunet_segmenter
from oncotrace.segment.trained import (
    is_automatic,
    is_for_lungs_alone,
    packaged_models,
    trained_modalities,
    trained_segmenter,
    trained_view,
)

PLUGINS = "oncotrace.segmenters"
"""Entry-point group: name -> a callable without arguments that returns a `Segmenter`."""

BUILT_IN: dict[str, Callable[[], Segmenter]] = {
    "six-click-graphcut": GraphCutSegmenter,
    "ellipsoid": EllipsoidSegmenter,
}

FOR_ANY_MODALITY = "six-click-graphcut"
LUNG = "lung"
RECIPES = ("automatic", "multi-sequence", "coarse-to-fine", LUNG)
"""Ways to segment without clicks that can be asked for by name, once a model is there."""


def segmenter(name: str, fold: int | None = None) -> Segmenter:
    """Return the segmenter called ``name``: ours first, then plugins, then model folders by path.

    ``nnunet:FOLDER`` is a model that nnU-Net has trained.

    Parameters
    ----------
    fold
        Which network of a trained model is used, alone; all are averaged unless given.

    Raises
    ------
    ModelError
        No segmenter has that name, the plugin or model folder that has it cannot be loaded, or a
        fold is asked for that it does not have.
    MissingDependencyError
        It is a model of nnU-Net, which is not installed.
    """
    if is_nnunet(name) and fold is None:
        return nnunet_segmenter(name)
    folder = trained_model(name)
    if folder is not None:
        return trained_segmenter(folder, fold)
    if fold is not None:
        raise not_trained(name)
    if name in BUILT_IN:
        return BUILT_IN[name]()
    for plugin in entry_points(group=PLUGINS):
        if plugin.name == name:
            return _built(plugin)
    raise _unknown(name)


def trained_model(name: str) -> Path | None:
    """Folder of the trained model called ``name``, or whose path that is; none for others."""
    ours = packaged_models()
    if name in ours:
        return ours[name]
    if not name or name in segmenter_names():
        return None
    return Path(name) if Path(name).is_dir() else None


def segmenter_names() -> tuple[str, ...]:
    """Names that `segmenter` knows, ours first."""
    ours = (*packaged_models(), *BUILT_IN)
    plugins = {plugin.name for plugin in entry_points(group=PLUGINS)}
    return (*ours, *sorted(plugins.difference(ours)))


def default_segmenter(modality: Modality | None) -> str:
    """Name of the segmenter that is used for clicks on a modality when none is asked for.

    It is the model that was trained on the modality and comes with oncotrace; where there is none,
    the graph cut, whose weights were fitted on CT and T1 together.

    Raises
    ------
    ModelError
        A model that comes with oncotrace is damaged.
    """
    for name, folder in packaged_models().items():
        if modality in trained_modalities(folder) and not is_automatic(folder):
            return name
    return FOR_ANY_MODALITY


def model_of_recipe(recipe: str, modality: Modality) -> str:
    """Name of the model that comes with oncotrace for a recipe without clicks and a first sequence.

    It is called as the recipe, or as the recipe and the sequence: ``automatic-mr-t1``.

    Raises
    ------
    SettingsError
        There is no such recipe.
    ModelError
        No model of it for that sequence comes with oncotrace.
    """
    if recipe not in RECIPES:
        raise SettingsError(
            f"there is no recipe without clicks called {recipe!r}.",
            hint=f"Known recipes: {', '.join(RECIPES)}; with clicks, choose by --model.",
            code="unknown-recipe",
        )
    ours = packaged_models()
    for name in (f"{recipe}-{modality}", recipe):
        if name in ours and modality in trained_modalities(ours[name]):
            return name
    others = [
        name
        for name, folder in ours.items()
        if is_automatic(folder) and modality in trained_modalities(folder)
    ]
    instead = f"Ask for another that is there: --model {others[0]}. Or t" if others else "T"
    raise ModelError(
        f"no model of the recipe {recipe} for {modality} comes with this version.",
        hint=f"{instead}rain one with `oncotrace train COHORT.csv --recipe {recipe} "
        f"--modality {modality} --folds FOLDS.csv --out MODEL` and name its folder with --model.",
        code="no-model-of-recipe",
    )


def is_without_clicks(name: str) -> bool:
    """Whether the segmenter called ``name`` is a trained model that looks at no clicks.

    Raises
    ------
    ModelError
        The model cannot be read.
    """
    folder = trained_model(name)
    return is_nnunet(name) or (folder is not None and is_automatic(folder))


def is_for_lungs(name: str) -> bool:
    """Whether the segmenter called ``name`` is a trained model of the recipe ``lung``.

    Raises
    ------
    ModelError
        The model cannot be read.
    """
    folder = trained_model(name)
    return folder is not None and is_for_lungs_alone(folder)


def view_of_model(name: str) -> View | None:
    """View that the segmenter called ``name`` was trained on alone, if it was.

    Raises
    ------
    ModelError
        The model cannot be read.
    """
    folder = trained_model(name)
    return None if folder is None else trained_view(folder)


def not_trained(name: str) -> ModelError:
    """Return the refusal of a segmenter that has no networks where a trained model is needed."""
    if name not in segmenter_names() and not is_nnunet(name):
        return _unknown(name)
    return ModelError(
        f"{name} is no trained model, so it has no networks of folds.",
        hint="Name one that `oncotrace models` lists as trained, or give a model folder.",
        code="not-trained",
    )


def _unknown(name: str) -> ModelError:
    return ModelError(
        f"there is no segmenter called {name!r}.",
        hint=f"Known segmenters: {', '.join(segmenter_names())}; or give a model folder.",
        code="unknown-model",
    )


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
