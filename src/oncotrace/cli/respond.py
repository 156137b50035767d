"""``oncotrace respond``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import MaskColumn
from oncotrace.cli.output import console, show_folder
from oncotrace.cli.parse import known_modality


def respond(
    table: Annotated[
        Path,
        typer.Argument(
            help="Table of lesions over time, or a cohort.csv with time points and masks.",
            metavar="TABLE|COHORT.csv",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="New folder for tables, figures and text.")
    ] = None,
    sep: Annotated[str, typer.Option(help="What separates the table's cells; or tab.")] = ",",
    decimal: Annotated[str, typer.Option(help="Decimal sign of its numbers, . or ,.")] = ".",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="CR and PR count only when they are confirmed.")
    ] = False,
    confirm_after_days: Annotated[
        float, typer.Option(help="Least time between a response and its confirmation.")
    ] = 28.0,
    stable_after_days: Annotated[
        float, typer.Option(help="Least time from baseline for stable disease.")
    ] = 42.0,
    volume_decrease: Annotated[
        float, typer.Option(help="Per cent of volume lost for a partial response.")
    ] = 65.7,
    volume_increase: Annotated[
        float, typer.Option(help="Per cent of volume gained for progression.")
    ] = 72.8,
    modality: MaskColumn = None,
    farthest_mm: Annotated[
        float, typer.Option(help="Masks: how far a lesion may lie from where it was.")
    ] = 20.0,
    register: Annotated[
        bool,
        typer.Option("--register", help="Cohort: register later images to the first, rigidly."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Classify response over time by RECIST 1.1 and by volume."""
    from oncotrace.imaging.lesion_matching import MatchingLimits
    from oncotrace.imaging.register_settings import RegistrationSettings
    from oncotrace.measure.best_response import ResponseRules
    from oncotrace.pipeline.analysis_folder import as_result
    from oncotrace.pipeline.register_timepoints import transforms_of_table
    from oncotrace.pipeline.respond import RespondSettings
    from oncotrace.pipeline.respond import respond as classify

    sequence = known_modality(modality)
    to_first = (
        transforms_of_table(table, sequence, settings=RegistrationSettings()) if register else None
    )
    analysis = classify(
        table,
        out,
        settings=RespondSettings(
            rules=ResponseRules(confirm, confirm_after_days, stable_after_days),
            volume_decrease_percent=volume_decrease,
            volume_increase_percent=volume_increase,
            matching=MatchingLimits(farthest_mm=farthest_mm),
        ),
        separator=sep,
        decimal=decimal,
        modality=sequence,
        to_first=to_first,
    )
    if as_json:
        typer.echo(json.dumps(as_result(analysis.result), indent=2, allow_nan=False))
        return
    console.print(analysis.text, markup=False, soft_wrap=True)
    if out is not None:
        show_folder(out, *analysis.files)
