"""``oncotrace agree``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from oncotrace.cli.output import EXIT_SOME_FAILED, console, messages, show_folder
from oncotrace.cli.parse import refuse_together
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.agree import ReadingsSource, TableFormat
    from oncotrace.pipeline.agree_masks import OutlinesSource
    from oncotrace.pipeline.analysis_folder import Analysis


def agree(
    table: Annotated[
        Path, typer.Argument(help="CSV with a reading, or the path of a mask, in each row.")
    ],
    case: Annotated[str, typer.Option(help="Column of the cases.")],
    reader: Annotated[str | None, typer.Option(help="Column of the readers.")] = None,
    value: Annotated[str | None, typer.Option(help="Column of the readings.")] = None,
    mask: Annotated[
        str | None, typer.Option(help="Column of mask files, instead of readings.")
    ] = None,
    repeat: Annotated[
        str | None, typer.Option(help="Column that tells one reader's repeated readings apart.")
    ] = None,
    readers: Annotated[
        str | None,
        typer.Option(help="Columns of one reader each, such as 'observer_*'; one case in a row."),
    ] = None,
    scale: Annotated[
        Literal["interval", "ratio", "ordinal", "nominal"],
        typer.Option(help="What the readings are: measured, or categories with or without order."),
    ] = "interval",
    categories: Annotated[
        str | None, typer.Option(help="Names of categories with commas, in their order.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="Column of the image that masks were drawn on.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Values of mask files that are the structure: all, or such as 1,4."),
    ] = None,
    tolerance_mm: Annotated[
        float | None,
        typer.Option(help="Of the surface Dice of masks; the readers' own if not given.", min=0),
    ] = None,
    sep: Annotated[str, typer.Option(help="What separates cells; or the word tab.")] = ",",
    decimal: Annotated[str, typer.Option(help="Decimal sign of numbers.")] = ".",
    out: Annotated[
        Path | None, typer.Option(help="New folder for tables, figures and masks.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how several readers agree on values, categories or outlines."""
    from oncotrace.pipeline.agree import TableFormat

    written = TableFormat(sep, decimal)
    if mask is not None:
        refuse_together(
            "--mask",
            {
                "--value": value,
                "--readers": readers,
                "--categories": categories,
                "--scale": scale != "interval",
            },
        )
        from oncotrace.pipeline.agree_masks import OutlinesSource
        from oncotrace.pipeline.agree_outlines import labels_named
        from oncotrace.pipeline.agree_table import ReadingColumns

        columns = ReadingColumns(case, _given(reader, "--reader"), mask, repeat)
        source = OutlinesSource(columns, image, labels_named(label))
        _agree_on_masks(table, source, tolerance_mm, written, out, as_json=as_json)
        return
    refuse_together(
        "readings",
        {"--image": image, "--label": label, "--tolerance-mm": tolerance_mm is not None},
    )
    from oncotrace.pipeline.agree import agree_on_values

    analysis = agree_on_values(
        table,
        _source(case, reader, value, repeat, readers),
        scale=scale,
        categories=_split(categories),
        written=written,
        out=out,
    )
    _show(analysis, out, as_json=as_json)


def _agree_on_masks(
    table: Path,
    source: "OutlinesSource",
    tolerance_mm: float | None,
    written: "TableFormat",
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Compare outlines with a bar, show what was found, and exit with 1 if some were unusable."""
    from oncotrace.pipeline.agree_masks import OutlinesCompared, agree_on_outlines

    columns = (TextColumn("comparing outlines"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("", total=None)
        for step in agree_on_outlines(
            table, source, tolerance_mm=tolerance_mm, written=written, out=out
        ):
            if isinstance(step, OutlinesCompared):
                found = step
            else:
                bar.update(task, completed=step.done, total=step.total)
    _show(found.analysis, out, as_json=as_json)
    if found.unusable:
        raise typer.Exit(EXIT_SOME_FAILED)


def _source(
    case: str, reader: str | None, value: str | None, repeat: str | None, readers: str | None
) -> "ReadingsSource":
    from oncotrace.pipeline.agree import ReadingsSource
    from oncotrace.pipeline.agree_table import ReadingColumns

    if readers is not None:
        refuse_together("--readers", {"--reader": reader, "--value": value, "--repeat": repeat})
        return ReadingsSource(case=case, readers=_split(readers))
    named = _given(reader, "--reader"), _given(value, "--value")
    return ReadingsSource(ReadingColumns(case, *named, repeat))


def _given(column: str | None, option: str) -> str:
    if column is None:
        raise SettingsError(
            f"agreement needs {option}, the name of a column.",
            hint="Give --reader and --value (or --mask), or --readers for one column per reader.",
        )
    return column


def _split(names: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip()) if names else ()


def _show(analysis: "Analysis", out: Path | None, *, as_json: bool) -> None:
    """Print the result, and where its files lie."""
    if as_json:
        from oncotrace.pipeline.analysis_folder import as_result

        typer.echo(json.dumps(as_result(analysis.result), indent=2, allow_nan=False))
        return
    console.print(analysis.text.rstrip(), markup=False, soft_wrap=True)
    if out is not None:
        show_folder(out, *analysis.files)
