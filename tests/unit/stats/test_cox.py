import math

import numpy as np
import pytest
from tests.unit.stats.survival_data import (
    DATA_SETS,
    complete,
    covariates,
    found_by_r,
    numbers,
    survival,
)

from oncotrace.domain.outcome import Survival
from oncotrace.errors import InputError
from oncotrace.stats.cox import CoxModel, NoFiniteRatio, cox
from oncotrace.stats.log_rank import log_rank
from oncotrace.stats.proportional_hazards import proportionality


def fitted(survival: Survival, values: object, names: list[str]) -> CoxModel:
    model = cox(survival, np.asarray(values), names=names)
    assert isinstance(model, CoxModel)
    return model


@pytest.mark.parametrize("name", DATA_SETS)
def test_model_is_that_of_r(name: str) -> None:
    expected, names = found_by_r(name, "cox"), covariates(name)
    model = fitted(*complete(name, names), names)
    for ratio in model.ratios:
        values = (
            ratio.coefficient,
            ratio.standard_error,
            *ratio.interval,
            ratio.p_value,
        )
        quantities = ("coefficient", "standard_error", "lower", "upper", "p_value")
        of_r = tuple(expected[ratio.name, quantity] for quantity in quantities)
        assert values == pytest.approx(of_r, rel=1e-6)
    start, end = model.log_likelihood
    assert start == pytest.approx(expected["", "log_likelihood_start"], rel=1e-9)
    assert end == pytest.approx(expected["", "log_likelihood"], rel=1e-9)
    assert model.likelihood_ratio == pytest.approx(expected["", "likelihood_ratio"], rel=1e-7)


def test_lung_cancer_is_as_published_with_the_package() -> None:
    names = ["age", "sex", "ph_ecog"]
    model = fitted(*complete("lung", names), names)
    assert (model.n, model.events) == (227, 164)
    assert model.coefficients == pytest.approx([0.011067, -0.552612, 0.463728], abs=5e-7)


@pytest.mark.parametrize("name", DATA_SETS)
def test_proportional_hazards_are_tested_as_by_r(name: str) -> None:
    expected, names = found_by_r(name, "zph"), covariates(name)
    patients, values = complete(name, names)
    tests = proportionality(patients, values, fitted(patients, values, names))
    for test in tests[:-1]:
        assert test.statistic == pytest.approx(expected[test.name, "statistic"], rel=1e-5)
        assert test.p_value == pytest.approx(expected[test.name, "p_value"], rel=1e-4)
    together = expected.get(("", "statistic"), tests[0].statistic)
    assert tests[-1].statistic == pytest.approx(together, rel=1e-5)


def test_a_ratio_of_one_binary_covariate_agrees_with_the_log_rank_test() -> None:
    sex = numbers("lung", "sex")
    model = fitted(survival("lung"), sex[:, None], ["sex"])
    test = log_rank(survival("lung"), sex.tolist(), groups=(1.0, 2.0))
    (ratio,) = model.ratios
    assert ratio.ratio < 1
    assert test.statistic == pytest.approx(
        (ratio.coefficient / ratio.standard_error) ** 2, rel=0.05
    )


def test_events_that_are_ordered_without_exception_have_no_finite_ratio() -> None:
    ordered = Survival(np.arange(1.0, 21.0), np.ones(20, dtype=bool))
    found = cox(ordered, np.arange(20.0)[:, None], names=["volume_ml"])
    assert isinstance(found, NoFiniteRatio)
    assert found.names == ("volume_ml",)
    assert found.likelihood_ratio == pytest.approx(2 * math.log(math.factorial(20)), rel=1e-3)
    assert found.p_value < 0.001


def test_a_group_without_events_has_no_finite_ratio() -> None:
    times, high = np.array([2.0, 3, 5, 7, 11, 13, 17, 19]), np.array([1.0, 1, 1, 0, 0, 1, 0, 0])
    found = cox(Survival(times, high == 1), high[:, None], names=["high"])
    assert isinstance(found, NoFiniteRatio)


def test_only_the_covariates_that_run_off_are_named() -> None:
    rng = np.random.default_rng(4)
    times, noise = np.arange(1.0, 41.0), rng.normal(size=40)
    high = (times <= 20).astype(float)
    patients = Survival(times, high == 1)
    found = cox(patients, np.column_stack([noise, high]), names=["noise", "high"])
    assert isinstance(found, NoFiniteRatio)
    assert found.names == ("high",)


def test_large_values_and_small_spreads_do_no_harm() -> None:
    age = numbers("lung", "age")
    plain = fitted(survival("lung"), age[:, None], ["age"])
    far = fitted(survival("lung"), 1e6 + 1e-3 * age[:, None], ["age"])
    assert far.coefficients[0] / 1000 == pytest.approx(plain.coefficients[0], rel=1e-5)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.column_stack([np.arange(6.0), np.ones(6)]), "constant-covariate"),
        (np.column_stack([np.arange(6.0), 3 - 2 * np.arange(6.0)]), "dependent-covariates"),
        (np.column_stack([np.arange(6.0), [1, 2, 3, 4, 5, np.inf]]), "not-finite-values"),
        (np.arange(6.0)[:, None], "not-paired"),
    ],
)
def test_covariates_that_cannot_be_fitted_are_refused(values: object, code: str) -> None:
    patients = Survival(np.array([1.0, 4, 2, 6, 5, 3]), np.ones(6, dtype=bool))
    with pytest.raises(InputError) as refusal:
        cox(patients, np.asarray(values), names=["a", "b"])
    assert refusal.value.code == code


def test_without_an_event_there_is_no_ratio() -> None:
    with pytest.raises(InputError, match="nobody had the event"):
        cox(Survival(np.array([1.0, 2.0]), np.zeros(2, bool)), [[1.0], [2.0]], names=["a"])


def test_few_events_for_each_covariate_can_be_seen() -> None:
    names = covariates("aml")
    assert fitted(*complete("aml", names), names).events_per_variable == 18


def test_two_covariates_that_order_the_events_together_are_both_named() -> None:
    rng = np.random.default_rng(7)
    first, noise = rng.normal(size=(2, 30))
    second = np.arange(30.0) / 5 - first  # their sum falls as the times rise
    patients = Survival(np.arange(30.0, 0.0, -1), np.ones(30, dtype=bool))
    found = cox(patients, np.column_stack([first, noise, second]), names=["a", "noise", "b"])
    assert isinstance(found, NoFiniteRatio)
    assert found.names == ("a", "b")


def test_events_among_equal_values_say_nothing() -> None:
    patients = Survival(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    with pytest.raises(InputError, match="the events say nothing about volume"):
        cox(patients, [[1.0], [2.0], [3.0], [3.0]], names=["volume"])


def test_events_at_one_time_cannot_tell_whether_hazards_are_proportional() -> None:
    patients = Survival(np.array([2.0, 2, 2, 5, 5, 5]), np.array([1, 1, 1, 0, 0, 0]) == 1)
    values = np.array([[3.0], [1.0], [2.0], [2.0], [1.0], [2.0]])
    tests = proportionality(patients, values, fitted(patients, values, ["volume"]))
    assert [test.p_value for test in tests] == [None, None]


def test_a_ratio_per_standard_deviation_is_the_power_of_that_per_unit() -> None:
    age = numbers("lung", "age")
    (ratio,) = fitted(survival("lung"), age[:, None], ["age"]).ratios
    scaled = ratio.per(ratio.sd)
    assert scaled.ratio == pytest.approx(ratio.ratio ** age.std(ddof=1))
    assert scaled.interval[1] == pytest.approx(ratio.interval[1] ** age.std(ddof=1))
    assert (scaled.p_value, scaled.sd) == (ratio.p_value, 1)
