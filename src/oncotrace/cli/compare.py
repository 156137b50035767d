"""``oncotrace compare`` and ``oncotrace table1``."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.output import console, show_folder
from oncotrace.cli.parse import refuse_together

if TYPE_CHECKING:
    from oncotrace.pipeline.analysis_folder import Analysis


class Correction(StrEnum):
    """How p values are adjusted for their number."""

    bonferroni = "bonferroni"
    holm = "holm"
    bh = "bh"


class WhichTest(StrEnum):
    """Which test is made."""

    auto = "auto"
    rank = "rank"
    t = "t"
    chi_square = "chi-square"
    fisher = "fisher"
    z = "z"


class NumberTest(StrEnum):
    """How numbers of a baseline table are tested."""

    rank = "rank"
    t = "t"


class Interval(StrEnum):
    """How a bootstrap interval is made from the replicates."""

    bca = "bca"
    percentile = "percentile"


TableFile = Annotated[Path, typer.Argument(help="A CSV with a header.", metavar="TABLE")]
Separator = Annotated[str, typer.Option("--sep", help="What separates cells; or the word tab.")]
Decimal = Annotated[str, typer.Option("--decimal", help="Decimal sign of the numbers: . or ,")]
Out = Annotated[
    Path | None, typer.Option(help="New folder for tables, figures and text; none without it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Case = Annotated[
    str | None,
    typer.Option(
        help="Column that names the cases; if not given, the first called case_id, case, "
        "patient_id, patient, subject_id, subject or id."
    ),
]


def compare(
    table: TableFile,
    value: Annotated[list[str], typer.Option(help="Column to compare; may be repeated.")],
    group: Annotated[str, typer.Option(help="Column that says which group a row is in.")],
    paired_by: Annotated[
        str | None, typer.Option(help="Column that pairs the rows of the groups: the case.")
    ] = None,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="Groups share cases, test them as separate.")
    ] = False,
    case: Case = None,
    average: Annotated[
        bool, typer.Option("--average", help="Test the mean of rows of one case and group.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Compare only this group; may be repeated.")
    ] = None,
    auc: Annotated[
        bool, typer.Option("--auc", help="Areas under ROC curves too, with DeLong's test.")
    ] = False,
    test: Annotated[
        WhichTest, typer.Option(help="Auto: ranks of numbers, counts of categories.")
    ] = WhichTest.auto,
    correction: Annotated[
        Correction, typer.Option(help="Adjustment for the number of tests made.")
    ] = Correction.holm,
    interval: Annotated[Interval, typer.Option(help="Kind of bootstrap interval.")] = Interval.bca,
    replicates: Annotated[int, typer.Option(help="Bootstrap replicates.", min=100)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of whatever is drawn.", min=0)] = 0,
    sep: Separator = ",",
    decimal: Decimal = ".",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Compare a column of a table between groups: figures, tests, and a box and swarm plot."""
    from oncotrace.pipeline.compare import ComparisonRequest, compare_table

    if paired_by is not None:
        refuse_together("--paired-by", {"--unpaired": unpaired, "--case": case})
    request = ComparisonRequest(
        values=tuple(value),
        group=group,
        paired_by=paired_by,
        case=case,
        is_unpaired=unpaired,
        is_average=average,
        is_auc=auc,
        only=tuple(only or ()),
        test=test.value,
        correction=correction.value,
        interval=interval.value,
        replicates=replicates,
        seed=seed,
        separator=sep,
        decimal=decimal,
    )
    _show(compare_table(table, request, out), out, as_json)


def table1(
    table: TableFile,
    by: Annotated[str, typer.Option(help="Column of the groups: cohort, arm or outcome.")],
    column: Annotated[
        list[str] | None, typer.Option(help="Characteristic to show; all if not given.")
    ] = None,
    categorical: Annotated[
        list[str] | None, typer.Option(help="Column of numbers that are categories.")
    ] = None,
    case: Case = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Show only this group; may be repeated.")
    ] = None,
    test: Annotated[
        NumberTest, typer.Option(help="Numbers by ranks, or two groups by Welch's t.")
    ] = NumberTest.rank,
    correction: Annotated[
        Correction | None, typer.Option(help="Adjust for the number of tests made.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of random tables.", min=0)] = 0,
    sep: Separator = ",",
    decimal: Decimal = ".",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Describe the cases of a table by group: the baseline table of a paper."""
    from oncotrace.pipeline.table1 import BaselineRequest, baseline_table

    request = BaselineRequest(
        by=by,
        columns=tuple(column or ()),
        categorical=tuple(categorical or ()),
        case=case,
        only=tuple(only or ()),
        test=test.value,
        correction=None if correction is None else correction.value,
        seed=seed,
        separator=sep,
        decimal=decimal,
    )
    _show(baseline_table(table, request, out), out, as_json)


def _show(analysis: "Analysis", out: Path | None, as_json: bool) -> None:
    """Print the text or the JSON, and where the files lie."""
    from oncotrace.pipeline.analysis_folder import as_result

    if as_json:
        typer.echo(json.dumps(as_result(analysis.result), indent=2, allow_nan=False))
        return
    console.print(analysis.text, markup=False, soft_wrap=True)
    if out is not None:
        show_folder(out, *analysis.files)
