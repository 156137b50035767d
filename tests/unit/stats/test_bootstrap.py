import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from tests.unit.stats.golden import column

from oncotrace.errors import InputError
from oncotrace.stats.bootstrap import acceleration, bootstrap_interval

SCORES = np.array(column("efron_tibshirani_spatial_test.csv", "a"))


def variance(values: NDArray[np.float64]) -> float:
    return float(values.var())


def mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def test_acceleration_of_the_spatial_test_is_the_published_one() -> None:
    # Efron and Tibshirani 1993, section 14.3: 0.061.
    left_out = [variance(np.delete(SCORES, child)) for child in range(len(SCORES))]
    assert acceleration(left_out) == pytest.approx(0.061, abs=5e-4)


@pytest.mark.parametrize(
    ("method", "published"), [("percentile", (100.8, 233.9)), ("bca", (115.8, 259.6))]
)
def test_intervals_of_the_spatial_test_are_the_published_ones(method, published) -> None:
    # Table 14.2, from 2000 resamples each: its ends vary by some 4 from seed to seed.
    found = bootstrap_interval(
        SCORES,
        variance,
        groups=range(len(SCORES)),
        seed=1,
        method=method,
        confidence=0.9,
        resamples=10_000,
    )
    assert found == pytest.approx(published, abs=5)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_agree_with_scipy(method) -> None:
    values = np.random.default_rng(2).gamma(2, size=40)
    ours = bootstrap_interval(values, mean, groups=range(40), seed=3, method=method, resamples=9999)
    theirs = stats.bootstrap((values,), np.mean, method=method, rng=4).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_a_seed_gives_the_same_interval_twice_and_another_seed_another() -> None:
    first, again, other = (
        bootstrap_interval(SCORES, mean, groups=range(26), seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_patients_are_drawn_whole() -> None:
    values = np.repeat(np.random.default_rng(3).normal(size=12), 5)
    apart = bootstrap_interval(values, mean, groups=range(60), seed=0)
    together = bootstrap_interval(values, mean, groups=[index // 5 for index in range(60)], seed=0)
    once = bootstrap_interval(values[::5], mean, groups=range(12), seed=0)
    assert apart is not None
    assert together is not None
    assert together == pytest.approx(once)
    assert together[1] - together[0] > 1.8 * (apart[1] - apart[0])


def test_a_statistic_of_pairs_keeps_them_together() -> None:
    x = np.arange(30.0)
    pairs = np.stack([x, 2 * x], axis=1)
    found = bootstrap_interval(
        pairs, lambda rows: float(np.corrcoef(rows.T)[0, 1]), groups=range(30), seed=0
    )
    assert found == pytest.approx((1.0, 1.0))


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert bootstrap_interval([2.0] * 6, mean, groups=range(6), seed=0) == (2.0, 2.0)


def test_two_patients_or_a_statistic_that_is_not_finite_have_no_interval() -> None:
    assert bootstrap_interval([1.0, 2.0, 3.0], mean, groups=["a", "b", "a"], seed=0) is None
    assert bootstrap_interval(SCORES, lambda _: math.nan, groups=range(26), seed=0) is None


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"found 2 values \(1 not finite\)"):
        bootstrap_interval([1.0, math.inf], mean, groups=[1, 2], seed=0)
    with pytest.raises(InputError, match="and 3 groups"):
        bootstrap_interval([1.0, 2.0], mean, groups=[1, 2, 3], seed=0)
