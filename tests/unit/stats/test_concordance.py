import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import InputError
from oncotrace.stats.concordance import concordance

numbers = st.integers(-1000, 1000).map(lambda number: number / 8)


def test_a_constant_shift_lowers_concordance_and_not_correlation() -> None:
    first = np.array([1.0, 2.0, 3.0, 4.0])
    found = concordance(first, first + 2)
    assert found.r == pytest.approx(1)
    assert found.value == pytest.approx(2 * 1.25 / (2 * 1.25 + 4))
    assert found.location_shift == pytest.approx(-2 / math.sqrt(1.25))
    assert found.scale_shift == pytest.approx(1)


def test_concordance_is_correlation_times_bias_factor() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=30)
    found = concordance(first, 1.5 * first + rng.normal(size=30) + 0.3)
    assert found.r is not None
    assert found.bias_factor is not None
    assert found.value == pytest.approx(found.r * found.bias_factor)
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_equal_samples_agree_perfectly() -> None:
    found = concordance([1.0, 2.0, 5.0], [1.0, 2.0, 5.0])
    assert found.value == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))


def test_a_constant_sample_is_concordant_with_nothing() -> None:
    assert concordance([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).value == 0
    assert concordance([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]).value is None


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=20))
def test_concordance_is_symmetric_and_no_larger_than_correlation(
    pairs: list[tuple[float, float]],
) -> None:
    first, second = zip(*pairs, strict=True)
    here, there = concordance(first, second), concordance(second, first)
    if here.value is None:
        assert there.value is None
        return
    assert there.value == pytest.approx(here.value, abs=1e-9)
    if here.r is not None:
        assert abs(here.value) <= abs(here.r) + 1e-9


def test_two_pairs_are_too_few() -> None:
    with pytest.raises(InputError, match="needs at least 3 values"):
        concordance([1.0, 2.0], [1.0, 2.0])


@pytest.mark.slow
def test_the_interval_holds_the_true_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    trials, held = 1000, 0
    true = 2 * 0.8 * 1.2 / (1 + 1.2**2 + 0.25**2)
    for _ in range(trials):
        first = rng.normal(size=60)
        second = 1.2 * (0.8 * first + 0.6 * rng.normal(size=60)) + 0.25
        low, high = concordance(first, second).interval or (1, -1)
        held += low <= true <= high
    assert held / trials == pytest.approx(0.95, abs=0.022)
