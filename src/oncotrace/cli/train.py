"""``oncotrace train`` and ``oncotrace models``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.options import Resume
from oncotrace.cli.output import console, messages, show_folder
from oncotrace.cli.training_progress import show_training
from oncotrace.domain.scan import modality_named
from oncotrace.domain.view import view_named

if TYPE_CHECKING:
    from oncotrace.learning.labels import Label
    from oncotrace.pipeline.train import FoldProgress, ScoringProgress
    from oncotrace.pipeline.training_view import LeftOut


def train(
    table: Annotated[Path, typer.Argument(help="A cohort.csv with masks.", metavar="COHORT.csv")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or a TOML file.")],
    modality: Annotated[
        list[str],
        typer.Option(help="Sequence; give several, also as mr-t1,ct, to train one network on all."),
    ],
    folds: Annotated[Path, typer.Option(help="Table with the columns patient_id and fold.")],
    out: Annotated[Path, typer.Option(help="New folder for the model.")],
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Structure to tell apart, and its value in the masks; give two or more, the "
            "tumour first.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    optional_label: Annotated[
        list[str] | None,
        typer.Option(help="The same, of a structure that some cases lack.", metavar="NAME=VALUE"),
    ] = None,
    fold: Annotated[
        list[int] | None,
        typer.Option(help="Train this fold alone; the model appears when all are there.", min=0),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="Markdown for the model card: where the data come from, their licence."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    view: Annotated[
        str | None,
        typer.Option(help="Learn from images of this plane alone: axial, sagittal or coronal."),
    ] = None,
    resume: Resume = False,
) -> None:
    """Train one network per fold, without that fold's patients; needs the extra 'train'."""
    from oncotrace.learning.recipe import with_labels
    from oncotrace.pipeline.train import (
        CURVES_FILE,
        named_recipe,
        train_model,
        training_folder,
    )

    steps = train_model(
        table,
        out,
        recipe=with_labels(named_recipe(recipe), _labels(label or [], optional_label or [])),
        modalities=tuple(modality_named(name) for text in modality for name in text.split(",")),
        folds=folds,
        resume=resume,
        only=fold or (),
        about=about,
        device=device,
        view=None if view is None else view_named(view),
    )
    show_training(_telling_what_is_left_out(steps))
    if out.exists():
        show_folder(out, "MODEL_CARD.md", "plan.json")
        show_folder(training_folder(out), CURVES_FILE)
    else:
        console.print(f"{out.name} appears when the other folds are trained.", markup=False)


def _labels(needed: list[str], optional: list[str]) -> "list[Label]":
    """Labels that were asked for, those that every case must have before the others."""
    from oncotrace.learning.labels import label_from_text

    return [
        *(label_from_text(text, is_optional=False) for text in needed),
        *(label_from_text(text, is_optional=True) for text in optional),
    ]


def _telling_what_is_left_out(
    steps: "Iterable[FoldProgress | ScoringProgress | LeftOut]",
) -> "Iterator[FoldProgress | ScoringProgress]":
    """Pass a training's steps on; that images are left out is said once."""
    from oncotrace.pipeline.training_view import LeftOut

    said = False
    for step in steps:
        if not isinstance(step, LeftOut):
            yield step
        elif step.images and not said:
            said = True
            text = f"{step.images} of {step.of} images are not {step.view} and are left out."
            messages.print(f"note: {text}", markup=False, soft_wrap=True)


def models(
    model: Annotated[
        str | None,
        typer.Argument(help="A trained model, by name or folder, to check and describe."),
    ] = None,
) -> None:
    """List the segmenters and the recipes that there are, or check one model and print its card."""
    from oncotrace.learning.recipe import preset_names
    from oncotrace.segment.segmenters import not_trained, segmenter_names, trained_model

    if model is not None:
        folder = trained_model(model)
        if folder is None:
            raise not_trained(model)
        _show_card(folder)
        return
    for name in segmenter_names():
        folder = trained_model(name)
        about = "not a trained model" if folder is None else _about(folder)
        _print(f"{name}: {about}")
    _print("recipes: " + ", ".join(preset_names()))
    console.print("A model folder that train has written can be named by its path.")


def _about(folder: Path) -> str:
    """Return what a model was trained on, with how many networks, by which version."""
    from oncotrace.learning.model_folder import read_plan
    from oncotrace.segment.trained import is_automatic, trained_modalities

    plan = read_plan(folder)
    networks = sum(name.startswith("fold_") for name in plan.files)
    trained_on = ", ".join(trained_modalities(folder)) or "unknown sequences"
    clicks = "without" if is_automatic(folder) else "with"
    made_by = f"made by oncotrace {plan.made_by}"
    return f"{clicks} clicks, trained on {trained_on}, {networks} networks, {made_by}"


def _show_card(folder: Path) -> None:
    """Check every file of a model and print its card."""
    from oncotrace.learning.model_folder import read_model

    card = read_model(folder).card
    _print(f"{folder.name}: {_about(folder)}")
    _print(f"\n{card}")


def _print(text: str) -> None:
    """Print what a stranger may have written, without what would steer the terminal."""
    safe = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    console.print(safe, markup=False, soft_wrap=True)
