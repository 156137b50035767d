import math

import numpy as np
import pytest

from oncotrace.errors import InputError
from oncotrace.stats.repeatability import repeatability


def test_two_readings_of_each_case_have_half_the_mean_squared_difference_as_variance() -> None:
    pairs = np.array([[1.0, 2.0], [5.0, 5.0], [9.0, 7.0]])
    found = repeatability(list(pairs))
    differences = pairs[:, 0] - pairs[:, 1]
    assert found.sd_within == pytest.approx(math.sqrt((differences**2).mean() / 2))
    assert found.coefficient == pytest.approx(1.96 * math.sqrt(2) * found.sd_within)
    assert (found.cases, found.readings) == (3, 6)


def test_cases_read_once_tell_nothing() -> None:
    assert repeatability([[1.0, 2.0], [7.0], []]) == repeatability([[1.0, 2.0]])
    with pytest.raises(InputError, match="no case was read more than once"):
        repeatability([[1.0], [2.0]])


def test_the_interval_holds_the_true_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    trials, held = 1000, 0
    for _ in range(trials):
        found = repeatability([*rng.normal(size=(10, 2)), *rng.normal(size=(5, 3))])
        held += found.sd_interval[0] <= 1 <= found.sd_interval[1]
    assert held / trials == pytest.approx(0.95, abs=0.022)
