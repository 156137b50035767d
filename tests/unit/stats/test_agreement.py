import math

import numpy as np
import pytest
from scipy import stats
from tests.unit.stats.golden import column, rows

from oncotrace.errors import InputError
from oncotrace.stats.agreement import (
    bland_altman,
    pearson,
    percent_differences,
    spearman,
    tolerance_factor,
)

LARGE = np.array(column("bland_altman_1986_pefr.csv", "large_l_min"))
MINI = np.array(column("bland_altman_1986_pefr.csv", "mini_l_min"))


@pytest.mark.parametrize(
    "row", rows("bland_altman_1986_results.csv"), ids=lambda row: row["quantity"]
)
def test_peak_flow_meters_agree_as_published(row: dict[str, str]) -> None:
    found = bland_altman(LARGE - MINI, (LARGE + MINI) / 2)
    values = {
        "bias": found.bias,
        "sd": found.sd,
        "bias_low": found.bias_interval[0],
        "bias_high": found.bias_interval[1],
        "r": pearson(LARGE, MINI).r,
    }
    assert values[row["quantity"]] == pytest.approx(
        float(row["value"]), abs=float(row["tolerance"])
    )


@pytest.mark.parametrize("row", rows("tolerance_factors.csv"), ids=lambda row: f"n={row['n']}")
def test_tolerance_factors_are_the_tabulated_ones(row: dict[str, str]) -> None:
    z = float(stats.norm.ppf(float(row["coverage"])))
    factor = tolerance_factor(int(row["n"]), z, float(row["confidence"]))
    assert factor == pytest.approx(float(row["factor"]), abs=float(row["tolerance"]))


def test_exact_intervals_hold_the_true_limit_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    n, trials = 10, 1500
    held = 0
    for _ in range(trials):
        found = bland_altman(rng.normal(size=n), np.arange(n))
        held += found.upper_interval[0] <= 1.96 <= found.upper_interval[1]
    assert held / trials == pytest.approx(0.95, abs=0.015)  # 0.95 +- 2.6 standard errors


def test_intervals_of_the_limits_approach_the_approximation_of_1986() -> None:
    differences = np.random.default_rng(1).normal(size=2000)
    found = bland_altman(differences, np.arange(2000))
    reach = stats.t.ppf(0.975, 1999) * found.sd * math.sqrt((1 + 1.96**2 / 2) / 2000)
    expected = (found.upper - reach, found.upper + reach)
    assert found.upper_interval == pytest.approx(expected, abs=3e-3)


def test_intervals_of_the_limits_reach_farther_out_than_in() -> None:
    found = bland_altman(LARGE - MINI, (LARGE + MINI) / 2)
    assert found.upper_interval[1] - found.upper > found.upper - found.upper_interval[0]
    assert found.lower - found.lower_interval[0] > found.lower_interval[1] - found.lower


def test_a_bias_that_grows_with_size_is_a_slope() -> None:
    means = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = bland_altman(0.5 * means + [0.01, -0.01, 0.0, 0.01, -0.01], means)
    assert found.slope == pytest.approx(0.5, abs=0.01)
    assert found.slope_interval is not None
    assert found.slope_interval[0] < 0.5 < found.slope_interval[1]
    assert found.slope_p_value is not None
    assert found.slope_p_value < 1e-4


def test_equal_means_have_no_slope() -> None:
    found = bland_altman([1.0, 2.0, 3.0], [7.0, 7.0, 7.0])
    assert found.slope is None
    assert found.slope_interval is None


def test_equal_differences_do_not_grow() -> None:
    found = bland_altman([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])
    assert (found.slope, found.slope_interval, found.slope_p_value) == (0.0, (0.0, 0.0), 1.0)
    assert (found.bias, found.upper_interval) == (0.0, (0.0, 0.0))


def test_percent_differences_treat_too_large_and_too_small_alike() -> None:
    differences, means = percent_differences([200.0, 50.0, 0.0], [100.0, 100.0, 100.0])
    np.testing.assert_allclose(differences, [200 / 3, -200 / 3, -200])
    np.testing.assert_allclose(means, [150, 75, 50])


def test_two_values_of_zero_have_no_difference_in_percent() -> None:
    with pytest.raises(InputError, match="needs positive means"):
        percent_differences([0.0], [0.0])


def test_interval_of_a_correlation_is_that_of_fisher() -> None:
    found = pearson(LARGE, MINI)
    assert found.r is not None
    z, reach = math.atanh(found.r), 1.959964 / math.sqrt(17 - 3)
    assert found.interval == pytest.approx((math.tanh(z - reach), math.tanh(z + reach)), abs=1e-6)


def test_a_constant_sample_has_no_correlation() -> None:
    assert pearson([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).r is None
    assert spearman([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None


def test_three_pairs_have_a_correlation_without_interval() -> None:
    found = pearson([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    assert found.r == pytest.approx(0.9819805)
    assert found.interval is None


def test_rank_correlation_of_equal_values_uses_mean_ranks() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    assert spearman([1, 5, 5, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(4.5 * 5))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "needs at least 3 values, found 2"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], "needs pairs, found 3 and 4"),
        ([1.0, 2.0, math.inf], [1.0, 2.0, 3.0], "finite numbers only, found 1"),
        ([1.0, 2.0, math.nan], [1.0, 2.0, 3.0], "finite numbers only, found 1"),
    ],
)
def test_samples_that_do_not_fit_are_refused(
    first: list[float], second: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        bland_altman(first, second)
    with pytest.raises(InputError, match=message):
        pearson(first, second)
