"""DeLong's test and interval, against R's pROC and against every pair of cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stats.golden import column, rows

from oncotrace.errors import InputError
from oncotrace.stats.delong import auc, auc_difference_paired, auc_difference_unpaired

POOR = np.array(column("turck_asah.csv", "poor_outcome"))
MARKERS = {name: column("turck_asah.csv", name) for name in ("s100b", "wfns", "ndka")}


def scored(least: int = 2):
    score = st.integers(-4, 4).map(float)
    return st.tuples(
        st.lists(score, min_size=least, max_size=8), st.lists(score, min_size=least, max_size=8)
    )


@pytest.mark.parametrize(
    ("marker", "area"), [("s100b", 0.73136856368), ("wfns", 0.82367886179), ("ndka", 0.61195799458)]
)
def test_areas_are_those_of_proc(marker: str, area: float) -> None:
    found = auc(MARKERS[marker], POOR)
    assert found.auc == pytest.approx(area, abs=1e-10)
    assert (found.n_events, found.n_others) == (41, 72)


@pytest.mark.parametrize(
    "row",
    rows("proc_delong.csv"),
    ids=lambda row: f"{row['first']} {row['second']} {row['kind']}",
)
def test_tests_are_those_of_proc(row: dict[str, str]) -> None:
    first, second = MARKERS[row["first"]], MARKERS[row["second"]]
    if row["kind"] == "paired":
        found = auc_difference_paired(first, second, POOR)
        assert found.interval == pytest.approx((float(row["low"]), float(row["high"])), abs=1e-9)
    else:
        found = auc_difference_unpaired(first, POOR, second, POOR)
    assert found.statistic == pytest.approx(float(row["statistic"]), abs=1e-9)
    assert found.p_value == pytest.approx(float(row["p_value"]), abs=1e-9)


@given(scored())
def test_area_and_variance_are_those_of_all_pairs(samples) -> None:
    ill, well = (np.array(scores) for scores in samples)
    wins = (ill[:, None] > well) + 0.5 * (ill[:, None] == well)
    variance = wins.mean(axis=1).var(ddof=1) / len(ill) + wins.mean(axis=0).var(ddof=1) / len(well)
    found = auc(np.concatenate([ill, well]), np.repeat([1, 0], [len(ill), len(well)]))
    assert found.auc == pytest.approx(wins.mean())
    assert found.variance == pytest.approx(variance, abs=1e-12)


@given(scored())
def test_a_monotone_map_changes_nothing_and_a_sign_gives_the_complement(samples) -> None:
    scores = np.concatenate(samples)
    events = np.repeat([1, 0], [len(samples[0]), len(samples[1])])
    one, mapped, turned = auc(scores, events), auc(np.exp(scores), events), auc(-scores, events)
    assert mapped == one
    assert turned.auc == pytest.approx(1 - one.auc)
    assert turned.variance == pytest.approx(one.variance, abs=1e-12)


def test_the_same_scores_do_not_differ() -> None:
    found = auc_difference_paired(MARKERS["wfns"], np.log(MARKERS["wfns"]), POOR)
    assert (found.difference, found.statistic, found.p_value) == (0.0, 0.0, 1.0)


def test_exchanged_scores_give_the_opposite_difference() -> None:
    one = auc_difference_paired(MARKERS["wfns"], MARKERS["ndka"], POOR)
    other = auc_difference_paired(MARKERS["ndka"], MARKERS["wfns"], POOR)
    assert one.p_value == other.p_value
    assert one.difference == -other.difference


def test_scores_without_a_fault_have_no_p_value() -> None:
    events = [1, 1, 0, 0]
    assert auc([3.0, 4.0, 1.0, 2.0], events).interval == (1.0, 1.0)
    with pytest.raises(InputError, match="no error to test them by"):
        auc_difference_paired([3.0, 4.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0], events)


@pytest.mark.parametrize(
    ("scores", "events", "message"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1, 0, 0, 0], "found 1 and 3"),
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 0, 0], "found 0 and 4"),
        ([1.0, 2.0, 3.0, 4.0], [1, 0, 2, 0], "1 or 0"),
        ([1.0, 2.0, 3.0, 4.0], [1, 0, 1], "4 scores and 3 events"),
        ([1.0, math.nan, 3.0, 4.0], [1, 0, 1, 0], "finite numbers only"),
    ],
)
def test_what_has_no_area_is_refused(scores, events, message) -> None:
    with pytest.raises(InputError, match=message):
        auc(scores, events)
