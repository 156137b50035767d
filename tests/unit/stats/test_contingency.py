"""Counts by group, against R, a textbook, and every table that there could have been."""

from itertools import permutations

import numpy as np
import pytest

from oncotrace.errors import InputError
from oncotrace.stats.contingency import contingency


def test_chi_square_agrees_with_r_on_agrestis_parties():
    """Agresti 2007, page 39, as in R's help of ``chisq.test``: 30.07 on 2 df, p = 2.954e-07."""
    test = contingency([[762, 327, 468], [484, 239, 477]], seed=0)
    assert test.method == "chi-square"
    assert test.degrees_of_freedom == 2
    assert test.statistic == pytest.approx(30.07, abs=0.005)
    assert test.p_value == pytest.approx(2.954e-07, rel=5e-4)


def test_fisher_agrees_with_the_lady_tasting_tea():
    """Agresti 1990, page 61, as in R's help of ``fisher.test``: two-sided p = 0.4857."""
    test = contingency([[3, 1], [1, 3]], seed=0)
    assert (test.method, test.least_expected) == ("Fisher", 2.0)
    assert test.p_value == pytest.approx(0.4857, abs=5e-5)


def test_random_tables_agree_with_all_tables():
    table = np.array([[3, 0, 1], [0, 2, 2]])
    test = contingency(table, seed=5)
    assert test.method == "permutation"
    assert test.p_value == pytest.approx(exact_p_value(table), abs=0.005)


def exact_p_value(table: np.ndarray) -> float:
    """Share of all ways to deal the columns to the rows whose chi-square is as large."""
    columns = np.repeat(np.arange(table.shape[1]), table.sum(axis=0))
    rows = np.repeat(np.arange(table.shape[0]), table.sum(axis=1))
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()

    def statistic(dealt: tuple[int, ...]) -> float:
        counts = np.zeros(table.shape)
        np.add.at(counts, (rows, list(dealt)), 1)
        return ((counts - expected) ** 2 / expected).sum()

    observed = ((table - expected) ** 2 / expected).sum()
    dealt = [statistic(way) for way in permutations(columns)]
    return float(np.mean(np.array(dealt) >= observed - 1e-9))


def test_the_same_seed_gives_the_same_p_value():
    table = [[3, 0, 1], [0, 2, 2]]
    assert contingency(table, seed=1) == contingency(table, seed=1)


def test_empty_rows_and_columns_say_nothing():
    whole = contingency([[30, 0, 20], [0, 0, 0], [10, 0, 40]], seed=0)
    assert whole == contingency([[30, 20], [10, 40]], seed=0)
    assert whole.shape == (2, 2)


def test_without_two_groups_there_is_nothing_to_test():
    test = contingency([[3, 4], [0, 0]], seed=0)
    assert (test.method, test.p_value, test.degrees_of_freedom) == ("none", 1.0, 0)


def test_rows_and_columns_may_be_exchanged():
    table = np.array([[20, 30, 10], [25, 15, 40]])
    one, other = contingency(table, seed=0), contingency(table.T, seed=0)
    assert one.p_value == pytest.approx(other.p_value)


@pytest.mark.parametrize(
    "counts", [[1, 2], [[1.5, 2]], [[-1, 2]], [[float("nan"), 1]], [[0, 0], [0, 0]], [[]]]
)
def test_what_is_no_table_of_counts_is_refused(counts):
    with pytest.raises(InputError) as refusal:
        contingency(counts, seed=0)
    assert refusal.value.code == "not-counts"
