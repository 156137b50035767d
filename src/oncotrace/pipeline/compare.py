"""The comparing journey: a table in; groups described and tested, with a figure and a text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from oncotrace.errors import InputError
from oncotrace.io.value_table import ValueTable, is_missing, read_value_table
from oncotrace.pipeline.analysis_folder import Analysis, write_analysis
from oncotrace.pipeline.group_auc import group_aucs
from oncotrace.pipeline.grouped_values import (
    Grouping,
    case_column,
    grouped_levels,
    grouped_values,
    require_separate,
)
from oncotrace.report.box_swarm import Bracket, Panel, box_swarm
from oncotrace.report.comparison_tables import group_rows, level_rows
from oncotrace.report.comparison_text import (
    CORRECTIONS,
    group_line,
    indented,
    level_lines,
    made_line,
)
from oncotrace.stats.compare import Correction
from oncotrace.stats.group_comparison import compare_groups
from oncotrace.stats.level_comparison import CountTest, compare_levels
from oncotrace.stats.made_tests import MadeTest, adjust_tests, made_of_levels, made_of_values
from oncotrace.stats.two_groups import Kind, Resampling, Sample

Wanted = Literal["auto", "rank", "t", "chi-square", "fisher", "z"]

_COUNT_TESTS: dict[Wanted, CountTest] = {"chi-square": "chi-square", "fisher": "fisher", "z": "z"}


@dataclass(frozen=True)
class ComparisonRequest:
    """What is to be compared, and how.

    ``paired_by`` names the column whose values pair the rows of the groups; ``case`` the one that
    names the cases of separate groups; ``only`` the groups, all if empty. ``is_unpaired`` says that
    groups with cases in common are meant to be separate, ``is_average`` that rows of the same case
    and group are averaged, ``is_auc`` that areas under ROC curves are wanted, too.
    """

    values: tuple[str, ...]
    group: str
    paired_by: str | None = None
    case: str | None = None
    is_unpaired: bool = False
    is_average: bool = False
    is_auc: bool = False
    only: tuple[str, ...] = ()
    test: Wanted = "auto"
    correction: Correction = "holm"
    interval: Literal["percentile", "bca"] = "bca"
    replicates: int = 2000
    seed: int = 0
    separator: str = ","
    decimal: str = "."


@dataclass
class _Found:
    """What the columns give, one after the other."""

    tests: list[MadeTest] = field(default_factory=list)
    group_rows: list[dict[str, object]] = field(default_factory=list)
    level_rows: list[dict[str, object]] = field(default_factory=list)
    left_out_rows: list[dict[str, object]] = field(default_factory=list)
    samples: dict[str, Mapping[str, Sample]] = field(default_factory=dict)
    heads: dict[str, list[str]] = field(default_factory=dict)


def compare_table(path: Path, request: ComparisonRequest, out: Path | None = None) -> Analysis:
    """Compare columns of a table between groups; write the analysis if there is a place for it.

    Numbers are compared by ranks or means, categories by counts. P values are adjusted for exactly
    the tests that were made, those of two groups and those of all groups each for theirs.

    Raises
    ------
    TableError
        The table cannot be read, or a cell is no number.
    InputError
        A group has no value or is not there, or paired values would be tested as separate.
    OutputError
        ``out`` is not empty, or cannot be written.
    """
    needed = [*request.values, request.group]
    needed += [column for column in (request.paired_by, request.case) if column]
    table = read_value_table(
        path, required=needed, separator=request.separator, decimal=request.decimal
    )
    analysis = compare_columns(table, request)
    if out is not None:
        write_analysis(
            out,
            analysis,
            journey="compare",
            settings=asdict(request),
            inputs={"table": path},
            seed=request.seed,
        )
    return analysis


def compare_columns(table: ValueTable, request: ComparisonRequest) -> Analysis:
    """Compare columns of a table that has been read; see `compare_table`."""
    is_paired = request.paired_by is not None
    grouping = Grouping(
        column=request.group,
        case=request.paired_by or case_column(table, request.case),
        is_paired=is_paired,
        is_average=request.is_average,
        only=request.only,
    )
    if not request.is_unpaired:
        require_separate(table, grouping)
    found = _Found()
    for column in dict.fromkeys(request.values):
        if _is_categorical(table, column, request.test):
            _add_levels(found, table, column, grouping, request)
        else:
            _add_values(found, table, column, grouping, request)
    tests = adjust_tests(found.tests, request.correction)
    panels = [
        _panel(column, samples, tests, is_paired=is_paired)
        for column, samples in found.samples.items()
    ]
    tables: dict[str, list[dict[str, object]]] = {
        "tests": [asdict(test) for test in tests],
        "groups": found.group_rows,
        "levels": found.level_rows,
        "left_out": found.left_out_rows,
    }
    text = _text(table, grouping, found, tests, request)
    if request.is_auc:
        areas = group_aucs(table, list(found.samples), grouping, request.correction)
        tables |= {"aucs": areas.areas, "auc_tests": areas.tests}
        text = "\n".join([text, "", "areas under ROC curves", *indented(areas.lines)])
    return Analysis(
        tables={name: rows for name, rows in tables.items() if rows},
        figures={"groups": box_swarm(panels)} if panels else {},
        text=text,
        result={
            "group": request.group,
            "case": grouping.case,
            "is_paired": is_paired,
            "rows": len(table.rows),
            "correction": request.correction,
            **tables,
        },
    )


def _is_categorical(table: ValueTable, column: str, test: Wanted) -> bool:
    """Whether a column holds categories: a test of counts was asked for, or no cell is a number."""
    if test != "auto":
        return test in _COUNT_TESTS
    texts = [text for text in table.texts(column) if not is_missing(text)]
    return bool(texts) and not any(table.is_number(text) for text in texts)


def _add_values(
    found: _Found,
    table: ValueTable,
    column: str,
    grouping: Grouping,
    request: ComparisonRequest,
) -> None:
    kind: Kind = "t" if request.test == "t" else "rank"
    how = Resampling(seed=request.seed, method=request.interval, resamples=request.replicates)
    grouped = grouped_values(table, column, grouping)
    comparison = compare_groups(
        column, grouped.samples, kind=kind, is_paired=grouping.is_paired, how=how
    )
    found.tests.extend(made_of_values(comparison))
    found.group_rows.extend(group_rows(comparison))
    found.left_out_rows.extend(grouped.exclusions.rows())
    found.samples[column] = grouped.samples
    found.heads[column] = [*grouped.exclusions.lines(), *map(group_line, comparison.figures)]


def _add_levels(
    found: _Found,
    table: ValueTable,
    column: str,
    grouping: Grouping,
    request: ComparisonRequest,
) -> None:
    if grouping.is_paired:
        raise InputError(
            f"column {column!r} holds categories, for which there is no paired test here.",
            hint="Compare numbers with --paired-by, or categories of separate groups.",
            code="paired-categories",
        )
    samples, exclusions = grouped_levels(table, column, grouping)
    test = _COUNT_TESTS.get(request.test, "auto")
    comparison = compare_levels(samples, test=test, seed=request.seed)
    found.tests.append(made_of_levels(column, comparison))
    found.level_rows.extend(level_rows(column, comparison))
    found.left_out_rows.extend(exclusions.rows())
    found.heads[column] = [*exclusions.lines(), *level_lines(comparison)]


def _panel(
    column: str, samples: Mapping[str, Sample], tests: Sequence[MadeTest], *, is_paired: bool
) -> Panel:
    order = list(samples)
    return Panel(
        title=column,
        groups={group: sample.values for group, sample in samples.items()},
        brackets=[
            Bracket(order.index(test.first), order.index(test.second), test.p_adjusted)
            for test in tests
            if test.value == column and test.second and test.p_adjusted is not None
        ],
        is_paired=is_paired,
    )


def _text(
    table: ValueTable,
    grouping: Grouping,
    found: _Found,
    tests: Sequence[MadeTest],
    request: ComparisonRequest,
) -> str:
    lines = [_how(table, grouping, request)]
    for column, head in found.heads.items():
        lines += ["", f"{column} by {grouping.column}"]
        lines += indented(head)
        lines += indented(
            [made_line(test, request.correction) for test in tests if test.value == column]
        )
    return "\n".join(lines)


def _how(table: ValueTable, grouping: Grouping, request: ComparisonRequest) -> str:
    if grouping.is_paired:
        pairs = f"paired by {grouping.case}"
    elif grouping.case is None:
        pairs = "rows taken for independent, since no column names the cases (see --case)"
    elif request.is_unpaired:
        pairs = f"taken for separate groups of {grouping.case}, as told"
    else:
        pairs = f"separate groups of {grouping.case}"
    return (
        f"{len(table.rows)} rows; {pairs}; p values adjusted by {CORRECTIONS[request.correction]}."
    )
