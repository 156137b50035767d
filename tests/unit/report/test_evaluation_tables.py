import math

import numpy as np
import pytest

from oncotrace.report.evaluated_case import MEASURES, EvaluatedCase, Measure
from oncotrace.report.evaluation_agreement import reliability, volume_agreement
from oncotrace.report.evaluation_tables import comparison_rows, groups_of, summary_rows

DICE = next(measure for measure in MEASURES if measure.name == "dice")


def case(name: str, *, patient: str = "", group: str = "", **result: object) -> EvaluatedCase:
    return EvaluatedCase(name, patient or name, result, group)


def test_an_absolute_measure_has_no_sign() -> None:
    measure = Measure("absolute_error", "|error|", "%", 1, source="error")
    assert measure.of({"error": -12.5}) == 12.5
    assert math.isnan(measure.of({"error": None}))


def test_a_measure_knows_infinite_from_missing() -> None:
    measure = Measure("hausdorff95_mm", "HD95", "mm", 2)
    assert math.isinf(measure.of({"hausdorff95_mm": None, "infinite_measures": "hausdorff95_mm"}))
    assert math.isnan(measure.of({"hausdorff95_mm": None, "infinite_measures": ""}))
    assert math.isnan(measure.of({}))


def test_rows_come_for_all_and_then_for_each_group_the_largest_first() -> None:
    cases = [
        case("a", group="rare", dice=0.5),
        case("b", group="common", dice=0.8),
        case("c", group="common", dice=0.9),
    ]
    assert groups_of(cases) == ["common", "rare"]
    rows = summary_rows(cases)
    assert [row.group for row in rows] == ["", "common", "rare"]
    assert [row.summary.n for row in rows] == [3, 2, 1]
    assert rows[0].summary.mean == pytest.approx(2.2 / 3)
    assert rows[0].cells("clinical_type")["group"] == "all"
    assert rows[0].cells("clinical_type")["by"] == ""
    assert rows[1].cells("clinical_type")["by"] == "clinical_type"


def test_infinite_values_are_counted_and_not_averaged() -> None:
    cases = [
        case("a", hausdorff95_mm=4.0),
        case("b", hausdorff95_mm=None, infinite_measures="hausdorff95_mm assd_mm"),
    ]
    row = next(row for row in summary_rows(cases) if row.measure.name == "hausdorff95_mm")
    assert (row.summary.mean, row.summary.n, row.summary.not_finite) == (4.0, 1, 1)


def test_a_measure_that_no_case_has_gets_no_row() -> None:
    names = {row.measure.name for row in summary_rows([case("a", dice=0.5)])}
    assert names == {"dice"}


def test_interval_of_the_mean_draws_patients_whole() -> None:
    values = [0.7, 0.8, 0.9, 0.6]
    twice = [
        case(f"{patient}{time}", patient=str(patient), dice=value)
        for patient, value in enumerate(values)
        for time in (1, 2)
    ]
    once = [case(str(patient), dice=value) for patient, value in enumerate(values)]
    assert summary_rows(twice)[0].mean_interval == pytest.approx(
        summary_rows(once)[0].mean_interval
    )


def test_volumes_of_three_cases_are_needed_for_limits_of_agreement() -> None:
    two = [case(n, volume_ml=10.0, reference_volume_ml=9.0, dice=0.9) for n in "ab"]
    assert volume_agreement(two) is None


def test_differences_of_volumes_are_in_percent_of_the_mean() -> None:
    cases = [
        case("a", volume_ml=110.0, reference_volume_ml=90.0, dice=0.9),
        case("b", volume_ml=9.0, reference_volume_ml=11.0, dice=0.8),
        case("c", volume_ml=0.0, reference_volume_ml=5.0, dice=0.0),
    ]
    found = volume_agreement(cases)
    assert found is not None
    np.testing.assert_allclose(found.difference_percent, [20, -20, -200])
    np.testing.assert_allclose(found.mean_ml, [100, 10, 2.5])
    assert found.limits.bias == pytest.approx(-200 / 3)
    assert found.correlation.n == 3


def test_coverage_is_the_share_of_intervals_that_hold_the_real_dice() -> None:
    cases = [
        case("a", dice=0.90, predicted_dice=0.88, predicted_dice_interval=[0.80, 0.95]),
        case("b", dice=0.70, predicted_dice=0.80, predicted_dice_interval=[0.75, 0.90]),
        case("c", dice=0.60, predicted_dice=0.65, predicted_dice_interval=[0.60, 0.75]),
        case("d", dice=0.95),
    ]
    found = reliability(cases)
    assert found is not None
    assert found.case_ids == ("a", "b", "c")
    assert found.coverage == pytest.approx(2 / 3)
    assert found.rank_correlation == pytest.approx(1)


def test_predictions_without_intervals_have_no_coverage_and_too_few_no_reliability() -> None:
    cases = [
        case(n, dice=d, predicted_dice=0.5 + d / 4)
        for n, d in zip("abc", (0.1, 0.5, 0.9), strict=True)
    ]
    found = reliability(cases)
    assert found is not None
    assert found.coverage is None
    assert reliability(cases[:2]) is None


def test_a_comparison_takes_this_minus_the_other_patient_by_patient() -> None:
    cases = [
        case("a1", patient="a", dice=0.9),
        case("a2", patient="a", dice=0.7),
        case("b", dice=0.8),
        case("c", dice=0.6),
    ]
    others = {"a1": {"dice": 0.8}, "a2": {"dice": 0.5}, "b": {"dice": 0.9}}
    (row,) = comparison_rows(cases, others)
    assert row.measure is DICE
    assert row.test.n == 2  # patients a (0.15 better) and b (0.1 worse); c has no counterpart
    assert row.mean_difference == pytest.approx(0.025)
    assert row.p_holm == row.test.p_value


def test_a_comparison_leaves_out_and_counts_what_is_not_finite() -> None:
    cases = [case(n, hausdorff95_mm=v) for n, v in (("a", 3.0), ("b", 5.0))]
    others = {
        "a": {"hausdorff95_mm": 2.0},
        "b": {"hausdorff95_mm": None, "infinite_measures": "hausdorff95_mm"},
    }
    (row,) = comparison_rows(cases, others)
    assert (row.left_out, row.test.n, row.mean_difference) == (1, 1, 1.0)


def test_p_values_of_a_comparison_are_adjusted_together() -> None:
    cases = [case(str(n), dice=0.5 + n / 100, sensitivity=0.5 + n / 50) for n in range(1, 9)]
    others = {str(n): {"dice": 0.5, "sensitivity": 0.5} for n in range(1, 9)}
    rows = comparison_rows(cases, others)
    assert [row.test.p_value for row in rows] == pytest.approx([2 / 2**8] * 2)
    assert [row.p_holm for row in rows] == pytest.approx([4 / 2**8] * 2)
