"""Tests that were made, one record each, adjusted for exactly as many as there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from oncotrace.stats.compare import Correction, adjusted
from oncotrace.stats.group_comparison import PairTest, ValueComparison
from oncotrace.stats.level_comparison import LevelComparison
from oncotrace.stats.two_groups import Interval, TwoGroups

Family = Literal["two groups", "all groups"]


@dataclass(frozen=True)
class MadeTest:
    """One test of one column; without a p value it could not be made, and ``note`` says why.

    ``family`` holds the tests that are adjusted together: those of two groups, and those of three
    or more groups at once. ``among`` is their number. Differences are first minus second, that of
    proportions the difference of the shares of ``level``.
    """

    value: str
    first: str
    second: str
    family: Family
    test: str
    method: str = ""
    n_first: int | None = None
    n_second: int | None = None
    statistic: float | None = None
    degrees_of_freedom: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    among: int | None = None
    mean_difference: float | None = None
    mean_difference_low: float | None = None
    mean_difference_high: float | None = None
    median_difference: float | None = None
    median_difference_low: float | None = None
    median_difference_high: float | None = None
    hodges_lehmann: float | None = None
    level: str = ""
    proportion_difference: float | None = None
    proportion_difference_low: float | None = None
    proportion_difference_high: float | None = None
    point_biserial: float | None = None
    point_biserial_low: float | None = None
    point_biserial_high: float | None = None
    variance_ratio: float | None = None
    variance_p_value: float | None = None
    note: str = ""


def made_of_values(comparison: ValueComparison) -> Iterator[MadeTest]:
    """Return the tests of a column of numbers: all groups together first, then every two."""
    if comparison.overall:
        result = comparison.overall.result
        yield MadeTest(
            value=comparison.column,
            first="all",
            second="",
            family="all groups",
            test=comparison.overall.test,
            statistic=result.statistic,
            degrees_of_freedom=result.degrees_of_freedom,
            p_value=result.p_value,
        )
    for pair in comparison.pairs:
        yield _pair(comparison.column, pair)


def made_of_levels(column: str, comparison: LevelComparison) -> MadeTest:
    """Return the test of a column of categories."""
    is_two = len(comparison.groups) == 2
    proportions = comparison.proportions
    low, high = proportions.interval if proportions else (None, None)
    return MadeTest(
        value=column,
        first=comparison.groups[0] if is_two else "all",
        second=comparison.groups[1] if is_two else "",
        family="two groups" if is_two else "all groups",
        test=comparison.test,
        method=comparison.method,
        n_first=sum(row[0] for row in comparison.counts) if is_two else None,
        n_second=sum(row[1] for row in comparison.counts) if is_two else None,
        statistic=comparison.statistic,
        degrees_of_freedom=comparison.degrees_of_freedom,
        p_value=comparison.p_value if comparison.test != "none" else None,
        level=comparison.levels[-1] if proportions else "",
        proportion_difference=proportions.difference if proportions else None,
        proportion_difference_low=low,
        proportion_difference_high=high,
        note="all cases are of one level" if comparison.test == "none" else "",
    )


def adjust_tests(tests: Sequence[MadeTest], correction: Correction) -> list[MadeTest]:
    """Adjust the p values of each family for the tests of it that were made."""
    found = list(tests)
    for family in ("two groups", "all groups"):
        places = [
            place
            for place, test in enumerate(found)
            if test.family == family and test.p_value is not None
        ]
        if not places:
            continue
        p_values = [p for place in places if (p := found[place].p_value) is not None]
        for place, p_adjusted in zip(places, adjusted(p_values, correction), strict=True):
            found[place] = replace(found[place], p_adjusted=p_adjusted, among=len(places))
    return found


def _pair(column: str, pair: PairTest) -> MadeTest:
    empty = MadeTest(column, pair.first, pair.second, "two groups", test="none", note=pair.note)
    result = pair.result
    return empty if result is None else _filled(empty, result)


def _filled(row: MadeTest, result: TwoGroups) -> MadeTest:
    mean_low, mean_high = _ends(result.mean_interval)
    median_low, median_high = _ends(result.median_interval)
    correlation, variances = result.point_biserial, result.variances
    r_low, r_high = _ends(correlation.interval if correlation else None)
    return replace(
        row,
        test=result.test,
        method=result.method,
        n_first=result.n_first,
        n_second=result.n_second,
        statistic=result.statistic,
        degrees_of_freedom=result.degrees_of_freedom,
        p_value=result.p_value,
        mean_difference=result.mean_difference,
        mean_difference_low=mean_low,
        mean_difference_high=mean_high,
        median_difference=result.median_difference,
        median_difference_low=median_low,
        median_difference_high=median_high,
        hodges_lehmann=result.shift,
        point_biserial=correlation.r if correlation else None,
        point_biserial_low=r_low,
        point_biserial_high=r_high,
        variance_ratio=variances.ratio if variances else None,
        variance_p_value=variances.p_value if variances else None,
    )


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    return interval if interval is not None else (None, None)
