"""One test of two groups, with the difference and its interval."""

import numpy as np
import pytest
from tests.unit.stats.golden import column

from oncotrace.errors import InputError
from oncotrace.stats.two_groups import Resampling, Sample, compare_paired, compare_separate

HOW = Resampling(seed=1, resamples=400)
FIRST = np.array(column("student_sleep.csv", "first"))
SECOND = np.array(column("student_sleep.csv", "second"))


def sample(values, prefix: str = "P") -> Sample:
    return Sample(
        np.asarray(values, dtype=float), tuple(f"{prefix}{k}" for k in range(len(values)))
    )


@pytest.mark.parametrize(
    ("kind", "separate", "paired"),
    [("rank", "Mann-Whitney", "Wilcoxon signed rank"), ("t", "Welch's t", "paired t")],
)
def test_each_test_has_its_name_and_p_value(kind, separate, paired) -> None:
    apart = compare_separate(sample(FIRST, "A"), sample(SECOND, "B"), kind, HOW)
    together = compare_paired(sample(FIRST), sample(SECOND), kind, HOW)
    assert (apart.test, together.test) == (separate, paired)
    assert together.p_value < apart.p_value
    assert apart.mean_difference == pytest.approx(-1.58)
    assert together.mean_difference == pytest.approx(-1.58)
    assert together.point_biserial is None
    assert apart.point_biserial is not None
    assert apart.variances is not None


def test_intervals_surround_the_differences() -> None:
    found = compare_separate(sample(FIRST, "A"), sample(SECOND, "B"), "rank", HOW)
    assert found.mean_interval is not None
    assert found.median_interval is not None
    assert found.mean_interval[0] < -1.58 < found.mean_interval[1]
    assert found.median_interval[0] < found.median_difference < found.median_interval[1]


def test_cases_in_both_groups_are_drawn_with_both_values() -> None:
    values = np.random.default_rng(0).normal(size=40)
    shared = compare_separate(sample(values), sample(values + 1), "rank", HOW)
    apart = compare_separate(sample(values, "A"), sample(values + 1, "B"), "rank", HOW)
    assert shared.mean_interval == pytest.approx((-1.0, -1.0))
    assert apart.mean_interval is not None
    assert apart.mean_interval[1] - apart.mean_interval[0] > 0.5


def test_pairs_of_other_cases_are_refused() -> None:
    with pytest.raises(InputError, match="same cases in the same order"):
        compare_paired(sample([1.0, 2.0], "A"), sample([1.0, 2.0], "B"), "rank", HOW)
