import math

import numpy as np
import pytest
from scipy import stats

from oncotrace.stats.distribution import shapiro_wilk, variance_ratio


def test_the_example_of_shapiro_and_wilk_is_not_normal() -> None:
    # Weights of 11 men, in the paper of 1965: W = 0.79, below the 1 % point.
    weights = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]
    p_value = shapiro_wilk(weights)
    assert p_value is not None
    assert 0.001 < p_value < 0.01


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [3.0, 3.0, 3.0], range(5001)])
def test_too_few_too_many_or_equal_values_have_no_test_of_normality(values) -> None:
    assert shapiro_wilk(list(values)) is None


def test_equal_variances_have_a_ratio_of_one_and_p_of_one() -> None:
    found = variance_ratio([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    assert found is not None
    assert (found.ratio, found.p_value) == (1.0, pytest.approx(1.0))


def test_the_p_value_is_twice_the_tail_of_f_and_the_same_when_exchanged() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=12), rng.normal(scale=2, size=20)
    found, exchanged = variance_ratio(one, other), variance_ratio(other, one)
    assert found is not None
    assert exchanged is not None
    assert found.ratio == pytest.approx(1 / exchanged.ratio)
    assert found.p_value == pytest.approx(exchanged.p_value)
    assert found.p_value == pytest.approx(2 * stats.f.cdf(found.ratio, 11, 19))
    assert math.isclose(found.ratio, np.var(one, ddof=1) / np.var(other, ddof=1))


def test_a_sample_without_spread_has_no_ratio() -> None:
    assert variance_ratio([1.0], [1.0, 2.0]) is None
    assert variance_ratio([1.0, 1.0], [1.0, 2.0]) is None
