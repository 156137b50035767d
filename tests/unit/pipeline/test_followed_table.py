"""Tables of outcomes: what can be used, and who is left out by name."""

from pathlib import Path

import pytest

from oncotrace.errors import InputError, TableError
from oncotrace.pipeline.followed_table import Followed, FollowedColumns, read_followed

COLUMNS = FollowedColumns(time="days", event="died", values=("volume_ml",))


def followed(folder: Path, text: str, columns: FollowedColumns = COLUMNS, **how: str) -> Followed:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_followed(path, columns, **{"separator": ",", "decimal": ".", **how})


def test_times_events_and_values_come_in_the_order_of_the_table(tmp_path: Path) -> None:
    found = followed(tmp_path, "case_id,days,died,volume_ml\nb,5,1,1.5\na,7,0,2.5\n")
    assert found.names == ("b", "a")
    assert found.survival.duration_days.tolist() == [5, 7]
    assert found.survival.event.tolist() == [True, False]
    assert found.values["volume_ml"].tolist() == [1.5, 2.5]
    assert (found.rows, dict(found.left_out)) == (2, {})


@pytest.mark.parametrize(
    "words", [("1", "0"), ("1.0", "0.0"), ("TRUE", "FALSE"), ("yes", "No"), ("Dead", "Alive")]
)
def test_events_are_read_however_they_are_written(tmp_path: Path, words: tuple[str, str]) -> None:
    yes, no = words
    found = followed(tmp_path, f"days,died,volume_ml\n5,{yes},1\n7,{no},2\n")
    assert found.survival.event.tolist() == [True, False]


def test_who_is_left_out_is_named_by_column_and_reason(tmp_path: Path) -> None:
    found = followed(
        tmp_path,
        "case_id,days,died,volume_ml\na,5,1,1\nb,,0,2\nc,6,1,inf\nd,7,,NA\ne,8,0,3\nf,,1,4\n",
    )
    assert found.names == ("a", "e")
    assert found.left_out["days"].missing == ("b", "f")
    assert found.left_out["died"].missing == ("d",)
    assert found.left_out["volume_ml"].missing == ("d",)
    assert found.left_out["volume_ml"].infinite == ("c",)
    assert found.censored_without_time == 1


def test_without_case_ids_rows_are_called_by_their_line(tmp_path: Path) -> None:
    found = followed(tmp_path, "days,died,volume_ml\n5,1,1\n6,0,\n7,0,2\n")
    assert found.left_out["volume_ml"].missing == ("line 3",)


def test_decimal_commas_are_read_when_told(tmp_path: Path) -> None:
    found = followed(
        tmp_path, "days;died;volume_ml\n5;1;1,5\n6;0;2,5\n", separator=";", decimal=","
    )
    assert found.values["volume_ml"].tolist() == [1.5, 2.5]


def test_negative_times_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"2 rows hold a negative time \(a, c\)") as refusal:
        followed(tmp_path, "case_id,days,died,volume_ml\na,-5,1,1\nb,6,0,2\nc,-1,0,2\n")
    assert refusal.value.code == "negative-time"


def test_what_is_no_event_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"1 row holds neither .* \(b: '2'\)") as refusal:
        followed(tmp_path, "case_id,days,died,volume_ml\na,5,1,1\nb,6,2,2\n")
    assert refusal.value.code == "not-an-event"


def test_a_case_in_two_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"same case_id stands more than once.*: a\.") as refusal:
        followed(tmp_path, "case_id,days,died,volume_ml\na,5,1,1\na,6,0,2\n")
    assert refusal.value.code == "duplicate-rows"


def test_equal_rows_under_two_names_are_said(tmp_path: Path) -> None:
    found = followed(tmp_path, "case_id,days,died,volume_ml\na,5,1,1.5\nb,6,0,2\nc,5,1,1.5\n")
    assert found.twins == (("a", "c"),)


def test_a_table_without_a_complete_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no row of table\.csv"):
        followed(tmp_path, "days,died,volume_ml\n5,1,\n,0,2\n")


def test_a_misspelt_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no column 'volume_ml'") as refusal:
        followed(tmp_path, "days,died,volumes_ml\n5,1,1\n")
    assert "'volumes_ml'" in (refusal.value.hint or "")


def with_covariate(*names: str) -> FollowedColumns:
    return FollowedColumns("days", "died", ("volume_ml",), covariates=names)


def test_categories_become_indicators_against_the_first(tmp_path: Path) -> None:
    found = followed(
        tmp_path,
        "days,died,volume_ml,grade\n5,1,1,low\n6,0,2,high\n7,1,3,medium\n8,1,,unknown\n9,1,4,\n",
        with_covariate("grade"),
    )
    assert {name: values.tolist() for name, values in found.covariates.items()} == {
        "grade: low against high": [1, 0, 0],
        "grade: medium against high": [0, 0, 1],
    }
    assert found.left_out["grade"].missing == ("line 6",)


def test_a_slip_in_a_column_of_numbers_does_not_make_categories_of_it(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"line 4, column 'age': 'sixty' is no number"):
        followed(
            tmp_path,
            "days,died,volume_ml,age\n5,1,1,40\n6,0,2,50\n7,1,3,sixty\n",
            with_covariate("age"),
        )
