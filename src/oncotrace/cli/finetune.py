"""``oncotrace finetune``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import Resume
from oncotrace.cli.output import show_folder
from oncotrace.cli.training_progress import show_training
from oncotrace.domain.scan import modality_named


def finetune(
    model: Annotated[
        str, typer.Argument(help="A trained model, by name or folder.", metavar="MODEL")
    ],
    source: Annotated[
        Path,
        typer.Argument(
            help="A cohort.csv with masks, or the folder of a run of segment or workflow.",
            metavar="COHORT.csv|RUN",
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the model.")],
    cases: Annotated[
        int | None,
        typer.Option(help="Patients to learn from, drawn by the seed; all if not given.", min=1),
    ] = None,
    layers: Annotated[
        str, typer.Option(help="What is trained: last-layer, decoder or whole.")
    ] = "decoder",
    modality: Annotated[
        list[str] | None,
        typer.Option(help="Sequence to learn from, if not those of a model with clicks."),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="Markdown for the model card: where the cases come from, their licence."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw and of the training.", min=0)] = 0,
    resume: Resume = False,
) -> None:
    """Adapt a trained model to a few cases, also to those that readers corrected."""
    from oncotrace.learning.tuning import Tuning, layers_named
    from oncotrace.pipeline.finetune import finetune_model

    steps = finetune_model(
        model,
        source,
        out,
        cases=cases,
        tuning=Tuning(layers=layers_named(layers)),
        seed=seed,
        resume=resume,
        modalities=tuple(modality_named(name) for name in modality or ()),
        about=about,
    )
    show_training(steps)
    show_folder(out, "MODEL_CARD.md", "plan.json")
