"""Whether published groups of lung tumours differ: on whom, how often tested, and adjusted how."""

import math

import pytest
from tests.unit.report.test_lung_strata import case

from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.lung_comparisons import stratum_comparisons
from oncotrace.report.lung_strata import LOCATION, SIZE, THICKNESS


def sized(ml: float, dices: list[float], first: int) -> list[EvaluatedCase]:
    return [case(first + n, ml=ml, dice=dice) for n, dice in enumerate(dices)]


def of_dice(cases: list[EvaluatedCase], by: str):
    rows = stratum_comparisons(cases)
    return [row for row in rows if row.by == by and row.measure.name == "dice"]


def test_groups_are_compared_in_pairs_and_each_p_value_times_their_number():
    cases = (
        sized(10.0, [0.4, 0.5, 0.55, 0.6], 0)
        + sized(50.0, [0.7, 0.72, 0.74, 0.76], 10)
        + sized(200.0, [0.8, 0.82, 0.84, 0.86], 20)
    )
    rows = of_dice(cases, SIZE)
    assert [(row.first, row.second) for row in rows] == [
        ("<20 ml", "20-150 ml"), ("<20 ml", ">150 ml"), ("20-150 ml", ">150 ml"),
    ]  # fmt: skip
    for row in rows:  # no overlap at all: the least p value of 4 and 4
        assert row.test.p_value == pytest.approx(2 / math.comb(8, 4))
        assert row.p_bonferroni == pytest.approx(3 * 2 / math.comb(8, 4))
        assert (row.test.statistic, row.comparisons, row.patients) == (0, 3, (4, 4))
        assert row.test.shift < 0
        assert row.why_not == ""


def test_groups_of_too_few_are_named_and_do_not_count_as_tests():
    cases = sized(10.0, [0.4, 0.5, 0.6], 0) + sized(50.0, [0.7, 0.8, 0.9], 10)
    cases += sized(200.0, [0.8, 0.9], 20)
    tested, few, also_few = of_dice(cases, SIZE)
    assert (tested.comparisons, tested.p_bonferroni) == (1, pytest.approx(0.1))
    assert (few.test, few.p_bonferroni) == (None, None)
    assert few.why_not == also_few.why_not == "fewer than 3 patients (>150 ml: 2)"
    assert few.cells()["p_value"] is None


def test_a_patient_counts_once_in_a_group_and_is_noted_where_in_both():
    cases = sized(10.0, [0.4, 0.5, 0.6], 0) + sized(50.0, [0.7, 0.8, 0.9], 10)
    again = [EvaluatedCase(f"again-{c.case_id}", c.patient_id, c.result) for c in cases]
    assert of_dice(cases + again, SIZE) == of_dice(cases, SIZE)
    twice = EvaluatedCase("x", "p0", case(0, ml=50.0, dice=0.75).result)
    (row,) = of_dice([*cases, twice], SIZE)
    assert (row.patients, row.in_both) == ((3, 4), 1)


def test_a_tumour_that_was_not_found_is_the_farthest():
    near = [case(n, ml=10.0, hausdorff95_mm=float(n)) for n in range(3)]
    lost = [
        case(n, ml=50.0, hausdorff95_mm=None, infinite_measures="hausdorff95_mm")
        for n in range(3, 6)
    ]
    rows = [r for r in stratum_comparisons(near + lost) if r.measure.name == "hausdorff95_mm"]
    (row,) = (row for row in rows if row.by == SIZE)
    assert (row.test.statistic, row.test.shift) == (0, None)
    assert row.test.p_value == pytest.approx(0.1)


def test_cases_without_tumour_or_group_are_in_none():
    cases = [case(n, mm=float(n)) for n in range(4)]
    well = case(8, dice=None)
    unknown = case(9, mm=math.nan, location=None)
    assert stratum_comparisons([*cases, well, unknown]) == stratum_comparisons(cases)
    assert stratum_comparisons([well]) == stratum_comparisons([]) == []


def test_locations_that_the_cohort_names_are_compared_too():
    names = ["mediastinum"] * 3 + ["apex"] * 3 + ["parenchyma"] * 3
    cases = [case(n, location=name) for n, name in enumerate(names)]
    assert [(row.first, row.second) for row in of_dice(cases, LOCATION)] == [
        ("parenchyma", "mediastinum"), ("parenchyma", "apex"), ("mediastinum", "apex"),
    ]  # fmt: skip
    assert of_dice(cases, THICKNESS) == []
