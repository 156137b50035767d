"""``oncotrace check``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from oncotrace.cli.output import EXIT_SOME_FAILED, console, messages, show_folder

if TYPE_CHECKING:
    from oncotrace.pipeline.check import CheckSummary


def check(
    table: Annotated[Path, typer.Argument(help="Inventory.", metavar="TABLE")],
    out: Annotated[Path, typer.Option(help="New CSV: a line per series and check.")],
    rules: Annotated[
        Path | None,
        typer.Option(help="TOML with rules and thresholds; the usual ones if not given."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="What the inventory was made of: voxels and masks are looked at, too."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name the checks and stop.")] = False,
) -> None:
    """Check every series of an inventory against rules."""
    from oncotrace.curate.check_names import checks_made
    from oncotrace.curate.check_rules import CheckRules, read_check_rules
    from oncotrace.pipeline.check import CheckSummary, check_inventory
    from oncotrace.pipeline.check_voxels import LookedAt

    chosen = read_check_rules(rules) if rules else CheckRules()
    if dry_run:
        for line in checks_made(chosen, voxels=images is not None):
            console.print(line, markup=False)
        return
    columns = (TextColumn("looking at images"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("", total=None, visible=images is not None)
        for step in check_inventory(table, out, rules=chosen, images=images):
            if isinstance(step, LookedAt):
                bar.update(task, completed=step.done, total=step.total)
            elif isinstance(step, CheckSummary):
                summary = step
    _show(summary)
    show_folder(out.parent, out.name)
    if summary.failed_series:
        raise typer.Exit(EXIT_SOME_FAILED)


def _show(summary: "CheckSummary") -> None:
    """Print how many series failed each check."""
    table = Table("check", "passed", "failed", "cannot be told", box=None)
    for name, counts in summary.outcomes.items():
        style = "red" if counts["no"] else None
        table.add_row(name, *(str(counts[word]) for word in ("yes", "no", "unknown")), style=style)
    console.print(table)
    console.print(f"{summary.failed_series} of {summary.series} series fail a check.")
