import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.unit.stats.golden import rows

from oncotrace.errors import InputError
from oncotrace.stats.rank_sum import rank_sum

PERMEABILITY = {
    group: [float(r["permeability"]) for r in rows("hollander_wolfe_permeability.csv")
            if r["group"] == group]
    for group in "xy"
}  # fmt: skip
samples = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=5)


def test_permeability_gives_the_published_test() -> None:
    # R, example of wilcox.test: W = 35, p = 0.1272 one-sided; the book: estimate 0.305.
    found = rank_sum(PERMEABILITY["x"], PERMEABILITY["y"])
    assert found.statistic == 35
    assert found.p_value == pytest.approx(2 * 0.1272, abs=1e-4)
    assert found.method == "exact"
    assert found.shift == pytest.approx(0.305)


@pytest.mark.parametrize(
    ("n", "m", "u", "probability"),
    [(3, 3, 0, 0.05), (3, 4, 1, 0.057), (4, 4, 1, 0.029), (4, 4, 3, 0.1), (5, 5, 4, 0.048)],
)
def test_the_table_of_mann_and_whitney_is_met(n: int, m: int, u: int, probability: float) -> None:
    # Ann Math Stat 1947;18:50-60, table I: probability of U or less.
    second = np.arange(m, dtype=float)
    first = np.full(n, -1.0) - np.arange(n) / 10  # below all, U = 0
    first[0] = second[u - 1] + 0.5 if u else first[0]
    found = rank_sum(first, second)
    assert found.statistic == u
    assert found.p_value / 2 == pytest.approx(probability, abs=5e-4)


@given(samples, samples)
def test_the_p_value_is_the_share_of_all_samples(first: list[float], second: list[float]) -> None:
    together = np.array(first + second)
    u = [sum((a > b) + (a == b) / 2 for a in one for b in other)
         for places in combinations(range(len(together)), len(first))
         for one, other in [(together[list(places)], np.delete(together, places))]]  # fmt: skip
    observed = sum((a > b) + (a == b) / 2 for a in first for b in second)
    tail = min(np.mean(np.array(u) <= observed), np.mean(np.array(u) >= observed))
    found = rank_sum(first, second)
    assert found.statistic == observed
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))


@given(samples, samples)
def test_exchanged_groups_give_the_same_p_value_and_the_opposite_shift(first, second) -> None:
    one, other = rank_sum(first, second), rank_sum(second, first)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.statistic + other.statistic == len(first) * len(second)
    assert one.shift == pytest.approx(-other.shift)


@pytest.mark.parametrize(("n", "m"), [(3, 7), (10, 15), (25, 25)])
def test_the_exact_p_value_agrees_with_scipy(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    first, second = rng.normal(0.7, size=n), rng.normal(size=m)
    found = rank_sum(first, second)
    assert found.method == "exact"
    assert found.p_value == pytest.approx(stats.mannwhitneyu(first, second, method="exact").pvalue)


def test_many_values_use_the_corrected_normal_approximation() -> None:
    # 40 and 20 values of 0 or 1: the ranks are 20.5 (40 zeros) and 50.5 (20 ones).
    first, second = [0.0] * 30 + [1.0] * 10, [0.0] * 10 + [1.0] * 10
    found = rank_sum(first, second)
    u = 10 * 10 + (30 * 10 + 10 * 10) / 2
    variance = 40 * 20 / 12 * (61 - (40**3 - 40 + 20**3 - 20) / (60 * 59))
    z = (abs(u - 400) - 0.5) / math.sqrt(variance)
    assert found.method == "approximate"
    assert found.statistic == u
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_groups_that_do_not_overlap_have_the_least_p_value() -> None:
    found = rank_sum([4.0, 5.0, 6.0, 7.0], [1.0, 2.0, 3.0])
    assert found.p_value == pytest.approx(2 / math.comb(7, 3))


@pytest.mark.parametrize("n", [3, 40])
def test_equal_values_do_not_differ(n: int) -> None:
    found = rank_sum([1.0] * n, [1.0] * n)
    assert (found.p_value, found.shift, found.statistic) == (1.0, 0.0, n * n / 2)


def test_infinite_values_rank_last_and_leave_the_shift_out() -> None:
    finite, infinite = rank_sum([1.0, 2.0, 9.0], [3.0]), rank_sum([1.0, 2.0, math.inf], [3.0])
    assert infinite.p_value == finite.p_value
    assert rank_sum([math.inf, math.inf], [math.inf, 1.0]).shift is None


def test_missing_values_and_empty_groups_are_refused() -> None:
    with pytest.raises(InputError, match="no missing values, found 1"):
        rank_sum([1.0, math.nan], [2.0])
    with pytest.raises(InputError, match="values in both groups"):
        rank_sum([], [2.0])
