import math

import pytest

from oncotrace.stats.summary import summarise


def test_figures_are_those_of_the_definition() -> None:
    found = summarise([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert (found.n, found.mean, found.median) == (8, 5.0, 4.5)
    assert found.sd == pytest.approx(math.sqrt(32 / 7))
    assert (found.q1, found.q3, found.least, found.greatest) == (4.0, 5.5, 2.0, 9.0)


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    found = summarise([1.0, math.inf, 3.0, math.nan, -math.inf])
    assert (found.n, found.not_finite, found.mean, found.greatest) == (2, 3, 2.0, 3.0)


def test_one_value_has_no_sd_and_none_has_nothing() -> None:
    assert summarise([7.0]).sd is None
    assert summarise([7.0]).mean == 7.0
    nothing = summarise([math.inf])
    assert (nothing.n, nothing.not_finite, nothing.mean, nothing.median) == (0, 1, None, None)
    assert summarise([]).n == 0
