import math
from itertools import product

import numpy as np
import pytest
from scipy import stats
from tests.unit.stats.golden import column

from oncotrace.errors import InputError
from oncotrace.stats.compare import (
    adjusted,
    bonferroni,
    hodges_lehmann,
    holm,
    mean_by_group,
    signed_rank,
)

DEPRESSION = np.array(column("hollander_wolfe_depression.csv", "x")) - np.array(
    column("hollander_wolfe_depression.csv", "y")
)


def test_depression_scale_gives_the_published_test() -> None:
    # R, example of wilcox.test: V = 40, p = 0.01953 one-sided; the book: estimate 0.46.
    found = signed_rank(DEPRESSION)
    assert found.statistic == 40
    assert found.p_value == pytest.approx(2 * 0.01953125)
    assert found.method == "exact"
    assert found.shift == pytest.approx(0.46)


@pytest.mark.parametrize(
    "sample",
    [
        [0.3, -1.2, 2.5, 4.1, -0.7, 3.3],
        [1.0, 1.0, 2.0, -3.0],
        [-2.0, 2.0, 2.0, 2.0, 5.0, -5.0, 7.0],
    ],
    ids=["different", "one tie", "many ties"],
)
def test_p_value_is_the_share_of_all_signs(sample: list[float]) -> None:
    size = np.abs(sample)
    ranks = [np.sum(size < value) + (np.sum(size == value) + 1) / 2 for value in size]
    observed = sum(rank for rank, value in zip(ranks, sample, strict=True) if value > 0)
    sums = np.array([np.dot(signs, ranks) for signs in product((0, 1), repeat=len(sample))])
    tail = min(np.mean(sums <= observed), np.mean(sums >= observed))
    found = signed_rank(sample)
    assert found.statistic == observed
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))


def test_all_differences_of_one_sign_have_the_least_p_value() -> None:
    assert signed_rank([1.0, 2.0, 3.0, 4.0, 5.0]).p_value == pytest.approx(2 / 2**5)
    assert signed_rank([1.0, 2.0, 3.0, 4.0, 5.0]).statistic == 15


def test_zeros_are_left_out_and_counted() -> None:
    with_zeros, without = signed_rank([0.0, 1.0, 0.0, 2.0, -3.5]), signed_rank([1.0, 2.0, -3.5])
    assert with_zeros.zeros == 2
    assert with_zeros.n == 5
    assert (with_zeros.p_value, with_zeros.statistic) == (without.p_value, without.statistic)


@pytest.mark.parametrize("n", [5, 20, 50])
def test_exact_p_value_agrees_with_scipy(n: int) -> None:
    sample = np.random.default_rng(n).normal(0.2, size=n)
    assert signed_rank(sample).p_value == pytest.approx(
        stats.wilcoxon(sample, method="exact").pvalue
    )


def test_many_differences_use_the_corrected_normal_approximation() -> None:
    # 40 times +1 and 20 times -1: every rank is 30.5; the mean is n (n + 1) / 4.
    found = signed_rank([1.0] * 40 + [-1.0] * 20)
    variance = 60 * 61 * 121 / 24 - (60**3 - 60) / 48
    z = (40 * 30.5 - 60 * 61 / 4 - 0.5) / math.sqrt(variance)
    assert found.method == "approximate"
    assert found.statistic == 40 * 30.5
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_no_difference_at_all_has_p_value_one() -> None:
    found = signed_rank([0.0, 0.0])
    assert (found.p_value, found.shift, found.zeros) == (1.0, 0.0, 2)


def test_hodges_lehmann_is_the_median_of_pairwise_means() -> None:
    # Means of 1, 2, 6 in pairs: 1, 1.5, 2, 3.5, 4, 6.
    assert hodges_lehmann([1.0, 2.0, 6.0]) == pytest.approx((2 + 3.5) / 2)


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_bonferroni_multiplies_by_the_number_of_tests_and_stops_at_one() -> None:
    assert bonferroni([0.01, 0.04, 0.5]) == pytest.approx([0.03, 0.12, 1.0])
    assert bonferroni([0.2]) == [0.2]


def test_lesions_of_a_patient_are_averaged() -> None:
    assert mean_by_group([1.0, 2.0, 3.0], ["a", "b", "a"]) == {"a": 2.0, "b": 2.0}


def test_what_is_no_sample_is_refused() -> None:
    with pytest.raises(InputError, match="needs at least 1 values, found 0"):
        signed_rank([])
    with pytest.raises(InputError, match="finite numbers only"):
        signed_rank([1.0, math.inf])
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.5, 1.5])
    with pytest.raises(InputError, match="between 0 and 1"):
        bonferroni([-0.1])


# Benjamini and Hochberg 1995, section 3.1: thrombolysis, 15 comparisons.
THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                0.4262, 0.5719, 0.6528, 0.7590, 1.0]  # fmt: skip


def test_false_discoveries_are_controlled_as_in_the_example_of_the_paper() -> None:
    found = adjusted(THROMBOLYSIS, "bh")
    assert sum(p_value <= 0.05 for p_value in found) == 4
    assert found[3] == pytest.approx(0.0095 * 15 / 4)
    assert sum(p_value <= 0.05 for p_value in adjusted(THROMBOLYSIS, "bonferroni")) == 3


@pytest.mark.parametrize("correction", ["bonferroni", "holm", "bh"])
def test_adjusting_one_test_changes_nothing_and_order_does_not_matter(correction) -> None:
    assert adjusted([0.03], correction) == [pytest.approx(0.03)]
    turned = adjusted(THROMBOLYSIS[::-1], correction)[::-1]
    assert turned == pytest.approx(adjusted(THROMBOLYSIS, correction))
