"""How well each column tells two groups apart: areas under ROC curves, and which is larger."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from oncotrace.errors import InputError
from oncotrace.io.value_table import ValueTable
from oncotrace.pipeline.grouped_values import Grouping, group_order
from oncotrace.report.comparison_text import CORRECTIONS, number
from oncotrace.report.significance import p_text
from oncotrace.stats.compare import Correction, adjusted
from oncotrace.stats.delong import Auc, AucDifference, auc, auc_difference_paired


@dataclass(frozen=True)
class GroupAucs:
    """Area of each column with DeLong's interval, and DeLong's test of every two columns."""

    areas: list[dict[str, object]]
    tests: list[dict[str, object]]
    lines: list[str]


def group_aucs(
    table: ValueTable, columns: Sequence[str], grouping: Grouping, correction: Correction
) -> GroupAucs:
    """Areas under the ROC curves of columns for the second group against the first.

    Two columns are compared on the cases that have a value in both.

    Raises
    ------
    InputError
        There are other than two groups, rows are paired, or a group has fewer than two values.
    """
    groups = group_order(table, grouping)
    if len(groups) != 2 or grouping.is_paired or grouping.is_average:
        raise InputError(
            f"an area under the ROC curve needs one row of each case in two separate groups, found "
            f"{len(groups)} groups.",
            hint="Name the two groups with --only; leave out --paired-by and --average.",
            code="not-two-groups",
        )
    labels = np.array(table.labels(grouping.column))
    is_compared, events = np.isin(labels, groups), labels == groups[1]
    values = {column: table.numbers(column) for column in dict.fromkeys(columns)}
    kept = {column: is_compared & np.isfinite(of) for column, of in values.items()}
    areas = {column: auc(of[kept[column]], events[kept[column]]) for column, of in values.items()}
    tests = []
    for first, second in combinations(values, 2):
        both = kept[first] & kept[second]
        test = auc_difference_paired(values[first][both], values[second][both], events[both])
        tests.append((first, second, int(both.sum()), test))
    p_adjusted = adjusted([test.p_value for *_, test in tests], correction) if tests else []
    return GroupAucs(
        areas=[_area_row(column, groups[1], area) for column, area in areas.items()],
        tests=[
            _test_row(*test, p_value, len(tests))
            for test, p_value in zip(tests, p_adjusted, strict=True)
        ],
        lines=[
            *(_area_line(column, groups, area) for column, area in areas.items()),
            *(
                _test_line(*test, p_value, len(tests), CORRECTIONS[correction])
                for test, p_value in zip(tests, p_adjusted, strict=True)
            ),
        ],
    )


def _area_row(column: str, event: str, area: Auc) -> dict[str, object]:
    return {
        "value": column,
        "higher_in": event,
        "auc": area.auc,
        "auc_low": area.interval[0],
        "auc_high": area.interval[1],
        "n_events": area.n_events,
        "n_others": area.n_others,
    }


def _area_line(column: str, groups: Sequence[str], area: Auc) -> str:
    low, high = area.interval
    return (
        f"{column}: AUC {area.auc:.3f} (95 % CI {low:.3f} to {high:.3f}) for {groups[1]} "
        f"(n = {area.n_events}) against {groups[0]} (n = {area.n_others})"
    )


def _test_row(
    first: str, second: str, n: int, test: AucDifference, p_adjusted: float, among: int
) -> dict[str, object]:
    return {
        "first": first,
        "second": second,
        "n": n,
        "difference": test.difference,
        "difference_low": test.interval[0],
        "difference_high": test.interval[1],
        "z": test.statistic,
        "p_value": test.p_value,
        "p_adjusted": p_adjusted,
        "among": among,
    }


def _test_line(
    first: str, second: str, n: int, test: AucDifference, p_adjusted: float, among: int, rule: str
) -> str:
    low, high = test.interval
    together = f" ({rule} over {among} tests: {p_text(p_adjusted)})" if among > 1 else ""
    return (
        f"{first} against {second}: DeLong (same cases, n = {n}) z = {number(test.statistic)}, "
        f"{p_text(test.p_value)}{together}; difference of AUC {number(test.difference)} "
        f"(95 % CI {number(low)} to {number(high)})"
    )
