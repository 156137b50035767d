"""Tables that somebody else made: columns as asked for, and nothing dropped in silence."""

import math
from pathlib import Path

import pytest

from oncotrace.errors import OncotraceError, SettingsError, TableError
from oncotrace.io.value_table import ValueTable, read_value_table


def table(folder: Path, text: str, *required: str, **options: str) -> ValueTable:
    path = folder / "readings.csv"
    path.write_text(text, encoding="utf-8")
    return read_value_table(path, required=required, **options)


def test_columns_are_texts_numbers_and_labels(tmp_path: Path) -> None:
    found = table(tmp_path, "case,group,volume\n A ,x,1.5\n\nB,y,2e1\n", "case", "volume")
    assert found.texts("case") == ["A", "B"]
    assert found.numbers("volume").tolist() == [1.5, 20.0]
    assert found.labels("group") == ["x", "y"]
    assert found.lines == (2, 4)
    assert found.names() == ["line 2", "line 4"]
    assert found.names("case") == ["A", "B"]


def test_semicolons_and_decimal_commas_are_read_when_told(tmp_path: Path) -> None:
    found = table(tmp_path, "case;ml\nA;1,5\nB;-2\n", "ml", separator=";", decimal=",")
    assert found.numbers("ml").tolist() == [1.5, -2.0]
    tabbed = table(tmp_path, "case\tml\nA\t1.5\n", "ml", separator="tab")
    assert tabbed.numbers("ml").tolist() == [1.5]


@pytest.mark.parametrize("text", ["", "NA", "n/a", "NaN", "null", "Missing", "."])
def test_missing_values_are_not_a_number(tmp_path: Path, text: str) -> None:
    found = table(tmp_path, f"case,ml\nA,{text}\n", "ml")
    assert math.isnan(found.numbers("ml")[0])
    assert found.labels("ml") == [""]


@pytest.mark.parametrize(("text", "value"), [("inf", math.inf), ("-Infinity", -math.inf)])
def test_infinite_values_are_read_as_such(tmp_path: Path, text: str, value: float) -> None:
    assert table(tmp_path, f"case,mm\nA,{text}\n", "mm").numbers("mm").tolist() == [value]


def test_labels_read_as_floats_are_the_same_as_whole_numbers(tmp_path: Path) -> None:
    assert table(tmp_path, "g\n0.0\n1\n0\n1.0\nNA\n", "g").labels("g") == ["0", "1", "0", "1", ""]
    assert table(tmp_path, "g\n0.0\n1\nx\n", "g").labels("g") == ["0.0", "1", "x"]
    comma = table(tmp_path, "g;v\n0,0;1\n0,5;2\n", "g", separator=";", decimal=",")
    assert comma.labels("g") == ["0", "0.5"]


@pytest.mark.parametrize(
    ("text", "options", "hint"),
    [
        ("case;ml\nA;1,5\n", {"separator": ";"}, "--decimal ','"),
        ("case;ml\nA;1.5\n", {"separator": ";", "decimal": ","}, "--decimal '.'"),
        ("case,ml\nA,about 3\n", {}, "leave it empty"),
    ],
)
def test_text_that_is_no_number_is_named(tmp_path, text, options, hint) -> None:
    with pytest.raises(TableError, match=r"line 2, column 'ml': .* is no number") as refusal:
        table(tmp_path, text, "ml", **options).numbers("ml")
    assert hint in (refusal.value.hint or "")
    assert refusal.value.code == "not-a-number"


def test_an_unknown_column_is_answered_with_the_nearest_and_all_others(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no column 'volume'") as refusal:
        table(tmp_path, "case,Volumes,age\nA,1,2\n", "volume")
    assert refusal.value.code == "missing-column"
    assert refusal.value.hint == ("Did you mean 'Volumes'? It has the columns case, Volumes, age.")


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("", {}, "empty-table"),
        ("ml,case\n", {}, "empty-table"),
        ("ml,ml\n1,2\n", {}, "duplicate-column"),
        ("ml;case\n1,5;A\n", {}, "other-separator"),
        ("ml\tcase\n1\tA\n", {}, "other-separator"),
        ("ml,case\n1,A\n", {"separator": ";"}, "other-separator"),
        ("ml,case\n1\n", {}, "ragged-row"),
        ('ml,case\n1,"A\n', {}, "malformed-row"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, options, code) -> None:
    with pytest.raises(TableError) as refusal:
        table(tmp_path, text, "ml", **options)
    assert refusal.value.code == code


def test_columns_without_name_or_twice_do_not_matter_unless_asked_for(tmp_path: Path) -> None:
    found = table(tmp_path, "ml,,grade,grade\n1,x,2,3\n", "ml")
    assert found.rows == ({"ml": "1"},)
    assert found.ambiguous == ("grade",)
    with pytest.raises(TableError, match="two columns 'grade'"):
        table(tmp_path, "ml,,grade,grade\n1,x,2,3\n", "grade")


@pytest.mark.parametrize(
    "options",
    [{"separator": ";;"}, {"separator": "a"}, {"decimal": "'"}, {"decimal": ","}],
    ids=["two characters", "a letter", "no decimal sign", "both the same"],
)
def test_signs_that_cannot_be_are_refused(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"decimal sign|separate"):
        table(tmp_path, "ml,case\n1,A\n", "ml", **options)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OncotraceError, match="no file"):
        read_value_table(tmp_path / "none.csv", required=())
