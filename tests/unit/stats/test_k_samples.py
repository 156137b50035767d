"""Several samples by ranks, against R's published output."""

import math

import numpy as np
import pytest
from tests.unit.stats.golden import column

from oncotrace.errors import InputError
from oncotrace.stats.k_samples import friedman, kruskal_wallis
from oncotrace.stats.rank_sum import rank_sum

# Mucociliary efficiency: Hollander and Wolfe 1973, page 116; example of R's kruskal.test.
NORMAL, OBSTRUCTED, ASBESTOSIS = (
    [2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4], [2.8, 3.4, 3.7, 2.2, 2.0],
)  # fmt: skip


def test_kruskal_wallis_is_that_of_r_on_mucociliary_efficiency() -> None:
    found = kruskal_wallis([NORMAL, OBSTRUCTED, ASBESTOSIS])
    assert found.statistic == pytest.approx(0.77143, abs=5e-6)
    assert (found.degrees_of_freedom, found.sizes) == (2, (5, 4, 5))
    assert found.p_value == pytest.approx(0.68, abs=5e-4)


def test_friedman_is_that_of_r_on_rounding_first_base() -> None:
    # R, example of friedman.test: chi-squared 11.143, df = 2, p = 0.003805.
    names = ("round_out", "narrow_angle", "wide_angle")
    times = np.stack([column("hollander_wolfe_rounding.csv", name) for name in names], axis=1)
    found = friedman(times)
    assert found.statistic == pytest.approx(11.143, abs=5e-4)
    assert found.p_value == pytest.approx(0.003805, abs=5e-7)


def test_two_groups_give_the_approximate_rank_sum_test() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=80), rng.normal(0.4, size=70)
    assert kruskal_wallis([one, other]).p_value == pytest.approx(
        rank_sum(one, other).p_value, rel=0.02
    )


def test_infinite_values_rank_last() -> None:
    assert kruskal_wallis([[1.0, 2.0], [3.0, math.inf]]) == kruskal_wallis([[1.0, 2.0], [3.0, 9.0]])


def test_equal_values_do_not_differ() -> None:
    assert kruskal_wallis([[1.0, 1.0], [1.0]]).p_value == 1.0
    assert friedman([[2.0, 2.0, 2.0], [1.0, 1.0, 1.0]]).p_value == 1.0


def test_an_empty_group_is_refused_and_so_are_missing_values() -> None:
    with pytest.raises(InputError, match=r"found \[2, 0\]"):
        kruskal_wallis([[1.0, 2.0], []])
    with pytest.raises(InputError, match="no missing values, found 1"):
        kruskal_wallis([[1.0, math.nan], [2.0]])
    with pytest.raises(InputError, match="three conditions"):
        friedman([[1.0, 2.0], [2.0, 1.0]])
