"""t tests against R's published output, and the correlation that they are."""

import math

import numpy as np
import pytest
from scipy import stats
from tests.unit.stats.golden import column

from oncotrace.errors import InputError
from oncotrace.stats.t_tests import paired_t, point_biserial, welch_t

FIRST = np.array(column("student_sleep.csv", "first"))
SECOND = np.array(column("student_sleep.csv", "second"))


def test_welch_is_that_of_r_on_students_sleep_data() -> None:
    # R, example of t.test: t = -1.8608, df = 17.776, p = 0.07939, -3.3654832 to 0.2054832.
    found = welch_t(FIRST, SECOND)
    assert found.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert found.degrees_of_freedom == pytest.approx(17.776, abs=5e-4)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert found.interval == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    assert found.difference == pytest.approx(0.75 - 2.33)


def test_paired_t_is_that_of_r_on_students_sleep_data() -> None:
    # R: t = -4.0621, df = 9, p = 0.002833, -2.4598858 to -0.7001142.
    found = paired_t(FIRST - SECOND)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert found.p_value == pytest.approx(0.002833, abs=5e-7)
    assert found.interval == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


def test_point_biserial_is_the_t_test_in_other_words() -> None:
    found = point_biserial(FIRST, SECOND)
    t = stats.ttest_ind(FIRST, SECOND)
    assert found.r == pytest.approx(t.statistic / math.sqrt(t.statistic**2 + 18))
    assert found.p_value == pytest.approx(t.pvalue)
    assert found.interval is not None
    assert found.interval[0] < found.r < found.interval[1]
    assert point_biserial([2.0, 2.0], [1.0, 1.0]).interval is None


def test_equal_values_and_too_few_are_refused() -> None:
    with pytest.raises(InputError, match="all values are equal"):
        welch_t([1.0, 1.0], [1.0, 1.0])
    with pytest.raises(InputError, match="all values are equal"):
        paired_t([2.0, 2.0])
    with pytest.raises(InputError, match="at least 2 values, found 1"):
        welch_t([1.0], [1.0, 2.0])
    with pytest.raises(InputError, match="all values are equal"):
        point_biserial([1.0, 1.0], [1.0])
