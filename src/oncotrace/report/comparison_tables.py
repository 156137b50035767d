"""The tables of a comparison of groups: figures of each group, counts of each level."""

from collections.abc import Iterator
from dataclasses import asdict

from oncotrace.stats.group_comparison import ValueComparison
from oncotrace.stats.level_comparison import LevelComparison


def group_rows(comparison: ValueComparison) -> Iterator[dict[str, object]]:
    """Return n, mean, SD, median, quartiles, range and bootstrap intervals of each group."""
    for figures in comparison.figures:
        summary = asdict(figures.summary)
        del summary["not_finite"]  # such values are left out before, and named
        mean_low, mean_high = figures.mean_interval or (None, None)
        median_low, median_high = figures.median_interval or (None, None)
        yield {
            "value": comparison.column,
            "group": figures.group,
            **summary,
            "mean_low": mean_low,
            "mean_high": mean_high,
            "median_low": median_low,
            "median_high": median_high,
            "shapiro_p_value": figures.normality_p,
        }


def level_rows(column: str, comparison: LevelComparison) -> Iterator[dict[str, object]]:
    """Return how many cases of each group have each level, with percentages."""
    totals = [sum(counts) for counts in zip(*comparison.counts, strict=True)]
    for level, counts in zip(comparison.levels, comparison.counts, strict=True):
        for group, count, total in zip(comparison.groups, counts, totals, strict=True):
            yield {
                "value": column,
                "group": group,
                "level": level,
                "n": count,
                "of": total,
                "percent": 100 * count / total,
            }
