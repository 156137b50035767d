import numpy as np
import pytest

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError, SettingsError
from oncotrace.stats.horizon import truncated

OBSERVED = Survival(np.array([10.0, 20.0, 30.0, 40.0]), np.array([True, True, True, False]))


def test_who_was_observed_longer_is_censored_at_the_horizon() -> None:
    found = truncated(OBSERVED, 20)
    assert found.survival.duration_days.tolist() == [10, 20, 20, 20]
    assert found.survival.event.tolist() == [True, True, False, False]
    assert (found.cut_short, found.events_beyond) == (2, 1)


def test_a_horizon_after_everything_changes_nothing() -> None:
    found = truncated(OBSERVED, 1000)
    assert (found.cut_short, found.survival.events) == (0, 3)


@pytest.mark.parametrize("horizon", [0, -1, np.nan, np.inf])
def test_a_horizon_is_a_positive_time(horizon: float) -> None:
    with pytest.raises(SettingsError, match="positive time"):
        truncated(OBSERVED, horizon)


@pytest.mark.parametrize("time", [-1.0, np.nan, np.inf])
def test_impossible_times_are_refused(time: float) -> None:
    with pytest.raises(InputError, match="found 1 that are not"):
        Survival(np.array([1.0, time]), np.array([True, False]))


def test_every_time_needs_an_event_or_none() -> None:
    with pytest.raises(InputError, match="2 times and 1 events"):
        Survival(np.array([1.0, 2.0]), np.array([True]))


def test_survival_cannot_be_changed_from_outside() -> None:
    times = np.array([1.0, 2.0])
    found = Survival(times, np.array([True, False]))
    times[0] = 99
    assert found.duration_days[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        found.event[0] = False
