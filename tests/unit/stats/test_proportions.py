import math

import pytest

from oncotrace.errors import InputError
from oncotrace.stats.contingency import contingency
from oncotrace.stats.proportions import two_proportions, wilson_interval


def test_the_interval_is_that_of_newcombe() -> None:
    # Newcombe 1998, table II, example (a), method 10: 56/70 - 48/80 = 0.20, 0.0524 to 0.3339.
    found = two_proportions(56, 70, 48, 80)
    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    # Example (h): 10/10 - 0/10 = 1, 0.6075 to 1.
    assert two_proportions(10, 10, 0, 10).interval == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_the_square_of_z_is_chi_square() -> None:
    found, table = two_proportions(30, 70, 48, 80), contingency([[30, 40], [48, 32]], seed=0)
    assert found.statistic**2 == pytest.approx(table.statistic)
    assert found.p_value == pytest.approx(table.p_value)


def test_wilsons_interval_is_that_of_the_paper_by_newcombe() -> None:
    # Newcombe, Stat Med 1998;17:857, table I, method 3: 81/263: 0.2553 to 0.3662; 0/20: to 0.1611.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(20, 20)[1] == 1.0


def test_all_or_none_do_not_differ() -> None:
    assert two_proportions(0, 5, 0, 9).p_value == 1.0
    assert two_proportions(5, 5, 9, 9).statistic == 0.0
    assert math.isclose(two_proportions(1, 4, 2, 8).p_value, 1.0)


def test_a_group_without_a_case_is_refused() -> None:
    with pytest.raises(InputError, match="found 0 of 0"):
        two_proportions(0, 0, 1, 2)
    with pytest.raises(InputError, match="found 3 of 2"):
        wilson_interval(3, 2)
