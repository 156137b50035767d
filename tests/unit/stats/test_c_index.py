import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from tests.unit.stats.survival_data import DATA_SETS, complete, found_by_r, numbers, survival

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError
from oncotrace.stats.c_index import c_difference, c_index


@pytest.mark.parametrize("name", DATA_SETS)
def test_index_and_standard_error_are_those_of_r(name: str) -> None:
    expected = found_by_r(name, "concordance")
    for item in {item for item, _ in expected}:
        patients, values = complete(name, [item])
        found = c_index(patients, values[:, 0])
        assert found.c == pytest.approx(expected[item, "c"], rel=1e-9)
        assert found.standard_error == pytest.approx(expected[item, "standard_error"], rel=1e-8)
        counts = (found.concordant, found.discordant, found.tied)
        assert counts == tuple(
            expected[item, quantity] for quantity in ("concordant", "discordant", "tied")
        )


def test_equal_times_are_pairs_only_of_an_event_and_a_censoring() -> None:
    patients = Survival(np.array([5.0, 5, 5]), np.array([True, True, False]))
    found = c_index(patients, [3.0, 1.0, 2.0])
    assert (found.concordant, found.discordant, found.tied) == (1, 1, 0)


def test_perfect_order_has_no_interval() -> None:
    found = c_index(Survival(np.array([1.0, 2, 3]), np.ones(3, bool)), [3.0, 2.0, 1.0])
    assert (found.c, found.standard_error, found.interval) == (1, None, None)


def test_equal_values_are_no_better_than_chance() -> None:
    found = c_index(survival("aml"), np.zeros(23))
    assert (found.c, found.interval) == (0.5, None)


def test_an_interval_stays_between_nothing_and_all() -> None:
    patients = Survival(np.arange(1.0, 13.0), np.ones(12, bool))
    values = -np.arange(12.0)
    values[[0, 1]] = values[[1, 0]]
    found = c_index(patients, values)
    assert found.interval is not None
    assert 0.8 < found.interval[0] < found.c < found.interval[1] < 1


def test_the_same_rows_twice_tell_no_more_when_they_are_one_patient() -> None:
    patients, values = survival("aml"), numbers("aml", "maintained")
    once = c_index(patients, values)
    double = patients.of(np.tile(np.arange(23), 2))
    twice = c_index(double, np.tile(values, 2), groups=np.tile(np.arange(23), 2).tolist())
    assert twice.c == pytest.approx(once.c)
    assert twice.standard_error == pytest.approx(once.standard_error)


def test_difference_is_tested_on_the_same_patients() -> None:
    # R: concordance(Surv(time, event) ~ age + ph_ecog, lung, reverse = TRUE), complete cases;
    # contrast of coef() with vcov()
    patients, values = complete("lung", ["age", "ph_ecog"])
    age, status = c_index(patients, values[:, 0]), c_index(patients, values[:, 1])
    found = c_difference(status, age)
    assert found.difference == pytest.approx(status.c - age.c)
    assert found.standard_error == pytest.approx(0.0324653556264, rel=1e-8)
    assert found.interval is not None
    assert found.interval[0] < found.difference < found.interval[1]


def test_a_value_does_not_differ_from_a_monotone_map_of_it() -> None:
    patients, values = complete("lung", ["age"])
    found = c_difference(c_index(patients, values[:, 0]), c_index(patients, np.log(values[:, 0])))
    assert (found.difference, found.p_value) == (0, None)


def test_without_an_event_there_is_no_index() -> None:
    with pytest.raises(InputError, match="who had the event first"):
        c_index(Survival(np.array([1.0, 2.0]), np.zeros(2, bool)), [1.0, 2.0])


def test_infinite_values_are_refused() -> None:
    with pytest.raises(InputError, match="finite numbers only"):
        c_index(Survival(np.array([1.0, 2.0]), np.ones(2, bool)), [1.0, np.inf])


def test_intervals_hold_the_true_index_as_often_as_they_say() -> None:
    # benchmarks/interval_coverage_c_index.py does the same with 2,000 simulations
    rng = np.random.default_rng(6)
    index, held, simulations = true_index(rng), 0, 200
    for _ in range(simulations):
        interval = c_index(*drawn(100, rng)).interval
        assert interval is not None
        held += interval[0] <= index <= interval[1]
    low, high = stats.binom.ppf([0.0005, 0.9995], simulations, 0.95)
    assert low <= held <= high


def drawn(patients: int, rng: np.random.Generator) -> tuple[Survival, NDArray[np.float64]]:
    """Exponential times with the hazard exp(x / 2), a little less than half of them censored."""
    values = rng.normal(size=patients)
    times = rng.exponential(np.exp(-values / 2))
    ends = rng.uniform(0, 2, size=patients)
    return Survival(np.minimum(times, ends), times <= ends), values


def true_index(rng: np.random.Generator) -> float:
    """Share of a million independent pairs that are ordered as their values say."""
    (one, x), (other, y) = drawn(1_000_000, rng), drawn(1_000_000, rng)
    first = one.duration_days < other.duration_days
    known = np.where(first, one.event, other.event)
    return float(np.mean(np.where(first, x > y, y > x)[known]))
