import math

import numpy as np
import pytest
from tests.unit.stats.survival_data import DATA_SETS, found_by_r, survival

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError
from oncotrace.stats.survival_curve import (
    IntervalScale,
    MedianTime,
    kaplan_meier,
    median_follow_up,
    median_time,
)


def months(times: list[float], events: list[int]) -> Survival:
    return Survival(np.array(times), np.array(events) == 1)


@pytest.mark.parametrize("name", DATA_SETS)
@pytest.mark.parametrize("scale", ["log-log", "log"])
def test_curve_and_interval_are_those_of_r(name: str, scale: IntervalScale) -> None:
    curve = kaplan_meier(survival(name), scale=scale)
    expected = found_by_r(name, scale)
    for item in sorted({item for item, _ in expected if item != "median"}, key=float):
        time = float(item)
        place = int(np.searchsorted(curve.times, time, side="right")) - 1
        assert curve.share_at(time) == pytest.approx(expected[item, "share"], rel=1e-9)
        assert curve.at_risk_at([time])[0] == expected[item, "at_risk"]
        found = (curve.lower[place], curve.upper[place])
        assert found == pytest.approx((expected[item, "lower"], expected[item, "upper"]), rel=1e-8)


@pytest.mark.parametrize("name", DATA_SETS)
@pytest.mark.parametrize("scale", ["log-log", "log"])
def test_median_and_interval_are_those_of_r(name: str, scale: IntervalScale) -> None:
    median = median_time(kaplan_meier(survival(name), scale=scale))
    expected = found_by_r(name, scale)
    for quantity, found in (
        ("time", median.time),
        ("lower", median.lower),
        ("upper", median.upper),
    ):
        value = expected["median", quantity]
        assert (found is None) == math.isnan(value)
        assert found is None or found == pytest.approx(value)


def test_without_censoring_the_curve_is_the_share_still_there() -> None:
    curve = kaplan_meier(months([1, 2, 2, 4], [1, 1, 1, 1]))
    np.testing.assert_allclose(curve.share, [0.75, 0.25, 0])
    assert curve.at_risk.tolist() == [4, 3, 1]
    assert curve.events.tolist() == [1, 2, 1]
    assert (curve.share_at(0.5), curve.share_at(3), curve.share_at(9)) == (1, 0.25, 0)


def test_who_is_censored_at_the_time_of_an_event_was_at_risk_for_it() -> None:
    curve = kaplan_meier(months([1, 1, 2], [1, 0, 1]))
    assert curve.share_at(1) == pytest.approx(2 / 3)
    assert curve.censored.tolist() == [1, 0]


def test_intervals_stay_between_nothing_and_all() -> None:
    curve = kaplan_meier(months([1, 2, 3, 4, 5], [1, 1, 0, 1, 1]))
    inside = np.isfinite(curve.lower)
    assert (curve.lower[inside] >= 0).all()
    assert (curve.upper[inside] <= 1).all()
    assert np.isnan(curve.lower[-1])  # nobody is left


def test_a_curve_above_one_half_has_no_median() -> None:
    assert median_time(kaplan_meier(months([1, 2, 3], [1, 0, 0]))).time is None
    nobody_struck = median_time(kaplan_meier(months([1, 2], [0, 0])))
    assert nobody_struck == MedianTime(None, None, None)


def test_a_curve_along_one_half_has_the_middle_of_that_stretch_as_median() -> None:
    # R: survfit(Surv(c(1, 2, 3, 4), c(1, 1, 1, 1)) ~ 1) gives the median 2.5.
    assert median_time(kaplan_meier(months([1, 2, 3, 4], [1, 1, 1, 1]))).time == 2.5


def test_nobody_left_early_so_follow_up_is_the_whole_study() -> None:
    follow_up = median_follow_up(months([3, 10, 10, 10], [1, 0, 0, 0]))
    assert follow_up.time == 10


def test_a_curve_of_nobody_is_an_error() -> None:
    with pytest.raises(InputError, match="needs somebody"):
        kaplan_meier(months([], []))
