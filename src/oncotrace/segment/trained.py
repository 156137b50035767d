"""Trained segmenters: the models that come with oncotrace, and model folders by their path."""

from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from oncotrace.domain.segmentation import Segmenter
from oncotrace.domain.view import VIEWS, View
from oncotrace.errors import ModelError
from oncotrace.learning.locator_folder import read_locator
from oncotrace.learning.model_folder import PLAN, read_model, read_plan
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.segment.coarse_to_fine import LocatedSegmenter
from oncotrace.segment.lung import LungSegmenter
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.planned_input import is_for_lungs, is_located, needs_clicks, orientations_of
from oncotrace.segment.quality import QualityModel

PACKAGED = Path(str(files("oncotrace") / "trained_models"))
"""Each folder in it is a model, called as its folder."""

_THREADS = 2
_KEPT_OPEN = 8

_Version = tuple[int, int, int]
TrainedSegmenter = NetworkSegmenter | LocatedSegmenter | LungSegmenter


def packaged_models() -> dict[str, Path]:
    """Folders of the models that come with oncotrace, by name."""
    return {plan.parent.name: plan.parent for plan in sorted(PACKAGED.glob(f"*/{PLAN}"))}


def trained_modalities(folder: Path) -> tuple[str, ...]:
    """Sequences that a model was trained on; none if its plan does not say.

    Raises
    ------
    ModelError
        The folder is not a model, or is newer than this version.
    """
    named = read_plan(folder).preparation.get("modalities")
    return tuple(map(str, named)) if isinstance(named, list) else ()


def trained_view(folder: Path) -> View | None:
    """View that a model was trained on alone; none if it was trained on images of any.

    Raises
    ------
    ModelError
        The folder is not a model, or is newer than this version.
    """
    named = read_plan(folder).preparation.get("view")
    return next((view for view in VIEWS if view == named), None)


def is_automatic(folder: Path) -> bool:
    """Whether a model needs no clicks.

    Raises
    ------
    ModelError
        The folder is not a model, or is newer than this version.
    """
    return not needs_clicks(read_plan(folder).recipe)


def is_for_lungs_alone(folder: Path) -> bool:
    """Whether a model is of the recipe ``lung``.

    Raises
    ------
    ModelError
        The folder is not a model, or is newer than this version.
    """
    return is_for_lungs(read_plan(folder).recipe)


def trained_segmenter(folder: Path, fold: int | None = None) -> TrainedSegmenter:
    """Segmenter of a model folder: its networks averaged, or the network of one fold alone.

    Opening the networks takes longer than using them; a process opens them once.

    Raises
    ------
    ModelError
        The folder is not a model, was changed, is newer than this version, or lacks the fold.
    """
    return _opened(folder.absolute(), _version(folder), fold)


def with_dropout_looks(segmenter: Segmenter, looks: int, seed: int) -> Segmenter:
    """Segmenter whose networks look so many times more, without some of their features.

    The mask is that of the mean probability. Its quality is not predicted: that was learnt from
    networks that leave nothing out.

    Raises
    ------
    ModelError
        It has no networks, or they were trained without dropout.
    """
    if looks == 0:
        return segmenter
    if not isinstance(segmenter, TrainedSegmenter):
        raise ModelError(
            "only a trained model can look again without some of its features.",
            hint="Leave the looks out, or choose a trained model.",
            code="no-dropout",
        )
    predictor = segmenter.predictor.with_dropout_looks(looks, seed)
    if isinstance(segmenter, LungSegmenter):
        return replace(segmenter, predictor=predictor)
    return replace(segmenter, predictor=predictor, quality=None)


@lru_cache(maxsize=_KEPT_OPEN)
def _opened(
    folder: Path,
    version: _Version,  # noqa: ARG001  # so that a model that was replaced is opened anew
    fold: int | None,
) -> TrainedSegmenter:
    folds = None if fold is None else (fold,)
    model = read_model(folder, folds=folds)
    flips = orientations_of(model.plan.recipe)
    predictor = load_predictor(model, flips=flips, threads=_THREADS)
    if is_for_lungs(model.plan.recipe):
        return LungSegmenter(model.name, predictor)
    quality = None if model.quality is None else QualityModel.from_json(model.quality)
    if is_located(model.plan.recipe):
        found_by = read_locator(folder, model.plan, folds)
        locator = None if found_by is None else load_predictor(found_by, threads=_THREADS)
        return LocatedSegmenter(model.name, predictor, locator, quality)
    return NetworkSegmenter(model.name, predictor, quality)


def _version(folder: Path) -> _Version:
    """Tell one state of a model from another; its plan holds the digests of its other files."""
    plan = folder / PLAN
    if not plan.is_file():
        return 0, 0, 0
    state = plan.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns
