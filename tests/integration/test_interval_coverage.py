"""Intervals that claim 95 % hold the true value as often, within binomial limits."""

import pytest
from benchmarks.interval_coverage import (
    DESIGNS,
    Count,
    read_counts,
    simulate,
    table_of,
    write_counts,
)
from scipy import stats

SIMULATIONS = 200
# The nominal 95 % may be 93 to 97 in small samples; chance is allowed 1 in 1,000 at either end.
LEAST = stats.binom.ppf(0.001, SIMULATIONS, 0.93)
MOST = stats.binom.ppf(0.999, SIMULATIONS, 0.97)


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_intervals_hold_the_true_value_as_often_as_they_claim(name: str) -> None:
    count = Count()
    simulate(name, count, SIMULATIONS)
    assert count.none == 0
    assert LEAST <= count.held <= MOST


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path) -> None:
    name = "AUC 0.8, DeLong"
    whole, part = Count(), Count()
    simulate(name, whole, 20)
    simulate(name, part, 8)
    write_counts(tmp_path / "counts.csv", {name: part})
    taken_up = read_counts(tmp_path / "counts.csv")[name]
    simulate(name, taken_up, 12)
    assert (taken_up.held, taken_up.simulations) == (whole.held, 20)
    assert taken_up.width == pytest.approx(whole.width)
    assert name in table_of({name: taken_up})
