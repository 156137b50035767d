"""The published groups, and detection by lung over cases."""

import pytest

from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.lung_strata import (
    LOCATION,
    SIZE,
    THICKNESS,
    lung_detection,
    size_group,
    stratified_rows,
    thickness_group,
)


def case(number: int, *, dice: float | None = 0.8, ml: float = 10.0, mm: float = 3.0, **more):
    result = {
        "has_tumour": dice is not None,
        "dice": dice,
        "reference_volume_ml": ml,
        "slice_spacing_mm": mm,
        "location": "mediastinum",
        "left_lung_score": 0.9 if dice is not None else 0.2,
        "right_lung_score": 0.1,
        "left_lung_ill": dice is not None,
        "right_lung_ill": False,
        **more,
    }
    return EvaluatedCase(f"c{number}", f"p{number}", result)


@pytest.mark.parametrize(
    ("mm", "group"),
    [(1.0, "0-2.5 mm"), (2.5, "0-2.5 mm"), (3.0, "2.5-5 mm"), (5.0, "2.5-5 mm"), (6.0, ">5 mm")],
)
def test_slices_are_grouped_by_their_distance(mm: float, group: str) -> None:
    assert thickness_group(case(0, mm=mm)) == group


@pytest.mark.parametrize(
    ("ml", "group"),
    [(19.9, "<20 ml"), (20.0, "20-150 ml"), (150.0, "20-150 ml"), (150.1, ">150 ml")],
)
def test_tumours_are_grouped_by_their_volume(ml: float, group: str) -> None:
    assert size_group(case(0, ml=ml)) == group


def test_every_case_with_tumour_is_once_in_every_way_to_group() -> None:
    cases = [case(0), case(1, ml=200.0, dice=0.6), case(2, mm=8.0), case(3, dice=None)]
    rows = stratified_rows(cases)
    assert set(rows) == {"", THICKNESS, SIZE, LOCATION}
    for of in rows.values():
        assert sum(row.summary.n for row in of if row.measure.name == "dice") == 3
    sizes = {row.group: row.summary.n for row in rows[SIZE] if row.measure.name == "dice"}
    assert sizes == {"<20 ml": 2, ">150 ml": 1}


def test_two_lungs_of_every_case_are_judged() -> None:
    found = lung_detection([case(0), case(1), case(2, dice=None)], 0.5)
    assert found is not None
    assert (found.n, found.positives) == (6, 2)
    assert (found.auc, found.sensitivity, found.specificity) == (1, 1, 1)
    assert lung_detection([], 0.5) is None
