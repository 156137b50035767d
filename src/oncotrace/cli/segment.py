"""``oncotrace segment``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import Jobs, Resume
from oncotrace.cli.output import finish_cohort, show_folder, show_size
from oncotrace.cli.parse import clicks_from_options, known_modality, refuse_together


def segment(
    source: Annotated[
        Path,
        typer.Argument(
            help="An image (DICOM folder or zip, NIfTI, NRRD, MetaImage), or a cohort.csv.",
            metavar="IMAGE|COHORT.csv",
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the results.")],
    clicks: Annotated[
        Path | None,
        typer.Option(help="Clicks: .json, .csv, or 3D Slicer's .mrk.json or .fcsv."),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(help="One click as x,y,z in LPS mm; give it six times.", metavar="X,Y,Z"),
    ] = None,
    box: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="A box around the tumour instead of clicks, two corners in LPS mm.",
            metavar="X,Y,Z X,Y,Z",
        ),
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Sequence: ct, mr-t1, mr-t1gd, mr-t1fs, mr-t2, mr-t2fs, pet.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Segmenter or model folder; the modality's default if not given."),
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the folder holds several series.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of whatever the segmenter draws.", min=0)] = 0,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Segment and measure one tumour from its clicks, or every case of a cohort."""
    if source.suffix.lower() == ".csv":
        refuse_together(
            "a cohort", {"--clicks": clicks, "--point": point, "--box": box, "--series": series}
        )
        _segment_cohort(source, out, modality, model, seed, resume, jobs)
        return
    refuse_together("one image", {"--resume": resume, "--jobs": jobs if jobs != 1 else None})
    from oncotrace.pipeline.segment import segment_case

    result = segment_case(
        source,
        clicks_from_options(clicks, point, box),
        out,
        modality=known_modality(modality),
        model=model,
        seed=seed,
        series_uid=series,
    )
    show_size(result)
    show_folder(out, "picture.png", "mask.nii.gz", "result.json")


def _segment_cohort(
    table: Path,
    out: Path,
    modality: str | None,
    model: str | None,
    seed: int,
    resume: bool,
    jobs: int,
) -> None:
    from oncotrace.pipeline.segment import segment_cohort

    run = segment_cohort(
        table,
        out,
        modality=known_modality(modality),
        model=model,
        seed=seed,
        resume=resume,
        jobs=jobs,
    )
    finish_cohort(run.outcomes, run.cases, "segmenting", out)
