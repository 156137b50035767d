"""``oncotrace train`` and ``oncotrace models``."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from oncotrace.cli.options import Resume
from oncotrace.cli.output import console, messages, show_folder
from oncotrace.domain.scan import modality_named

if TYPE_CHECKING:
    from oncotrace.pipeline.train import FoldProgress, ScoringProgress

SAY_EVERY_S = 60.0


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
    _show_progress(steps)
    if out.exists():
        show_folder(out, "MODEL_CARD.md", "plan.json")
        show_folder(training_folder(out), CURVES_FILE)
    else:
        console.print(f"{out.name} appears when the other folds are trained.", markup=False)


def _show_progress(steps: "Iterable[FoldProgress | ScoringProgress]") -> None:
    """Show a bar while the steps come, or a line every minute where nobody looks (a log file)."""
    said = time.monotonic()
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("training", total=None)
        for now in steps:
            label, done, total = _progress(now)
            bar.update(task, description=label, completed=done, total=total)
            if bar.disable and time.monotonic() - said >= SAY_EVERY_S:
                messages.print(f"{label}: {done} of {total}", soft_wrap=True)
                said = time.monotonic()


def _progress(now: "FoldProgress | ScoringProgress") -> tuple[str, int, int]:
    """Return what is being done, how much of it is done, and of how much."""
    from oncotrace.pipeline.train import ScoringProgress

    if isinstance(now, ScoringProgress):
        return "scoring each case by the network that never saw it", now.done, now.cases
    left = f"{now.seconds_left / 60:.0f} min left in this fold"
    return f"fold {now.place} of {now.folds}, loss {now.loss:.3f}, {left}", now.step, now.steps


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
    console.print("recipes: " + ", ".join(preset_names()), markup=False)
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
