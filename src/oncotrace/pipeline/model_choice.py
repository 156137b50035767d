"""Which model segments: by its name, by its recipe, or the one for the image and its clicks."""

from pathlib import Path

from oncotrace.domain.case import Cohort
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import ClickError, InputError, SettingsError
from oncotrace.learning.model_folder import PLAN
from oncotrace.pipeline.cohort import chosen_sequence
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.segment.nnunet import is_nnunet, nnunet_sequences, nnunet_settings
from oncotrace.segment.segmenters import (
    LUNG,
    default_segmenter,
    is_for_lungs,
    is_without_clicks,
    model_of_recipe,
    segmenter_names,
    trained_model,
)
from oncotrace.segment.trained import trained_modalities


def chosen_model(modality: Modality, model: str | None, recipe: str | None) -> str:
    """Name of the model that is asked for, by itself or by its recipe.

    Raises
    ------
    ModelError
        No model of the recipe comes with this version, or the model cannot be read.
    SettingsError
        There is no such recipe, or the model is not of it.
    """
    if recipe is None:
        return model or default_segmenter(modality)
    if model is None:
        return model_of_recipe(recipe, modality)
    if not is_without_clicks(model):
        raise SettingsError(
            f"the model {Path(model).name} is not of the recipe {recipe}: it needs clicks.",
            hint="Leave out --recipe, or name another model.",
        )
    if is_for_lungs(model) != (recipe == LUNG):
        raise SettingsError(
            f"the model {Path(model).name} is not of the recipe {recipe}.",
            hint="Leave out --recipe, or name another model.",
        )
    return model


def modality_of_recipe(recipe: str | None) -> Modality | None:
    """Return the only sequence that a recipe is for, if there is only one."""
    return "ct" if recipe == LUNG else None


def require_suitable(model: str, clicks: Clicks | None, sequences: tuple[Modality, ...]) -> None:
    """Refuse clicks that would not be looked at, their absence, and images that would not.

    Raises
    ------
    SettingsError
        There are clicks for a model that looks at none.
    ClickError
        There are none for a model that needs them.
    InputError
        The model does not look at one of the sequences.
    """
    automatic = is_without_clicks(model)
    if automatic and clicks is not None and clicks.has_first:
        raise SettingsError(
            f"the model {Path(model).name} looks at no clicks.",
            hint="Leave out the clicks, or choose a model with clicks.",
        )
    if not automatic and clicks is None:
        raise ClickError("there are no clicks.", hint="Fill the column clicks, or give --clicks.")
    known = sequences_of_model(model) if automatic else sequences[:1]
    ignored = [name for name in sequences[1:] if name not in known]
    if ignored:
        raise InputError(
            f"the model {Path(model).name} does not look at {', '.join(ignored)}.",
            hint=f"Leave out --channel {ignored[0]}; it looks at {', '.join(known)}.",
            code="unknown-sequence",
        )


def model_settings(model: str, fold: int | None) -> dict[str, object]:
    """Return what a run records of a trained model: the fold, and the digest of its plan.

    The plan holds the digests of the model's other files. A path is made complete, for verify.

    Raises
    ------
    ModelError
        It is a model of nnU-Net that cannot be read.
    """
    if is_nnunet(model):
        return nnunet_settings(model)
    folder = trained_model(model)
    if folder is None:
        return {}
    path = {} if model in segmenter_names() else {"model": str(folder.resolve())}
    of_fold = {} if fold is None else {"fold": fold}
    return {**path, "model_digest": file_digest(folder / PLAN), **of_fold}


def first_sequence(cohort: Cohort, wanted: Modality | None, model: str | None) -> Modality:
    """Sequence asked for; else the first of a model without clicks; else the cohort's only one.

    Raises
    ------
    SettingsError
        The cohort does not have it, or has several and none is asked for.
    """
    if wanted is None and model is not None and is_without_clicks(model):
        there = {name for case in cohort.cases for name in case.images}
        for name in sequences_of_model(model):
            if name in there:
                return name
    return chosen_sequence(cohort, wanted, of="image")


def other_sequences(model: str, first: Modality) -> tuple[Modality, ...]:
    """Sequences besides the first that a model without clicks looks at; none with clicks."""
    if not is_without_clicks(model):
        return ()
    return tuple(name for name in sequences_of_model(model) if name != first)


def sequences_of_model(model: str) -> tuple[Modality, ...]:
    """Sequences that a trained model was trained on, in its order."""
    if is_nnunet(model):
        return nnunet_sequences(model)
    folder = trained_model(model)
    named = () if folder is None else trained_modalities(folder)
    return tuple(map(modality_named, named))
