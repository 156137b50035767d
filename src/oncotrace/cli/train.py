"""``oncotrace train`` and ``oncotrace models``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import Resume
from oncotrace.cli.output import console, messages, show_folder
from oncotrace.domain.scan import modality_named


def train(
    table: Annotated[Path, typer.Argument(help="A cohort.csv with masks.", metavar="COHORT.csv")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or a TOML file.")],
    modality: Annotated[
        list[str], typer.Option(help="Sequence; give it twice to train one network on two.")
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
    from rich.progress import Progress

    from oncotrace.pipeline.train import named_recipe, train_model

    steps = train_model(
        table,
        out,
        recipe=named_recipe(recipe),
        modalities=tuple(modality_named(name) for name in modality),
        folds=folds,
        resume=resume,
        only=fold or (),
        about=about,
        device=device,
    )
    with Progress(console=messages, transient=True) as bar:
        task = bar.add_task("training", total=None)
        for now in steps:
            left = f"{now.seconds_left / 60:.0f} min left in this fold"
            label = f"fold {now.place} of {now.folds}, loss {now.loss:.3f}, {left}"
            bar.update(task, description=label, completed=now.step, total=now.steps)
    if out.exists():
        show_folder(out, "MODEL_CARD.md", "plan.json")
    else:
        console.print(f"{out.name} appears when the other folds are trained.", markup=False)


def models() -> None:
    """List the segmenters that segment and evaluate can use, and the recipes of train."""
    from oncotrace.learning.recipe import preset_names
    from oncotrace.segment.segmenters import segmenter_names

    console.print("segmenters: " + ", ".join(segmenter_names()), markup=False)
    console.print("recipes: " + ", ".join(preset_names()), markup=False)
    console.print("A model folder that train has written can be named by its path.")
