"""``oncotrace inventory``."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from oncotrace.cli.output import console, messages, show_folder
from oncotrace.cli.parse import refuse_together

if TYPE_CHECKING:
    from oncotrace.pipeline.header_reading import Progress as Step
    from oncotrace.pipeline.inventory import DryRun, InventorySummary

_STEPS = {
    "looking": "looking for files",
    "reading": "reading headers",
    "describing": "describing series",
}


def inventory(
    source: Annotated[
        Path, typer.Argument(help="Folder (with all below it) or zip archive.", metavar="PATH")
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many files would be read, and stop.")
    ] = False,
) -> None:
    """List the DICOM series of a folder tree or archive: what they are and how they were made."""
    from oncotrace.pipeline import inventory as journey

    if dry_run:
        refuse_together("--dry-run", {"--figures": figures})
        would = _last(journey.dry_run(source, out))
        if isinstance(would, journey.DryRun):
            console.print(f"{would.files} files, of which {would.to_read} would be read.")
        return
    steps = journey.make_inventory(source, out, update=update, jobs=jobs, figures=figures)
    try:
        summary = _last(steps)
    except KeyboardInterrupt:
        messages.print("what was read is kept; go on with --update.")
        raise
    if isinstance(summary, journey.InventorySummary):
        _show(summary)
    show_folder(out.parent, out.name, journey.index_of(out).name)
    if figures is not None:
        show_folder(figures, *sorted(path.name for path in figures.iterdir()))


def _last(steps: "Iterable[Step | InventorySummary | DryRun]") -> object:
    """Show a bar while the steps come; return what comes last."""
    from oncotrace.pipeline.header_reading import Progress as Step

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
