"""Parameters by centre: what is summed up and drawn is what the images have."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.report.cohort_content import NO_CENTRE, PreparedCase, PreparedImage
from oncotrace.report.parameter_chart import parameter_charts, round_steps
from oncotrace.report.parameter_tables import (
    ParameterTable,
    parameter_table,
    parameters_by_centre,
    short_number,
    summary_of_texts,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def cases(**by_centre: list[dict[str, str | float]]) -> tuple[PreparedCase, ...]:
    """A case with one CT for each set of parameters."""
    return tuple(
        PreparedCase(
            f"{centre}{n}",
            f"{centre}{n}",
            centre="" if centre == "none" else centre,
            images=(PreparedImage("ct", parameters=one),),
        )
        for centre, some in by_centre.items()
        for n, one in enumerate(some)
    )


def table(**by_centre: list[dict[str, str | float]]) -> ParameterTable:
    ((sequence, found),) = parameters_by_centre(cases(**by_centre)).items()
    return parameter_table(sequence, found)


def cells(made: ParameterTable, column: str) -> dict[str, tuple[str, ...]]:
    """Lines of a column by centre, all of them among these."""
    place = made.columns.index(column)
    rows = [*made.rows, *([made.whole] if made.whole else [])]
    return {row.centre: row.cells[place].lines for row in rows}


def thick(*values: float) -> list[dict[str, str | float]]:
    return [{"slice_thickness_mm": value} for value in values]


def test_numbers_are_median_and_range_by_centre_and_of_all():
    made = table(A=thick(3.0, 1.0, 2.0, 5.0), B=thick(4.0, 4.0))
    assert cells(made, "Slice thickness (mm)") == {
        "A": ("2.5", "[1 to 5]"),
        "B": ("4",),
        "All": ("3.5", "[1 to 5]"),
    }
    assert [row.images for row in made.rows] == [4, 2]


def test_one_centre_has_no_line_for_all():
    assert table(A=thick(1.0)).whole is None


def test_a_column_that_no_image_has_is_not_there():
    assert table(A=thick(1.0)).columns == ("Slice thickness (mm)",)


def test_the_table_says_of_how_many_images_a_number_is():
    made = table(A=[{"tube_voltage_kv": 120.0}, {"kernel": "B30f"}], B=[{}])
    assert cells(made, "Tube voltage (kV)") == {
        "A": ("120", "n = 1"),
        "B": (),
        "All": ("120", "n = 1"),
    }


def test_texts_are_counted_the_commonest_first():
    some = [{"manufacturer": "Maker", "model": model} for model in ("One", "Two", "Two")]
    made = table(A=some)
    assert cells(made, "Scanners") == {"A": ("Maker Two\xa0(2)", "Maker One\xa0(1)")}


def test_rare_texts_are_counted_together():
    lines = summary_of_texts("aaabbcdefgh")
    assert lines[:2] == ("a\xa0(3)", "b\xa0(2)")
    assert lines[-1] == "3 others\xa0(3)"
    assert len(lines) == 6


def test_a_column_of_numbers_and_texts_is_counted():
    made = table(A=[{"kernel": 70.0}, {"kernel": "B30f"}])
    assert cells(made, "Kernel") == {"A": ("70\xa0(1)", "B30f\xa0(1)")}


def test_doses_are_in_megabecquerel():
    made = table(A=[{"injected_dose_bq": 350_000_000.0}])
    assert cells(made, "Injected dose (MBq)") == {"A": ("350",)}


def test_images_of_no_given_centre_come_last():
    assert [row.centre for row in table(none=thick(1.0), Z=thick(2.0)).rows] == ["Z", NO_CENTRE]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9765625, "0.977"),
        (1.5, "1.5"),
        (3, "3"),
        (120.0, "120"),
        (655.94, "655.9"),
        (-2.5, "\N{MINUS SIGN}2.5"),
        (0.0, "0"),
        (0.00001, "1e-05"),
    ],
)
def test_numbers_are_as_exact_as_headers_mean_them(value, text):
    assert short_number(value) == text


def test_only_parameters_that_differ_are_drawn():
    some = [{"tube_voltage_kv": 120.0, "slice_thickness_mm": t} for t in (1.0, 2.0)]
    found = parameters_by_centre(cases(A=some))["ct"]
    assert [chart.label for chart in parameter_charts(found)] == ["Slice thickness (mm)"]


def test_circles_stand_in_order_of_their_values_and_grow_with_the_images():
    found = parameters_by_centre(cases(A=thick(1.0, 2.0, 2.0, 2.0, 2.0), B=thick(3.0)))["ct"]
    (chart,) = parameter_charts(found)
    first, second = chart.rows
    (one, four), (alone,) = first.circles, second.circles
    assert one.x < four.x < alone.x
    assert four.radius == pytest.approx(2 * one.radius)
    assert one.radius == alone.radius
    assert first.median_x == pytest.approx(four.x, abs=2)
    assert [tick.text for tick in chart.ticks] == ["1", "1.5", "2", "2.5", "3"]


def test_many_centres_share_a_line_from_the_tenth_on():
    many = {f"C{n:02d}": thick(*range(1, 3 + n)) for n in range(30)}
    (chart,) = parameter_charts(parameters_by_centre(cases(**many))["ct"])
    assert len(chart.rows) == 10
    assert chart.rows[-1].centre == "21 other centres"


def test_a_chart_does_not_grow_with_the_images():
    few, many = ([n / count for n in range(count)] for count in (500, 5000))
    (small,) = parameter_charts({"A": thick(*few)})
    (large,) = parameter_charts({"A": thick(*many)})
    assert len(large.rows[0].circles) == len(small.rows[0].circles) < 100


@given(st.lists(NUMBERS, min_size=1))
def test_any_numbers_can_be_drawn_within_the_chart(values):
    for chart in parameter_charts({"A": thick(*values)}):
        places = [circle.x for row in chart.rows for circle in row.circles]
        assert all(100 < x < 400 for x in places)


@given(NUMBERS, NUMBERS)
def test_steps_of_an_axis_are_few_even_and_within_it(low, high):
    if not 1e-6 * max(1.0, abs(low)) < high - low < 1e12:
        return
    steps = round_steps(low, high)
    assert 1 <= len(steps) <= 5
    assert all(low - 1e-6 * (high - low) <= step <= high + 1e-6 * (high - low) for step in steps)
    gaps = [b - a for a, b in pairwise(steps)]
    assert all(math.isclose(gap, gaps[0], rel_tol=1e-4) for gap in gaps)
