"""``oncotrace evaluate-lungs``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from oncotrace.cli.options import Jobs, Resume
from oncotrace.cli.output import EXIT_DONE, console, finish_cohort, show_folder

if TYPE_CHECKING:
    from oncotrace.report.evaluation_tables import SummaryRow
    from oncotrace.report.lung_comparisons import StratumComparison
    from oncotrace.stats.detection import Detection


def evaluate_lungs(
    cohort: Annotated[
        Path,
        typer.Argument(
            help="A cohort.csv with CTs and masks, which may be empty.", metavar="COHORT.csv"
        ),
    ],
    model: Annotated[str, typer.Option(help="Folder of a model of the recipe lung.")],
    out: Annotated[Path, typer.Option(help="New folder for the results.")],
    folds: Annotated[
        Path | None,
        typer.Option(
            help="Table that the model was trained with: every patient is scored by the one "
            "network that never saw them."
        ),
    ] = None,
    location: Annotated[
        str | None,
        typer.Option(help="Column that says where the tumour lies: clinical_location."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Score from which on a lung counts as ill.", min=0, max=1)
    ] = 0.5,
    lung_settings: Annotated[
        Path | None, typer.Option(help="TOML with settings of the recipe lung.")
    ] = None,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Find the lung tumours of a cohort, also where there are none, and compare."""
    from oncotrace.pipeline.evaluate_lungs import COMPARISON_TABLE, SUMMARY_FILE, SUMMARY_TABLE
    from oncotrace.pipeline.evaluate_lungs import evaluate_lungs as evaluated
    from oncotrace.segment.lung_settings import read_lung_settings

    evaluation = evaluated(
        cohort,
        model,
        out,
        folds=folds,
        location=location,
        threshold=threshold,
        lung=read_lung_settings(lung_settings) if lung_settings else None,
        resume=resume,
        jobs=jobs,
    )
    code = EXIT_DONE
    try:
        finish_cohort(evaluation.run.outcomes, evaluation.run.cases, "evaluating", out)
    except typer.Exit as some_failed:
        code = some_failed.exit_code
    summary = evaluation.summarise()
    show_folder(out, SUMMARY_TABLE, COMPARISON_TABLE, SUMMARY_FILE)
    _show_dice(summary.rows)
    _show_comparisons(summary.comparisons)
    _show_detection(summary.detection)
    raise typer.Exit(code)


def _show_dice(rows: "dict[str, list[SummaryRow]]") -> None:
    """Print Dice over all cases with tumour, and by every way to group them."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Dice of GTV-1", no_wrap=True)
    for column in ("n", "mean", "median", "least"):
        table.add_column(column, justify="right")
    for name, of in rows.items():
        for row in of:
            figures = row.summary
            if row.measure.name == "dice" and figures.n:
                values = (figures.mean, figures.median, figures.least)
                title = f"{name.replace('_', ' ')} {row.group}" if name else "all"
                table.add_row(title, str(figures.n), *(f"{value:.3f}" for value in values))
    console.print(table)


def _show_comparisons(rows: "list[StratumComparison]") -> None:
    """Print whether Dice differs between groups, or why that was not tested."""
    for row in (row for row in rows if row.measure.name == "dice"):
        pair = f"Dice, {row.by.replace('_', ' ')} {row.first} against {row.second}"
        if row.test is None or row.p_bonferroni is None:
            console.print(f"{pair}: not tested, {row.why_not}", markup=False, soft_wrap=True)
            continue
        first, second = row.patients
        console.print(
            f"{pair}: {_shift(row.test.shift)}p = {row.test.p_value:.3f}, times {row.comparisons}: "
            f"{row.p_bonferroni:.3f} (Mann-Whitney, {row.test.method}, n = {first} and {second})",
            markup=False,
            soft_wrap=True,
        )


def _shift(value: float | None) -> str:
    return "" if value is None else f"shift {value:+.3f}, "


def _show_detection(found: "Detection | None") -> None:
    """Print how well the lungs' scores tell ill from well."""
    if found is None:
        return
    console.print(f"{found.n} lungs, {found.positives} with tumour")
    for name in ("auc", "sensitivity", "specificity"):
        value, interval = getattr(found, name), getattr(found, f"{name}_interval")
        text = "cannot be said" if value is None else f"{value:.3f}"
        if interval is not None:
            text += f" (95 % interval {interval[0]:.3f} to {interval[1]:.3f})"
        console.print(f"{name}: {text}")
