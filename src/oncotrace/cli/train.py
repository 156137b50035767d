"""``oncotrace train`` and ``oncotrace models``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import Resume
from oncotrace.cli.output import console, show_folder
from oncotrace.cli.training_progress import show_training
from oncotrace.domain.scan import modality_named


def train(
    table: Annotated[Path, typer.Argument(help="A cohort.csv with masks.", metavar="COHORT.csv")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or a TOML file.")],
    modality: Annotated[
        list[str],
        typer.Option(help="Sequence; give several, also as mr-t1,ct, to train one network on all."),
    ],
    folds: Annotated[Path, typer.Option(help="Table with the columns patient_id and fold.")],
    out: Annotated[Path, typer.Option(help="New folder for the model.")],
    fold: Annotated[
        list[int] | None,
        typer.Option(help="Train this fold alone; the model appears when all are there.", min=0),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="Markdown for the model card: where the data come from, their licence."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    resume: Resume = False,
) -> None:
    """Train one network per fold, without that fold's patients; needs the extra 'train'."""
    from oncotrace.pipeline.train import (
        CURVES_FILE,
        named_recipe,
        train_model,
        training_folder,
    )

    steps = train_model(
        table,
        out,
        recipe=named_recipe(recipe),
        modalities=tuple(modality_named(name) for text in modality for name in text.split(",")),
        folds=folds,
        resume=resume,
        only=fold or (),
        about=about,
        device=device,
    )
    show_training(steps)
    if out.exists():
        show_folder(out, "MODEL_CARD.md", "plan.json")
        show_folder(training_folder(out), CURVES_FILE)
    else:
        console.print(f"{out.name} appears when the other folds are trained.", markup=False)


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
    from oncotrace.segment.trained import trained_modalities

    plan = read_plan(folder)
    networks = sum(name.startswith("fold_") for name in plan.files)
    trained_on = ", ".join(trained_modalities(folder)) or "unknown sequences"
    return f"trained on {trained_on}, {networks} networks, made by oncotrace {plan.made_by}"


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
