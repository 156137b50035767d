"""What a comparison of groups says, in a few lines that can be quoted."""

from collections.abc import Iterator, Sequence

from oncotrace.report.significance import p_text
from oncotrace.stats.compare import Correction
from oncotrace.stats.group_comparison import GroupFigures
from oncotrace.stats.level_comparison import LevelComparison
from oncotrace.stats.made_tests import MadeTest

CORRECTIONS: dict[Correction, str] = {
    "bonferroni": "Bonferroni",
    "holm": "Holm",
    "bh": "Benjamini-Hochberg",
}
_PAIRED = {"Wilcoxon signed rank", "paired t"}
_LETTERS = {
    "Mann-Whitney": "U",
    "Wilcoxon signed rank": "V",
    "Welch's t": "t",
    "paired t": "t",
    "Kruskal-Wallis": "H",
    "Friedman": "X²",
    "chi-square": "X²",
    "two-proportion z": "z",
}


def group_line(figures: GroupFigures) -> str:
    """Return n, median with quartiles and interval, and mean with SD of a group."""
    one = figures.summary
    median = f"median {number(one.median)} [{number(one.q1)}, {number(one.q3)}]"
    sd = "" if one.sd is None else f" ± {number(one.sd)}"
    return (
        f"{figures.group}: n = {one.n}, {median}{_interval(figures.median_interval)}, "
        f"mean {number(one.mean)}{sd}"
    )


def level_lines(comparison: LevelComparison) -> Iterator[str]:
    """Return, for each group, how many cases have each level, with percentages."""
    for place, group in enumerate(comparison.groups):
        column = [row[place] for row in comparison.counts]
        parts = [
            f"{level} {count} ({100 * count / sum(column):.1f} %)"
            for level, count in zip(comparison.levels, column, strict=True)
        ]
        yield f"{group}: n = {sum(column)}, {', '.join(parts)}"


def made_line(test: MadeTest, correction: Correction) -> str:
    """Return a test by name with its statistic, p values and the difference."""
    who = f"{test.first} against {test.second}" if test.second else "all groups"
    if test.p_value is None:
        return f"{who}: not tested, {test.note}"
    name = f"{test.test} ({test.method})" if test.method else test.test
    degrees = "" if test.degrees_of_freedom is None else f", df = {number(test.degrees_of_freedom)}"
    statistic = (
        "" if test.statistic is None else f" {_LETTERS[test.test]} = {number(test.statistic)}"
    )
    text = f"{who}: {name}{statistic}{degrees}, {p_text(test.p_value)}"
    if test.among is not None and test.among > 1 and test.p_adjusted is not None:
        text += f" ({CORRECTIONS[correction]} over {test.among} tests: {p_text(test.p_adjusted)})"
    return "; ".join([text, *_differences(test)])


def number(value: float | None) -> str:
    """Return four digits of a number, a dash where there is none."""
    return "\N{EN DASH}" if value is None else f"{value:.4g}"


def indented(lines: Sequence[str]) -> list[str]:
    """Return the lines two blanks in."""
    return [f"  {line}" for line in lines]


def _differences(test: MadeTest) -> Iterator[str]:
    medians, means = "difference of medians", "difference of means"
    if test.test in _PAIRED:
        medians, means = "median of differences", "mean of differences"
    for name, value, low, high in (
        (medians, test.median_difference, test.median_difference_low, test.median_difference_high),
        (means, test.mean_difference, test.mean_difference_low, test.mean_difference_high),
        (f"difference of proportions of {test.level}", test.proportion_difference,
         test.proportion_difference_low, test.proportion_difference_high),
    ):  # fmt: skip
        if value is not None:
            interval = None if low is None or high is None else (low, high)
            yield f"{name} {number(value)}{_interval(interval)}"


def _interval(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    return f" (95 % CI {number(interval[0])} to {number(interval[1])})"
