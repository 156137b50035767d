"""``oncotrace prognosis``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import console, show_folder


def prognosis(
    table: Annotated[Path, typer.Argument(help="CSV with a row per patient.", metavar="TABLE.csv")],
    time: Annotated[
        str, typer.Option(help="Column of the time to the event or to the end of observation.")
    ],
    event: Annotated[
        str,
        typer.Option(help="Column that says whether the event was seen: 1 or 0, yes or no."),
    ],
    value: Annotated[
        list[str],
        typer.Option(help="Column of a value to judge; several times to see them side by side."),
    ],
    cut: Annotated[
        list[str] | None,
        typer.Option(
            help="Where to split the values: median, a quantile (75%), or a number; several times "
            "for more groups. Default: median.",
            metavar="median|PERCENT%|NUMBER",
        ),
    ] = None,
    horizon: Annotated[
        float | None, typer.Option(help="Time at which observation ends for everybody.")
    ] = None,
    case: Annotated[
        str | None, typer.Option(help="Column that names the rows. Default: case_id, if there.")
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(help="Column to adjust each value for; several times for several."),
    ] = None,
    sep: Annotated[str, typer.Option(help="What separates cells: one character, or tab.")] = ",",
    decimal: Annotated[str, typer.Option(help="Decimal sign of the numbers: . or ,")] = ".",
    out: Annotated[Path | None, typer.Option(help="New folder for the results.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell how a measured value goes with the time to an event."""
    from oncotrace.pipeline.analysis_folder import as_result
    from oncotrace.pipeline.followed_table import FollowedColumns
    from oncotrace.pipeline.prognosis import PrognosisSettings, write_prognosis
    from oncotrace.pipeline.prognosis import prognosis as analyse

    settings = PrognosisSettings(
        columns=FollowedColumns(
            time=time,
            event=event,
            values=tuple(value),
            covariates=tuple(covariate or ()),
            case=case,
        ),
        cuts=tuple(cut or ("median",)),
        horizon=horizon,
        separator=sep,
        decimal=decimal,
    )
    analysis = analyse(table, settings) if out is None else write_prognosis(table, out, settings)
    if as_json:
        typer.echo(json.dumps(as_result(analysis.result), indent=2, allow_nan=False))
        return
    console.print(analysis.text, markup=False, soft_wrap=True, end="")
    if out is not None:
        console.print()
        show_folder(out, *analysis.files)
