"""``oncotrace nnunet``: give a cohort to nnU-Net, and take its predictions back."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import Jobs, Resume
from oncotrace.cli.output import console, finish_cohort, show_folder, tracked
from oncotrace.cli.parse import known_modality
from oncotrace.domain.scan import modality_named

app = typer.Typer(help="Exchange cohorts and predictions with nnU-Net v2.")


@app.command("export")
def export(
    cohort: Annotated[
        Path, typer.Argument(help="A cohort.csv with images and masks.", metavar="COHORT.csv")
    ],
    modality: Annotated[
        list[str],
        typer.Option(help="Sequence; give several, also as mr-t1,ct, for several channels."),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the dataset.")],
    folds: Annotated[
        Path | None, typer.Option(help="Table with the columns patient_id and fold.")
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Its name for nnU-Net.", metavar="DatasetNNN_Name")
    ] = "Dataset501_Tumour",
) -> None:
    """Write a cohort as a dataset of nnU-Net, with our folds."""
    from oncotrace.pipeline.nnunet_export import export_nnunet

    begun = export_nnunet(
        cohort,
        out,
        modalities=[modality_named(name) for text in modality for name in text.split(",")],
        folds=folds,
        dataset=dataset,
    )
    for _ in tracked(begun.case_ids, "exporting", begun.cases):
        pass
    trained = begun.cases - begun.without_outline
    console.print(f"{trained} cases to train on, {begun.without_outline} without an outline.")
    if begun.renamed:
        console.print(f"{begun.renamed} cases have another name there, which cases.csv tells.")
    show_folder(out, "cases.csv", f"nnUNet_raw/{dataset}", f"nnUNet_preprocessed/{dataset}")


@app.command("import")
def import_predictions(
    predictions: Annotated[
        Path, typer.Argument(help="Folder that nnUNetv2_predict wrote.", metavar="PREDICTIONS")
    ],
    cohort: Annotated[
        Path, typer.Argument(help="The cohort.csv of the images.", metavar="COHORT.csv")
    ],
    out: Annotated[Path, typer.Option(help="New folder for the run.")],
    names: Annotated[
        Path | None, typer.Option(help="The export's cases.csv, where cases were renamed.")
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Image column whose grid the predictions have.")
    ] = None,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Take predictions of nnU-Net into a run folder, which evaluate reads."""
    from oncotrace.pipeline.nnunet_import import import_nnunet

    run = import_nnunet(
        predictions,
        cohort,
        out,
        modality=known_modality(modality),
        names=names,
        resume=resume,
        jobs=jobs,
    )
    finish_cohort(run.outcomes, run.cases, "importing", out)
