"""Values of several groups: described, tested together, and every two of them tested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from oncotrace.errors import InputError
from oncotrace.stats.distribution import shapiro_wilk
from oncotrace.stats.k_samples import RankTest, friedman, kruskal_wallis
from oncotrace.stats.summary import Summary, summarise
from oncotrace.stats.two_groups import (
    Interval,
    Kind,
    Resampling,
    Sample,
    TwoGroups,
    compare_paired,
    compare_separate,
    mean_and_median_intervals,
)


@dataclass(frozen=True)
class GroupFigures:
    """One group in figures; ``normality_p`` is Shapiro and Wilk's."""

    group: str
    summary: Summary
    mean_interval: Interval
    median_interval: Interval
    normality_p: float | None


@dataclass(frozen=True)
class OverallTest:
    """Whether any of three or more groups differs."""

    test: str
    result: RankTest


@dataclass(frozen=True)
class PairTest:
    """The test of two of the groups; without ``result`` it was not made, and ``note`` says why."""

    first: str
    second: str
    result: TwoGroups | None
    note: str = ""


@dataclass(frozen=True)
class ValueComparison:
    """All that is said of one column of values."""

    column: str
    figures: tuple[GroupFigures, ...]
    overall: OverallTest | None
    pairs: tuple[PairTest, ...]


def compare_groups(
    column: str,
    samples: Mapping[str, Sample],
    *,
    kind: Kind,
    is_paired: bool,
    how: Resampling,
) -> ValueComparison:
    """Describe every group and test every two of them; three or more by ranks also together.

    Parameters
    ----------
    samples
        By group; of pairs all with the same cases in the same order.

    Raises
    ------
    InputError
        A group without a value, or fewer than two groups.
    """
    empty = [group for group, sample in samples.items() if not len(sample.values)]
    if empty:
        raise InputError(f"group {empty[0]!r} has no value of {column!r}.", code="empty-group")
    if len(samples) < 2:
        raise InputError("a comparison needs two groups.", code="too-few-groups")
    return ValueComparison(
        column=column,
        figures=tuple(_figures(group, sample, how) for group, sample in samples.items()),
        overall=_overall(list(samples.values()), is_paired) if kind == "rank" else None,
        pairs=tuple(
            _pair((one, samples[one]), (other, samples[other]), kind, is_paired, how)
            for one, other in combinations(samples, 2)
        ),
    )


def _figures(group: str, sample: Sample, how: Resampling) -> GroupFigures:
    mean, median = mean_and_median_intervals(sample, how)
    return GroupFigures(group, summarise(sample.values), mean, median, shapiro_wilk(sample.values))


def _overall(samples: Sequence[Sample], is_paired: bool) -> OverallTest | None:
    if len(samples) < 3:
        return None
    if not is_paired:
        return OverallTest("Kruskal-Wallis", kruskal_wallis([one.values for one in samples]))
    table = np.column_stack([one.values for one in samples])
    return OverallTest("Friedman", friedman(table)) if len(table) > 1 else None


def _pair(
    first: tuple[str, Sample],
    second: tuple[str, Sample],
    kind: Kind,
    is_paired: bool,
    how: Resampling,
) -> PairTest:
    test = compare_paired if is_paired else compare_separate
    try:
        return PairTest(first[0], second[0], test(first[1], second[1], kind, how))
    except InputError as refusal:
        return PairTest(first[0], second[0], None, note=refusal.message)
