"""``oncotrace inventory``."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from oncotrace.cli import pacs
from oncotrace.cli.output import EXIT_SOME_FAILED, console, messages, show_folder
from oncotrace.cli.parse import refuse_together
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.header_reading import Progress as Step
    from oncotrace.pipeline.inventory import DryRun, InventorySummary
    from oncotrace.pipeline.pacs import FailedSeries

_STEPS = {
    "retrieving": "retrieving",
    "looking": "looking for files",
    "reading": "reading headers",
    "describing": "describing series",
}


def inventory(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder (with all below it), zip archive, or the address of a PACS.",
            metavar="PATH|PACS_URL",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Table to be written: .csv or .parquet.")],
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Go on with a table: read only files that are new or changed."
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(help="Processes that read; one per processor by default.", min=1)
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="New folder for pictures of the distributions.")
    ] = None,
    patient: pacs.Patient = None,
    study: pacs.Study = None,
    since: pacs.Since = None,
    until: pacs.Until = None,
    credentials: pacs.CredentialsFile = None,
    ca: pacs.Authority = None,
    allow_http: pacs.AllowHttp = False,
    timeout: pacs.Timeout = 60.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many files would be read, and stop.")
    ] = False,
) -> None:
    """List the DICOM series of a folder, archive or PACS: what they are, how they were made."""
    from oncotrace.pipeline import inventory as journey

    place = pacs.place_of(
        source,
        pacs.filters_of(patient, since, until, None, None, study, None),
        pacs.access_of(source, credentials, ca, allow_http=allow_http, timeout_s=timeout),
    )
    if dry_run:
        refuse_together("--dry-run", {"--figures": figures})
        if not isinstance(place, Path):
            raise SettingsError(
                "a dry run reads headers, which a PACS must send first.",
                hint="Look what it has with: oncotrace pacs retrieve --dry-run.",
            )
        would = _last(journey.dry_run(place, out), [])
        if isinstance(would, journey.DryRun):
            console.print(f"{would.files} files, of which {would.to_read} would be read.")
        return
    steps: Iterable[Step | FailedSeries | InventorySummary]
    if isinstance(place, Path):
        steps = journey.make_inventory(place, out, update=update, jobs=jobs, figures=figures)
    else:
        steps = journey.make_inventory_of_pacs(
            place, out, update=update, jobs=jobs, figures=figures
        )
    failed: list[FailedSeries] = []
    try:
        summary = _last(steps, failed)
    except KeyboardInterrupt:
        messages.print("what was read is kept; go on with --update.")
        raise
    if isinstance(summary, journey.InventorySummary):
        _show(summary)
    show_folder(out.parent, out.name, journey.index_of(out).name)
    if figures is not None:
        show_folder(figures, *sorted(path.name for path in figures.iterdir()))
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def _last(
    steps: "Iterable[Step | FailedSeries | InventorySummary | DryRun]",
    failed: "list[FailedSeries]",
) -> object:
    """Show a bar while the steps come; return what comes last, and add what failed to a list."""
    from oncotrace.pipeline.header_reading import Progress as Step
    from oncotrace.pipeline.pacs import FailedSeries

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.fields[of]}"),
        TimeElapsedColumn(),
    )
    last: object = None
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("", total=None, of="?")
        for last in steps:
            if isinstance(last, Step):
                of = "?" if last.total is None else str(last.total)
                label = _STEPS[last.step]
                bar.update(task, description=label, completed=last.done, total=last.total, of=of)
            elif isinstance(last, FailedSeries):
                pacs.show_failed_series(last)
                failed.append(last)
    return last


def _show(summary: "InventorySummary") -> None:
    """Print what there is, and what could not be read."""
    from oncotrace.pipeline.inventory import NOT_IMAGES

    console.print(
        f"{summary.patients} patients, {summary.studies} studies, {summary.series} series in "
        f"{summary.files} files ({summary.read} read now); {summary.noted} series with a note."
    )
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("modality", _counts(summary.modalities))
    table.add_row("sequence", _counts(summary.sequences))
    other = {code: count for code, count in summary.codes.items() if code in NOT_IMAGES}
    unreadable = {code: count for code, count in summary.codes.items() if code not in NOT_IMAGES}
    if other:
        table.add_row("other files", _counts(other))
    if unreadable:
        table.add_row("unreadable", _counts(unreadable), style="red")
    console.print(table)


def _counts(counts: "Mapping[str, int]") -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
