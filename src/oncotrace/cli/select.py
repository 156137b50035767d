"""``oncotrace select``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from oncotrace.cli.output import console, show_folder

if TYPE_CHECKING:
    from oncotrace.curate.selection import Selection


def select(
    table: Annotated[Path, typer.Argument(help="Inventory.", metavar="TABLE")],
    out: Annotated[Path, typer.Option(help="New folder for the lists and the flow chart.")],
    query: Annotated[
        Path | None,
        typer.Option(
            help="TOML that says what a case needs; one series of each kind if not given."
        ),
    ] = None,
    checks: Annotated[
        Path | None, typer.Option(help="What `oncotrace check` wrote of this inventory.")
    ] = None,
    dates: Annotated[
        Path | None, typer.Option(help="CSV with patient_id and a column of dates per event.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be selected; write nothing.")
    ] = False,
) -> None:
    """Select one series per case and role from an inventory, and say why."""
    from oncotrace.curate.select_query import Query, read_query
    from oncotrace.pipeline.select import select_series

    chosen = read_query(query) if query else Query()
    selection = select_series(table, out, query=chosen, checks=checks, dates=dates, dry_run=dry_run)
    _show(selection)
    if not dry_run:
        show_folder(out, "selected.csv", "left_out.csv", "flow.png")


def _show(selection: "Selection") -> None:
    """Print how many cases there are, and why the others are not."""
    console.print(f"{len(selection.cases)} of {selection.considered} cases selected.")
    table = Table(box=None, show_header=False)
    for why, count in selection.excluded_cases.most_common():
        table.add_row(str(count), why)
    if table.row_count:
        console.print(table)
