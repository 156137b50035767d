"""Laws of the statistics."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncotrace.stats.agreement import bland_altman, pearson, spearman
from oncotrace.stats.bootstrap import bootstrap_interval
from oncotrace.stats.compare import hodges_lehmann, holm, signed_rank
from oncotrace.stats.summary import summarise

numbers = st.integers(-1000, 1000).map(lambda number: number / 8)  # exact in binary
samples = st.lists(numbers, min_size=3, max_size=30)
pairs = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=30)


@given(samples)
def test_swapping_the_methods_turns_every_sign_and_keeps_the_p_value(sample: list[float]) -> None:
    there, back = signed_rank(sample), signed_rank([-value for value in sample])
    nonzero = there.n - there.zeros
    assert there.p_value == pytest.approx(back.p_value)
    assert there.statistic + back.statistic == pytest.approx(nonzero * (nonzero + 1) / 2)
    assert there.shift == pytest.approx(-back.shift)


@given(samples, numbers)
def test_the_centre_of_differences_moves_with_them(sample: list[float], by: float) -> None:
    moved = hodges_lehmann([value + by for value in sample])
    assert moved == pytest.approx(hodges_lehmann(sample) + by)
    assert min(sample) <= hodges_lehmann(sample) <= max(sample)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusted_p_values_are_no_smaller_and_in_the_same_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(a >= p or math.isclose(a, p) for a, p in zip(adjusted, p_values, strict=True))
    assert max(adjusted) <= 1
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


@given(pairs)
def test_swapping_the_methods_mirrors_the_limits_of_agreement(
    pairs: list[tuple[float, float]],
) -> None:
    a, b = np.array(pairs).T
    there, back = bland_altman(a - b, (a + b) / 2), bland_altman(b - a, (a + b) / 2)
    assert there.bias == pytest.approx(-back.bias)
    assert there.lower == pytest.approx(-back.upper)
    assert there.lower_interval == pytest.approx(tuple(-end for end in back.upper_interval[::-1]))
    assert there.lower_interval[0] <= there.lower <= there.lower_interval[1]


@given(pairs)
def test_a_correlation_is_symmetric_and_between_minus_one_and_one(
    pairs: list[tuple[float, float]],
) -> None:
    a, b = np.array(pairs).T
    r = pearson(a, b).r
    assert r == pytest.approx(pearson(b, a).r)
    assert r is None or -1 <= r <= 1


@given(pairs)
def test_a_rank_correlation_does_not_change_by_a_monotone_map(
    pairs: list[tuple[float, float]],
) -> None:
    a, b = np.array(pairs).T
    assert spearman(a, b) == pytest.approx(spearman(a**3, np.arctan(b / 100)))


@settings(max_examples=25, deadline=None)
@given(samples, numbers, st.sampled_from(["percentile", "bca"]))
def test_an_interval_moves_with_the_values_and_lies_among_them(
    sample: list[float], by: float, method: str
) -> None:
    def interval(values: list[float]) -> tuple[float, float] | None:
        return bootstrap_interval(
            values,
            lambda rows: float(rows.mean()),
            groups=range(len(values)),
            seed=0,
            method=method,  # type: ignore[arg-type]
            resamples=100,
        )

    found, moved = interval(sample), interval([value + by for value in sample])
    assert found is not None
    assert moved is not None
    assert min(sample) <= found[0] <= found[1] <= max(sample)
    if method == "percentile":  # rounding can move a tie, and with it the correction for bias
        assert np.subtract(moved, found) == pytest.approx(by)


@given(st.lists(st.one_of(numbers, st.sampled_from([math.inf, -math.inf, math.nan])), max_size=30))
def test_every_value_is_counted_once_and_only_finite_ones_are_averaged(sample: list[float]) -> None:
    found = summarise(sample)
    finite = [value for value in sample if math.isfinite(value)]
    assert (found.n, found.not_finite) == (len(finite), len(sample) - len(finite))
    if finite:
        assert found.mean == pytest.approx(np.mean(finite))
        assert found.least == min(finite)
    else:
        assert found.mean is None
