import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stats.golden import rows

from oncotrace.errors import InputError
from oncotrace.stats.icc import icc

JUDGES = np.array(
    [
        [float(row[f"judge_{judge}"]) for judge in range(1, 5)]
        for row in rows("shrout_fleiss_1979.csv")
    ]
)
tables = st.lists(
    st.lists(st.integers(-500, 500).map(lambda number: number / 8), min_size=3, max_size=3),
    min_size=3,
    max_size=8,
).map(np.array)


@pytest.mark.parametrize("row", rows("shrout_fleiss_1979_results.csv"), ids=lambda row: row["form"])
def test_the_six_forms_are_those_of_shrout_and_fleiss(row: dict[str, str]) -> None:
    found = {one.shrout_fleiss: one for one in icc(JUDGES)}[row["form"]]
    tolerance = float(row["tolerance"])
    assert found.value == pytest.approx(float(row["value"]), abs=tolerance)
    assert found.interval == pytest.approx((float(row["low"]), float(row["high"])), abs=tolerance)


def test_the_forms_have_the_names_of_mcgraw_and_wong_too() -> None:
    names = [one.mcgraw_wong for one in icc(JUDGES)]
    assert names == ["ICC(1)", "ICC(A,1)", "ICC(C,1)", "ICC(k)", "ICC(A,k)", "ICC(C,k)"]


def test_a_reader_who_always_reads_more_is_consistent_but_does_not_agree() -> None:
    truth = np.array([1.0, 2.0, 4.0, 7.0])
    found = {one.mcgraw_wong: one for one in icc(np.stack([truth, truth + 5], axis=1))}
    assert found["ICC(C,1)"].value == 1
    assert found["ICC(C,1)"].interval == (1, 1)
    agreement = found["ICC(A,1)"].value
    assert agreement is not None
    variance = truth.var(ddof=1)
    assert agreement == pytest.approx(variance / (variance + 5**2 / 2))


def test_equal_readings_agree_perfectly() -> None:
    found = icc(np.tile([[1.0], [2.0], [5.0]], 3))
    assert all(one.value == 1 and one.interval == (1, 1) for one in found)


def test_readings_that_never_differ_have_no_icc() -> None:
    found = icc(np.full((5, 3), 7.3))
    assert all(one.value is None and one.interval is None for one in found)


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 1e-9, 1e9])
def test_rounding_of_equal_readings_is_no_spread(value: float) -> None:
    assert all(one.value is None for one in icc(np.full((7, 13), value)))


def test_cases_that_do_not_differ_agree_by_chance_or_less() -> None:
    found = icc([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0]])
    assert all(one.value is not None and one.value <= 0 for one in found)


def test_a_negative_estimate_of_absolute_agreement_has_an_interval_that_holds_it() -> None:
    # Weights of either sign would leave no degree of freedom here.
    agreement = icc([[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0.5, -0.625]])[1]
    assert agreement.value is not None
    assert agreement.interval is not None
    assert agreement.interval[0] <= agreement.value < agreement.interval[1]


@given(tables)
def test_an_icc_lies_in_its_interval_and_below_one(readings: np.ndarray) -> None:
    for one in icc(readings):
        if one.value is None or math.isinf(one.value):
            continue
        assert one.value <= 1 + 1e-12
        if one.interval is not None:
            low, high = one.interval
            rounding = 1e-9 * max(1, abs(one.value))
            assert low - rounding <= one.value <= high + rounding


@given(tables, st.integers(-100, 100), st.sampled_from([0.5, 2.0, 8.0]))
def test_an_icc_does_not_depend_on_the_unit(readings: np.ndarray, by: int, factor: float) -> None:
    for here, there in zip(icc(readings), icc(readings * factor + by), strict=True):
        if here.value is not None and there.value is not None and math.isfinite(here.value):
            assert there.value == pytest.approx(here.value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([[1.0, 2.0]], "at least two cases and two readers, found 1 and 2"),
        ([[1.0], [2.0]], "found 2 and 1"),
        ([1.0, 2.0], "found 1 axes"),
        ([[1.0, 2.0], [3.0, math.nan]], "1 are missing or infinite"),
    ],
)
def test_readings_without_an_icc_are_refused(readings: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        icc(readings)


@pytest.mark.slow
def test_intervals_hold_the_true_value_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    trials, held = 600, {"ICC(A,1)": 0, "ICC(C,1)": 0, "ICC(1)": 0}
    for _ in range(trials):
        cases, readers = rng.normal(scale=2, size=(20, 1)), rng.normal(scale=0.5, size=(1, 5))
        error = rng.normal(size=(20, 5))
        for one in icc(cases + readers + error):
            if one.mcgraw_wong in {"ICC(A,1)", "ICC(C,1)"}:
                spread = 1.25 if one.mcgraw_wong == "ICC(A,1)" else 1
                assert one.interval is not None
                held[one.mcgraw_wong] += one.interval[0] <= 4 / (4 + spread) <= one.interval[1]
        for one in icc(cases + error):  # readers who differ from case to case
            if one.mcgraw_wong == "ICC(1)":
                assert one.interval is not None
                held["ICC(1)"] += one.interval[0] <= 4 / 5 <= one.interval[1]
    for count in held.values():
        assert count / trials == pytest.approx(0.95, abs=0.027)  # three standard errors
