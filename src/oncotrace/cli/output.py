"""What the commands print: results to standard output, everything else to standard error."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from oncotrace.errors import OncotraceError

if TYPE_CHECKING:
    from oncotrace.pipeline.run.case_run import CaseOutcome

_Item = TypeVar("_Item")

EXIT_DONE = 0
EXIT_SOME_FAILED = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 3

console = Console(highlight=False)
messages = Console(stderr=True, highlight=False)

_ROWS = (
    ("volume_ml", "volume", "ml"),
    ("longest_axial_diameter_mm", "longest axial diameter", "mm"),
    ("perpendicular_diameter_mm", "perpendicular diameter", "mm"),
    ("longest_3d_diameter_mm", "longest 3D diameter", "mm"),
)


def show_error(error: OncotraceError) -> None:
    """Print one error: what is wrong, what to do, and the code that scripts may test."""
    messages.print("[bold red]error[/]", end=" ")
    case = f"case {error.case_id}: " if error.case_id else ""
    messages.print(f"({error.code}): {case}{error.message}", markup=False, soft_wrap=True)
    if error.hint:
        messages.print(error.hint, markup=False, soft_wrap=True)


def show_interruption() -> None:
    """Say that the user stopped the command and how to go on."""
    messages.print("interrupted; what goes case by case goes on with --resume.")


def show_size(result: Mapping[str, object]) -> None:
    """Print volume and diameters, and what the reader should know about them."""
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column()
    for name, label, unit in _ROWS:
        table.add_row(label, f"{result[name]:.1f}", unit)
    console.print(table)
    _show_quality(result)
    warnings = result.get("warnings")
    for warning in warnings if isinstance(warnings, list) else []:
        messages.print(f"note: {warning}", markup=False, soft_wrap=True)


def _show_quality(result: Mapping[str, object]) -> None:
    """Print how good the mask is likely to be and where to look first, if that was predicted."""
    dice, interval = result.get("predicted_dice"), result.get("predicted_dice_interval")
    if not isinstance(dice, float) or not isinstance(interval, list):
        return
    low, high = interval
    console.print(f"Predicted Dice {dice:.2f} (four times in five {low:.2f} to {high:.2f}).")
    slices, ends = result.get("slices_to_check"), result.get("ends_to_check")
    places = [f"the {end} end" for end in ends] if isinstance(ends, list) else []
    if isinstance(slices, list) and slices:
        places.append(f"slices {', '.join(map(str, slices))} (counted from 0)")
    if places:
        console.print(f"Look first at {', '.join(places)}.")


def show_folder(out: Path, *names: str) -> None:
    """Print where the results lie."""
    console.print("Look at")
    for name in names:
        console.print(f"  {out / name}", markup=False, soft_wrap=True)


def tracked(items: Iterable[_Item], label: str, total: int) -> Iterator[_Item]:
    """Show a bar on standard error while the items come."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages, transient=True) as progress:
        yield from progress.track(items, total=total, description=label)


def finish_cohort(outcomes: "Iterable[CaseOutcome]", cases: int, label: str, out: Path) -> None:
    """Run a cohort to its end with a bar, name the cases that failed, and exit accordingly."""
    failed = 0
    for outcome in tracked(outcomes, label, cases):
        if outcome.failure is not None:
            failed += 1
            failure = outcome.failure
            messages.print(
                f"case {failure.case_id} failed ({failure.stage}, {failure.code}): "
                f"{failure.message}",
                markup=False,
            )
    console.print(f"{cases - failed} of {cases} cases done.")
    show_folder(out, "table.csv", "failures.csv", "cases")
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)
