"""The inventory as a file: what is written comes back."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncotrace.curate.inventory_table import read_inventory, series_of, write_inventory
from oncotrace.curate.series import COLUMNS, TYPES, Series
from oncotrace.errors import MissingDependencyError, OutputError, SettingsError, TableError

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=";"))
VALUES = {
    "str": WORDS,
    "int": st.integers(0, 10**9),
    "int | None": st.none() | st.integers(-(10**9), 10**9),
    "float | None": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "tuple[str, ...]": st.lists(WORDS.filter(bool)).map(tuple),
    "tuple[float, ...]": st.lists(st.floats(-1e6, 1e6)).map(tuple),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: VALUES[kind] for name, kind in TYPES.items()}), max_size=1
)


@settings(deadline=None, max_examples=20)
@given(ROWS)
def test_what_is_written_as_csv_comes_back(tmp_path_factory, rows) -> None:
    path = tmp_path_factory.mktemp("table") / "table.csv"
    series = [Series(**row) for row in rows]
    write_inventory(series, path)
    assert read_inventory(path) == series


def test_what_is_written_as_parquet_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    series = [Series(patient_id="P1", structures=("GTV; edge", "Ödem"), rows=4, echo_time_ms=1.5)]
    write_inventory(series, tmp_path / "table.parquet")
    assert read_inventory(tmp_path / "table.parquet") == series


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="pyarrow") as refusal:
        write_inventory([], tmp_path / "table.parquet")
    assert "oncotrace[tables]" in str(refusal.value)


def test_line_breaks_and_formulas_do_not_leave_their_cell(tmp_path) -> None:
    path = tmp_path / "table.csv"
    write_inventory([Series(series_description="=1+1\nnext\0line", modality="MR")], path)
    assert len(path.read_text().splitlines()) == 2
    assert read_inventory(path)[0].series_description == "=1+1 next line"


def test_nothing_is_written_over(tmp_path) -> None:
    write_inventory([], tmp_path / "table.csv")
    with pytest.raises(OutputError, match="exists already"):
        write_inventory([], tmp_path / "table.csv")


@pytest.mark.parametrize("name", ["table.xlsx", "table"])
def test_other_formats_are_refused(tmp_path, name) -> None:
    with pytest.raises(SettingsError, match="does not end in"):
        write_inventory([], tmp_path / name)


def test_another_table_is_refused(tmp_path) -> None:
    (tmp_path / "cohort.csv").write_text("case_id\n1\n")
    with pytest.raises(TableError, match="no inventory"):
        read_inventory(tmp_path / "cohort.csv")


def test_a_word_for_a_number_is_refused_with_its_line(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("series_uid,modality,sequence,rows\n1.2,MR,mr-t1,many\n")
    with pytest.raises(TableError, match=r"line 2.*'rows' is not a number"):
        read_inventory(tmp_path / "t.csv")


def test_columns_of_a_later_version_are_left_out() -> None:
    assert series_of({"modality": "MR", "new_column": 1}) == Series(modality="MR")
    assert len(COLUMNS) == len(set(COLUMNS))
