"""The baseline journey: a table of cases in; the characteristics of each group side by side out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from oncotrace.errors import InputError
from oncotrace.io.value_table import ValueTable, is_missing, read_value_table
from oncotrace.pipeline.analysis_folder import Analysis, write_analysis
from oncotrace.pipeline.exclusions import Exclusions
from oncotrace.pipeline.grouped_values import (
    Grouping,
    case_column,
    group_order,
    grouped_levels,
    grouped_values,
)
from oncotrace.report.baseline_table import OVERALL, Cells, as_text, level_lines_of, value_lines
from oncotrace.report.comparison_text import CORRECTIONS
from oncotrace.stats.compare import Correction
from oncotrace.stats.k_samples import kruskal_wallis
from oncotrace.stats.level_comparison import compare_levels
from oncotrace.stats.made_tests import MadeTest, adjust_tests, made_of_levels
from oncotrace.stats.rank_sum import rank_sum
from oncotrace.stats.t_tests import welch_t
from oncotrace.stats.two_groups import Sample
from oncotrace.stats.usable import listed, refuse_repeated

_FEW = 2  # numbers of so many different values are categories, such as 0 and 1
_MOST_LEVELS = 20


@dataclass(frozen=True)
class BaselineRequest:
    """Which characteristics are shown by which groups.

    ``columns`` are all but the group's and the case's if empty; ``categorical`` names columns of
    numbers that are categories, beside those of at most two different values.
    """

    by: str
    columns: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    case: str | None = None
    only: tuple[str, ...] = ()
    test: Literal["rank", "t"] = "rank"
    correction: Correction | None = None
    seed: int = 0
    separator: str = ","
    decimal: str = "."


@dataclass(frozen=True)
class _Characteristic:
    """One column by group: its cases, and the test of it; ``levels`` only of categories."""

    column: str
    numbers: Mapping[str, Sequence[float]]
    levels: Mapping[str, Sequence[str]]
    missing: Mapping[str, int]
    exclusions: Exclusions
    test: MadeTest


def baseline_table(path: Path, request: BaselineRequest, out: Path | None = None) -> Analysis:
    """Describe the cases of each group, and test every characteristic between them.

    Numbers have mean, SD, median and quartiles and are tested by ranks, or with ``t`` by Welch's
    test where there are two groups; categories have n and percentages and are tested by chi-square,
    Fisher's test or random tables.

    Raises
    ------
    TableError
        The table cannot be read, or a cell is no number.
    InputError
        A case stands twice, or a group is not there.
    OutputError
        ``out`` is not empty, or cannot be written.
    """
    needed = [request.by, *request.columns, *request.categorical]
    table = read_value_table(
        path,
        required=[*needed, *([request.case] if request.case else [])],
        separator=request.separator,
        decimal=request.decimal,
    )
    analysis = baseline_of(table, request)
    if out is not None:
        write_analysis(
            out,
            analysis,
            journey="table1",
            settings=asdict(request),
            inputs={"table": path},
            seed=request.seed,
        )
    return analysis


def baseline_of(table: ValueTable, request: BaselineRequest) -> Analysis:
    """Describe the cases of a table that has been read; see `baseline_table`."""
    case = case_column(table, request.case)
    if case is not None:
        refuse_repeated(table.names(case), of="case")
    grouping = Grouping(request.by, case, is_paired=False, is_average=False, only=request.only)
    columns, skipped = _columns(table, request, case)
    found = [_characteristic(table, column, grouping, request) for column in columns]
    tests = [one.test for one in found]
    if request.correction is not None:
        tests = adjust_tests(tests, request.correction)
    rows = [line for one, test in zip(found, tests, strict=True) for line in _lines(one, test)]
    groups = group_order(table, grouping)
    labels = table.labels(request.by)
    counts = {OVERALL: sum(label in groups for label in labels)}
    counts |= {group: labels.count(group) for group in groups}
    rows = [{"characteristic": "cases", "figure": "n", **counts}, *rows]
    left_out = [row for one in found for row in one.exclusions.rows()]
    adjusted = ["p adjusted"] if request.correction else []
    shown = ["characteristic", "figure", OVERALL, *groups, "p", *adjusted, "test"]
    return Analysis(
        tables={
            "table1": [{name: row.get(name) for name in shown} for row in rows],
            "tests": [asdict(test) for test in tests],
            **({"left_out": left_out} if left_out else {}),
        },
        text="\n".join([as_text(rows, shown), "", *_notes(found, skipped, request)]),
        result={
            "by": request.by,
            "case": case,
            "cases": counts,
            "rows": rows,
            "tests": [asdict(test) for test in tests],
            "left_out": left_out,
            "columns_left_out": skipped,
        },
    )


def _columns(
    table: ValueTable, request: BaselineRequest, case: str | None
) -> tuple[list[str], list[str]]:
    """Columns to show, and those that are neither numbers nor few categories."""
    if request.columns:
        return list(dict.fromkeys([*request.columns, *request.categorical])), []
    others = [name for name in table.rows[0] if name not in {request.by, case, ""}]
    skipped = [
        name
        for name in others
        if not _is_number_column(table, name)
        and name not in request.categorical
        and len(set(table.labels(name))) > _MOST_LEVELS
    ]
    return [name for name in others if name not in skipped], [*skipped, *table.ambiguous]


def _is_number_column(table: ValueTable, column: str) -> bool:
    texts = {text for text in table.texts(column) if not is_missing(text)}
    return bool(texts) and all(table.is_number(text) for text in texts)


def _is_categorical(table: ValueTable, column: str, request: BaselineRequest) -> bool:
    if column in request.categorical or not _is_number_column(table, column):
        return True
    return len({label for label in table.labels(column) if label}) <= _FEW


def _characteristic(
    table: ValueTable, column: str, grouping: Grouping, request: BaselineRequest
) -> _Characteristic:
    if _is_categorical(table, column, request):
        levels, exclusions = grouped_levels(table, column, grouping)
        present = {group: len(of) for group, of in levels.items()}
        test = _level_test(column, levels, request.seed)
        return _Characteristic(
            column,
            {},
            {OVERALL: [level for of in levels.values() for level in of], **levels},
            _missing(table, grouping, present),
            exclusions,
            test,
        )
    grouped = grouped_values(table, column, grouping, may_be_empty=True)
    numbers = {group: sample.values.tolist() for group, sample in grouped.samples.items()}
    return _Characteristic(
        column,
        {OVERALL: [value for of in numbers.values() for value in of], **numbers},
        {},
        _missing(table, grouping, {group: len(of) for group, of in numbers.items()}),
        grouped.exclusions,
        _value_test(column, grouped.samples, request.test),
    )


def _missing(table: ValueTable, grouping: Grouping, present: Mapping[str, int]) -> dict[str, int]:
    """Cases without a usable value, overall and by group."""
    labels = table.labels(grouping.column)
    by_group = {group: labels.count(group) - n for group, n in present.items()}
    return {OVERALL: sum(by_group.values()), **by_group}


def _lines(one: _Characteristic, test: MadeTest) -> Iterator[Cells]:
    if one.numbers:
        return value_lines(one.column, one.numbers, one.missing, test)
    levels = sorted(set(one.levels[OVERALL]), key=_level_order)
    return level_lines_of(one.column, one.levels, levels, one.missing, test)


def _level_order(level: str) -> tuple[float, str]:
    try:
        return float(level), level
    except ValueError:
        return float("inf"), level


def _level_test(column: str, levels: Mapping[str, Sequence[str]], seed: int) -> MadeTest:
    try:
        return made_of_levels(column, compare_levels(levels, test="auto", seed=seed))
    except InputError as refusal:
        return _not_made(column, refusal)


def _value_test(column: str, samples: Mapping[str, Sample], kind: Literal["rank", "t"]) -> MadeTest:
    groups = list(samples)
    values = [sample.values for sample in samples.values()]
    try:
        if len(groups) > 2:
            found = kruskal_wallis(values)
            return MadeTest(
                column, "all", "", "all groups", "Kruskal-Wallis",
                statistic=found.statistic, degrees_of_freedom=found.degrees_of_freedom,
                p_value=found.p_value,
            )  # fmt: skip
        first, second = groups
        if kind == "t":
            means = welch_t(values[0], values[1])
            return MadeTest(
                column, first, second, "two groups", "Welch's t", "", means.n_first, means.n_second,
                means.statistic, means.degrees_of_freedom, means.p_value,
            )  # fmt: skip
        ranks = rank_sum(values[0], values[1])
        return MadeTest(
            column, first, second, "two groups", "Mann-Whitney", ranks.method, ranks.n_first,
            ranks.n_second, ranks.statistic, None, ranks.p_value,
        )  # fmt: skip
    except InputError as refusal:
        return _not_made(column, refusal)


def _not_made(column: str, refusal: InputError) -> MadeTest:
    return MadeTest(column, "all", "", "all groups", "none", note=refusal.message)


def _notes(
    found: Sequence[_Characteristic], skipped: Sequence[str], request: BaselineRequest
) -> Iterator[str]:
    if found and found[0].exclusions.unlabelled:
        names = found[0].exclusions.unlabelled
        yield f"Left out: {len(names)} without {request.by} ({listed(names)})."
    for one in found:
        if one.exclusions.left_out.count:
            yield f"{one.column}: {one.exclusions.left_out.sentence()}"
    if skipped:
        yield f"Not shown, neither numbers nor few categories, or there twice: {listed(skipped)}."
    if request.correction is not None:
        yield f"P values are adjusted by {CORRECTIONS[request.correction]} over all tests made."
    else:
        yield "P values are not adjusted for their number."
