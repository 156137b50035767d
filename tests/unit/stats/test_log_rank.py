import numpy as np
import pytest
from tests.unit.stats.survival_data import DATA_SETS, columns, found_by_r, survival

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError
from oncotrace.stats.log_rank import log_rank


@pytest.mark.parametrize("name", DATA_SETS)
def test_statistic_and_p_value_are_those_of_r(name: str) -> None:
    expected = found_by_r(name, "log-rank")
    (group,) = {item for item, _ in expected}
    labels = columns(name)[group]
    found = log_rank(survival(name), labels, groups=sorted(set(labels)))
    assert found.statistic == pytest.approx(expected[group, "statistic"], rel=1e-9)
    assert found.p_value == pytest.approx(expected[group, "p_value"], rel=1e-8)
    assert found.degrees_of_freedom == len(found.groups) - 1


def test_lung_cancer_by_sex_is_as_published_with_the_package() -> None:
    found = log_rank(survival("lung"), columns("lung")["sex"], groups=("1", "2"))
    assert found.n == (138, 90)
    assert found.observed == (112, 53)
    assert found.expected == pytest.approx((91.6, 73.4), abs=0.05)
    assert found.statistic == pytest.approx(10.33, abs=0.005)
    assert found.p_value == pytest.approx(0.0013, abs=5e-5)


def test_observed_and_expected_events_have_one_sum() -> None:
    found = log_rank(survival("veteran"), columns("veteran")["celltype"],
                     groups=("squamous", "smallcell", "adeno", "large"))  # fmt: skip
    assert sum(found.observed) == pytest.approx(sum(found.expected))


def test_a_group_without_members_is_an_error_and_no_p_value() -> None:
    with pytest.raises(InputError, match=r"group 3 has no member") as refusal:
        log_rank(survival("lung"), columns("lung")["sex"], groups=("1", "2", "3"))
    assert refusal.value.code == "empty-group"


def test_a_label_that_is_no_group_is_named() -> None:
    with pytest.raises(InputError, match=r"2: no such group"):
        log_rank(survival("lung"), columns("lung")["sex"], groups=("1", "1.0"))


def test_one_group_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="two groups"):
        log_rank(survival("lung"), ["1"] * 228, groups=("1",))


def test_without_an_event_nothing_can_be_compared() -> None:
    alive = Survival(np.array([1.0, 2.0]), np.array([False, False]))
    with pytest.raises(InputError, match="nobody had the event") as refusal:
        log_rank(alive, ["a", "b"], groups=("a", "b"))
    assert refusal.value.code == "no-events"


def test_groups_that_were_never_observed_together_have_no_p_value() -> None:
    apart = Survival(np.array([1.0, 5.0]), np.array([False, True]))
    found = log_rank(apart, ["a", "b"], groups=("a", "b"))
    assert (found.statistic, found.p_value) == (None, None)
