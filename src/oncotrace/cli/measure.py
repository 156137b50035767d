"""``oncotrace measure``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import DrawnOn, Jobs, MaskColumn, MaskOrCohort, Region, Resume
from oncotrace.cli.output import finish_cohort, show_size
from oncotrace.cli.parse import known_modality, refuse_together
from oncotrace.errors import SettingsError


def measure(
    source: MaskOrCohort,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    image: DrawnOn = None,
    region: Region = None,
    out: Annotated[
        Path | None, typer.Option(help="New folder for the results of a cohort.")
    ] = None,
    modality: MaskColumn = None,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Measure volume and diameters of one mask, or of every case of a cohort."""
    if source.suffix.lower() == ".csv":
        refuse_together("a cohort", {"--json": as_json, "--image": image, "--region": region})
        _measure_cohort(source, out, modality, resume, jobs)
        return
    of_cohort = {"--out": out, "--modality": modality, "--resume": resume}
    refuse_together("one mask", {**of_cohort, "--jobs": jobs if jobs != 1 else None})
    from oncotrace.pipeline.measure import measure_mask

    result = measure_mask(source, image=image, region=region)
    if as_json:
        typer.echo(json.dumps(result, indent=2, allow_nan=False))
    else:
        show_size(result)


def _measure_cohort(
    table: Path, out: Path | None, modality: str | None, resume: bool, jobs: int
) -> None:
    if out is None:
        raise SettingsError("measuring a cohort needs --out, a new folder for the results.")
    from oncotrace.pipeline.measure import measure_cohort

    run = measure_cohort(table, out, modality=known_modality(modality), resume=resume, jobs=jobs)
    finish_cohort(run.outcomes, run.cases, "measuring", out)
