"""Categories by group: counted, and tested for independence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from oncotrace.errors import InputError
from oncotrace.stats.contingency import contingency
from oncotrace.stats.fisher import fisher
from oncotrace.stats.proportions import ProportionDifference, two_proportions

CountTest = Literal["auto", "chi-square", "fisher", "z"]


@dataclass(frozen=True)
class LevelComparison:
    """Counts of each level in each group, [level, group], and one test of them all.

    ``proportions`` compares the share of the last level, of two levels in two groups.
    """

    groups: tuple[str, ...]
    levels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    test: str
    method: str
    statistic: float | None
    degrees_of_freedom: int | None
    p_value: float
    proportions: ProportionDifference | None


def compare_levels(
    samples: Mapping[str, Sequence[str]], *, test: CountTest, seed: int
) -> LevelComparison:
    """Test whether levels are as frequent in all groups.

    Parameters
    ----------
    samples
        The level of each case, by group.
    test
        ``auto`` takes chi-square where every expected count is large enough, else Fisher's test or
        random tables: see `oncotrace.stats.contingency`. ``z`` compares two proportions.

    Raises
    ------
    InputError
        A group without a case, or a z test of other than two levels in two groups.

    References
    ----------
    See `oncotrace.stats.contingency`, `oncotrace.stats.fisher` and `oncotrace.stats.proportions`.
    """
    empty = [group for group, levels in samples.items() if not levels]
    if empty:
        raise InputError(f"group {empty[0]!r} has no case.", code="empty-group")
    levels = _ordered({level for of in samples.values() for level in of})
    counts = np.array([[list(of).count(level) for of in samples.values()] for level in levels])
    proportions = None
    if counts.shape == (2, 2):
        totals = counts.sum(axis=0)
        proportions = two_proportions(counts[1, 0], totals[0], counts[1, 1], totals[1])
    name, method, statistic, degrees, p_value = _tested(counts, test, seed, proportions)
    return LevelComparison(
        groups=tuple(samples),
        levels=tuple(levels),
        counts=tuple(tuple(map(int, row)) for row in counts),
        test=name,
        method=method,
        statistic=statistic,
        degrees_of_freedom=degrees,
        p_value=p_value,
        proportions=proportions,
    )


_Tested = tuple[str, str, float | None, int | None, float]


def _tested(
    counts: np.ndarray, test: CountTest, seed: int, proportions: ProportionDifference | None
) -> _Tested:
    if test == "z":
        if proportions is None:
            raise InputError(
                f"a z test compares two levels in two groups, found {counts.shape[0]} levels in "
                f"{counts.shape[1]} groups.",
                hint="Use --test chi-square or --test fisher.",
                code="not-two-by-two",
            )
        return "two-proportion z", "", proportions.statistic, None, proportions.p_value
    if test == "fisher":
        exact = fisher(counts, seed=seed)
        return "Fisher", exact.method, None, None, exact.p_value
    found = contingency(counts, seed=seed)
    degrees = found.degrees_of_freedom
    if test == "chi-square" and degrees:
        p_value = float(stats.chi2.sf(found.statistic, degrees))
        method = f"least expected count {found.least_expected:.1f}"
        return "chi-square", method, found.statistic, degrees, p_value
    if found.method == "Fisher":  # it has neither
        return "Fisher", "exact", None, None, found.p_value
    method = "random tables" if found.method == "permutation" else ""
    name = "none" if found.method == "none" else "chi-square"
    return name, method, found.statistic, degrees, found.p_value


def _ordered(levels: set[str]) -> list[str]:
    """Levels by size where all are numbers, else by the alphabet."""
    try:
        return sorted(levels, key=float)
    except ValueError:
        return sorted(levels)
