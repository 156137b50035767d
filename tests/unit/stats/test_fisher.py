"""Fisher's exact test, against R, and against every table that there could have been."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from oncotrace.errors import InputError
from oncotrace.stats.fisher import fisher

small_tables = st.lists(
    st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=2, max_size=2
).filter(lambda table: 0 < np.sum(table) <= 6)


@pytest.mark.slow
def test_job_satisfaction_is_that_of_r() -> None:
    """Agresti 2002, page 57, as in R's help of ``fisher.test``: p = 0.7827."""
    table = np.array([[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]])
    found = fisher(table, seed=0)
    assert (found.method, found.n, found.shape) == ("random tables", 96, (4, 4))
    assert found.p_value == pytest.approx(0.7827, abs=0.005)


def test_the_lady_tasting_tea_is_that_of_r() -> None:
    assert fisher([[3, 1], [1, 3]], seed=0).p_value == pytest.approx(0.4857, abs=5e-5)


def rarity(counts: np.ndarray) -> float:
    """Logarithm of a table's probability, up to what all tables with its sums share."""
    return -float(gammaln(counts + 1).sum())


@settings(max_examples=25, deadline=None)
@given(small_tables)
def test_the_p_value_is_the_share_of_all_ways_to_deal(table) -> None:
    counts = np.array(table)
    rows = np.repeat(np.arange(2), counts.sum(axis=1))
    columns = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    rare = []
    for dealt in permutations(columns.tolist()):
        way = np.zeros((2, 3), dtype=int)
        np.add.at(way, (rows, dealt), 1)
        rare.append(rarity(way) <= rarity(counts) + 1e-9)
    assert fisher(table, seed=0).p_value == pytest.approx(np.mean(rare))


def test_rows_and_columns_may_be_exchanged_and_empty_ones_say_nothing() -> None:
    table = np.array([[4, 1, 0], [1, 3, 5]])
    p_value = fisher(table, seed=0).p_value
    assert fisher(table.T, seed=0).p_value == pytest.approx(p_value)
    assert fisher(np.insert(table, 1, 0, axis=0), seed=0).p_value == pytest.approx(p_value)
    assert fisher([[1, 2], [0, 0]], seed=0).p_value == 1.0


@pytest.mark.slow
def test_too_many_tables_are_drawn() -> None:
    table = np.array([[30, 12, 25, 18, 22], [28, 31, 19, 20, 15], [10, 22, 35, 18, 14],
                      [21, 17, 25, 33, 24], [12, 15, 20, 22, 40]])  # fmt: skip
    found = fisher(table, seed=1)
    assert found.method == "random tables"
    assert found == fisher(table, seed=1)
    assert 0 < found.p_value < 0.001


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(InputError, match="without any case"):
        fisher([[0, 0], [0, 0]], seed=0)
