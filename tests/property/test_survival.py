"""Laws of survival statistics."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oncotrace.domain.outcome import Survival
from oncotrace.stats.c_index import c_index
from oncotrace.stats.cox import CoxModel, NoFiniteRatio, cox
from oncotrace.stats.horizon import truncated
from oncotrace.stats.log_rank import log_rank
from oncotrace.stats.survival_curve import kaplan_meier

patients = st.lists(
    st.tuples(st.integers(0, 40), st.booleans(), st.integers(-8, 8)), min_size=8, max_size=40
)
Patients = list[tuple[int, bool, int]]


def unpacked(some: Patients) -> tuple[Survival, np.ndarray]:
    times, events, values = (np.array(column) for column in zip(*some, strict=True))
    assume(np.ptp(values) > 0)
    survival = Survival(times.astype(float), events.astype(bool))
    assume(survival.events > 0 and informative(survival, values))
    return survival, values.astype(float)


def comparable(survival: Survival) -> bool:
    """Whether it is known of some pair who had the event first."""
    first = survival.duration_days[survival.event].min()
    others = (survival.duration_days > first) | (
        (survival.duration_days == first) & ~survival.event
    )
    return bool(others.any())


def informative(survival: Survival, values: np.ndarray) -> bool:
    """Whether values differ among those observed at some event."""
    time = survival.duration_days
    return any(np.ptp(values[time >= at]) > 0 for at in time[survival.event])


def fitted(survival: Survival, values: np.ndarray) -> CoxModel | NoFiniteRatio:
    return cox(survival, values[:, None], names=["value"])


@given(patients, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_does_not_matter(some: Patients, chance) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    (there, values), (here, others) = unpacked(some), unpacked(shuffled)
    np.testing.assert_allclose(kaplan_meier(there).share, kaplan_meier(here).share)
    one, other = fitted(there, values), fitted(here, others)
    assert type(one) is type(other)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-7)
    if comparable(there):
        assert c_index(there, values).c == pytest.approx(c_index(here, others).c)


@given(patients, st.sampled_from([1 / 365.25, 12.0, 1e6]))
@settings(deadline=None)
def test_the_unit_of_time_changes_no_ratio_and_no_test(some: Patients, unit: float) -> None:
    survival, values = unpacked(some)
    scaled = Survival(survival.duration_days * unit, survival.event)
    one, other = fitted(survival, values), fitted(scaled, values)
    assert one.likelihood_ratio == pytest.approx(other.likelihood_ratio, abs=1e-7)
    if isinstance(one, CoxModel):
        assert isinstance(other, CoxModel)
        assert one.ratios[0].coefficient == pytest.approx(other.ratios[0].coefficient, rel=1e-6)
    groups = (values > np.median(values)).tolist()
    assume(len(set(groups)) == 2)
    tests = [log_rank(each, groups, groups=(False, True)).p_value for each in (survival, scaled)]
    assert tests[0] == pytest.approx(tests[1])


@given(patients)
@settings(deadline=None)
def test_a_c_index_keeps_by_a_monotone_map_and_turns_by_negation(some: Patients) -> None:
    survival, values = unpacked(some)
    assume(comparable(survival))
    found, mapped = c_index(survival, values), c_index(survival, np.exp(values / 8))
    turned = c_index(survival, -values)
    assert mapped.c == pytest.approx(found.c)
    assert turned.c == pytest.approx(1 - found.c)
    if found.interval is not None:
        assert turned.interval is not None
        assert turned.interval[0] == pytest.approx(1 - found.interval[1])


@given(patients)
@settings(deadline=None)
def test_a_ratio_is_finite_unless_it_is_said_not_to_be(some: Patients) -> None:
    survival, values = unpacked(some)
    found = fitted(survival, values)
    turned = fitted(survival, -values)
    if isinstance(found, NoFiniteRatio):
        assert isinstance(turned, NoFiniteRatio)
        assert is_separated(survival, values)
        return
    assert isinstance(turned, CoxModel)
    assert not is_separated(survival, values)
    assert found.ratios[0].coefficient == pytest.approx(-turned.ratios[0].coefficient, abs=1e-6)
    assert 1e-9 < found.ratios[0].ratio < 1e9


def is_separated(survival: Survival, values: np.ndarray) -> bool:
    """Whether each event struck a highest value of those at risk, or each a lowest."""
    time, event = survival.duration_days, survival.event
    highest = [values[time >= time[one]].max() == values[one] for one in np.flatnonzero(event)]
    lowest = [values[time >= time[one]].min() == values[one] for one in np.flatnonzero(event)]
    return all(highest) or all(lowest)


@given(patients, st.integers(1, 45))
def test_the_curve_before_the_horizon_does_not_change(some: Patients, horizon: int) -> None:
    survival, _ = unpacked(some)
    short, whole = kaplan_meier(truncated(survival, horizon).survival), kaplan_meier(survival)
    for time in range(horizon + 1):
        assert short.share_at(time) == pytest.approx(whole.share_at(time))


@given(patients)
def test_curves_fall_and_keep_within_their_intervals(some: Patients) -> None:
    curve = kaplan_meier(unpacked(some)[0])
    assert (np.diff(curve.share) <= 0).all()
    known = np.isfinite(curve.lower)
    assert (curve.lower[known] <= curve.share[known] + 1e-12).all()
    assert (curve.share[known] <= curve.upper[known] + 1e-12).all()
    assert (curve.events + curve.censored).sum() == len(some)
