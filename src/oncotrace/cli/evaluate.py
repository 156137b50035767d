"""``oncotrace evaluate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from oncotrace.cli.options import Jobs, MaskColumn, Resume
from oncotrace.cli.output import EXIT_DONE, console, finish_cohort, messages
from oncotrace.cli.parse import known_modality, refuse_together
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.evaluate import Evaluation
    from oncotrace.pipeline.evaluation_summary import EvaluationSummary
    from oncotrace.report.evaluated_case import Measure
    from oncotrace.report.evaluation_tables import ComparisonRow, SummaryRow


def evaluate(
    cohort: Annotated[
        Path, typer.Argument(help="A cohort.csv with reference masks.", metavar="COHORT.csv")
    ],
    out: Annotated[Path, typer.Option(help="New folder for the results.")],
    model: Annotated[
        str | None,
        typer.Option(help="Segmenter or model folder; the cohort needs images and clicks."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Folder of <case_id>.nii.gz, or a run folder of segment, to evaluate."),
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(
            help="Table that the model was trained with: every patient is scored by the one "
            "network that never saw them.",
        ),
    ] = None,
    modality: MaskColumn = None,
    by: Annotated[
        str | None, typer.Option(help="Column to break the summary down by: clinical_histology.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another evaluation of the same cases, to compare with.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of whatever the segmenter draws.", min=0)] = 0,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Compare predicted masks with the reference masks of a cohort."""
    from oncotrace.pipeline.evaluate import evaluate_model, evaluate_predictions

    chosen = known_modality(modality)
    if model is not None and predictions is None:
        evaluation = evaluate_model(
            cohort, model, out,
            modality=chosen, seed=seed, folds=folds,
            by=by, against=against, resume=resume, jobs=jobs,
        )  # fmt: skip
    elif predictions is not None and model is None:
        refuse_together("--predictions", {"--seed": seed, "--folds": folds})
        evaluation = evaluate_predictions(
            cohort, predictions, out,
            modality=chosen, by=by, against=against, resume=resume, jobs=jobs,
        )  # fmt: skip
    else:
        raise SettingsError(
            "an evaluation needs predicted masks.",
            hint="Give either --model NAME or --predictions FOLDER.",
        )
    _finish(evaluation, out)


def _finish(evaluation: "Evaluation", out: Path) -> None:
    """Run to the end, show what the cases that are done say together, and exit accordingly."""
    code = EXIT_DONE
    try:
        finish_cohort(evaluation.run.outcomes, evaluation.run.cases, "evaluating", out)
    except typer.Exit as some_failed:
        code = some_failed.exit_code
    summary = evaluation.summarise()
    if summary.evaluated:
        for name in ("summary.csv", "summary.json", *(f"figures/{f}" for f in summary.figures)):
            console.print(f"  {out / name}", markup=False, soft_wrap=True)
        _show_summary(summary)
    if summary.evaluated < summary.cases:
        missing = summary.cases - summary.evaluated
        messages.print(f"{missing} of {summary.cases} cases are missing from these figures.")
    raise typer.Exit(code)


def _show_summary(summary: "EvaluationSummary") -> None:
    """Print every measure over all cases, the Dice of each group, and the comparison."""
    columns = ["n", "mean ± SD", "median", "least", "greatest"]
    overall, groups = _table("", columns), _table(f"Dice by {summary.by}", columns)
    for row in summary.rows:
        if not row.group:
            overall.add_row(_name(row.measure), *_cells(row))
        elif row.measure.name == "dice":
            groups.add_row(escape(row.group), *_cells(row))
    console.print(overall)
    for row in summary.rows:
        if row.summary.not_finite and not row.group:
            cases = f"{row.summary.not_finite} of {row.summary.n + row.summary.not_finite} cases"
            console.print(f"{row.measure.label} is not finite in {cases}, which are left out.")
    if groups.row_count:
        console.print(groups)
    if summary.comparison:
        console.print(_comparison(summary.comparison))


def _comparison(rows: Sequence["ComparisonRow"]) -> Table:
    """Table of the differences; H-L is the Hodges-Lehmann estimate, p Wilcoxon's and after Holm."""
    table = _table("this minus the other", ["n", "mean", "95 % CI", "H-L", "p", "p (Holm)"])
    for row in rows:
        decimals = row.measure.decimals
        table.add_row(
            _name(row.measure),
            str(row.test.n),
            _number(row.mean_difference, decimals),
            _interval(row.mean_interval, decimals),
            _number(row.test.shift, decimals),
            _p_value(row.test.p_value),
            _p_value(row.p_holm),
        )
    return table


def _table(first: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(first, no_wrap=True, max_width=32)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _name(measure: "Measure") -> str:
    return f"{measure.label} ({measure.unit})" if measure.unit else measure.label


def _cells(row: "SummaryRow") -> tuple[str, ...]:
    figures, decimals = row.summary, row.measure.decimals
    sd = "" if figures.sd is None else f" ± {figures.sd:.{decimals}f}"
    return (
        str(figures.n),
        f"{_number(figures.mean, decimals)}{sd}",
        _number(figures.median, decimals),
        _number(figures.least, decimals),
        _number(figures.greatest, decimals),
    )


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _p_value(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _interval(interval: tuple[float, float] | None, decimals: int) -> str:
    return "" if interval is None else " to ".join(_number(end, decimals) for end in interval)
