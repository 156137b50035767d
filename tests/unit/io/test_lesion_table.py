from pathlib import Path

import pytest

from oncotrace.errors import TableError
from oncotrace.io.lesion_table import LesionTable, read_lesion_table

HEADER = "patient_id,time_point,lesion,kind,node,longest_diameter_mm,short_axis_mm,state\n"


def read(tmp_path: Path, text: str, **options: str) -> LesionTable:
    path = tmp_path / "lesions.csv"
    path.write_text(text, encoding="utf-8")
    return read_lesion_table(path, **options)


def test_sizes_states_and_kinds_are_read(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        HEADER
        + "001,2024-01-10,L1,Target,no,31.5,12,\n"
        + "001,2024-03-06,L1,target,,,,Too small to measure\n"
        + "001,2024-03-06,N1,non target,yes,,12,\n"
        + "001,2024-03-06,A1,NON-TARGET,0,,,unequivocal progression\n"
        + "001,2024-03-06,B1,,,,,NE\n"
        + "001,2024-03-06,C1,,,0,,\n",
    )
    one, small, node, grown, unknown, nought = table.rows
    assert (one.patient_id, one.kind, one.is_node) == ("001", "target", False)
    assert (one.reading.state, one.reading.longest_diameter_mm) == ("present", 31.5)
    assert small.time - one.time == 56
    assert small.reading.state == "too-small"
    assert (node.kind, node.is_node, node.reading.short_axis_mm) == ("non-target", True, 12.0)
    assert grown.reading.state == "progressed"
    assert unknown.reading.state == "not-evaluable"
    assert nought.reading.state == "absent"
    assert table.sentences() == ()


def test_semicolons_and_decimal_commas_are_read_when_told(tmp_path: Path) -> None:
    text = "case_id;time_point;lesion;longest_diameter_mm\nA;0;L1;12,5\nA;56,5;L1;10,25\n"
    rows = read(tmp_path, text, separator=";", decimal=",").rows
    assert [row.reading.longest_diameter_mm for row in rows] == [12.5, 10.25]
    assert [row.time for row in rows] == [0, 56.5]


def test_what_is_missing_or_infinite_is_named(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        HEADER
        + "A,0,L1,,,20,,\n"
        + "A,,L1,,,20,,\n"
        + "A,56,L1,,,,,\n"
        + "A,112,L1,,,inf,,\n"
        + "A,168,L1,,,NA,,\n",
    )
    assert len(table.rows) == 4
    assert [row.reading.state for row in table.rows[1:]] == ["not-evaluable"] * 3
    assert table.sentences() == (
        "1 row has no time point and is left out (line 3).",
        "2 rows say nothing and count as not evaluable (line 4, line 6).",
        "1 row is infinite and counts as not evaluable (line 5).",
    )


@pytest.mark.parametrize(
    ("line", "match", "code"),
    [
        ("A,0,L1,targett,,20,,", "line 2: kind is 'targett', which is unknown", "unknown-word"),
        ("A,0,L1,,,20,,gone", "line 2: state is 'gone', which is unknown", "unknown-word"),
        ("A,0,L1,,perhaps,20,,", "line 2: node is 'perhaps'", "unknown-word"),
        ("A,0,L1,,,-3,,", "line 2: longest_diameter_mm is -3", "not-a-number"),
        ("A,0,L1,,,big,,", "line 2, column 'longest_diameter_mm': 'big'", "not-a-number"),
        ("A,0,L1,,,20,,absent", "line 2: the lesion is absent and has a size", "contradictory-"),
        ("A,week 8,L1,,,20,,", "line 2: time_point 'week 8' is neither a date", "time-point"),
        ("A,0,,,,20,,", "line 2: lesion is empty", "empty-cell"),
        (",0,L1,,,20,,", "line 2: patient_id is empty", "empty-cell"),
        ("A,,L1,,,20,,", "has no row with a time point", "empty-table"),
    ],
)
def test_cells_that_cannot_be_are_refused(tmp_path: Path, line: str, match: str, code: str) -> None:
    with pytest.raises(TableError, match=match) as caught:
        read(tmp_path, HEADER + line + "\n")
    assert caught.value.code.startswith(code)


def test_dates_and_days_of_one_patient_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 3: time_point '56' of a patient who has both"):
        read(tmp_path, HEADER + "A,2024-01-10,L1,,,20,,\nA,56,L1,,,20,,\n")


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ("time_point,lesion,state\nA,0,absent\n", "no column 'patient_id'"),
        ("patient_id,time_point,size\nA,0,3\n", "no column 'lesion'"),
        ("patient_id,time_point,lesion\nA,0,L1\n", "no column with a size and no column 'state'"),
    ],
)
def test_columns_that_must_be_there_are_named(tmp_path: Path, header: str, match: str) -> None:
    with pytest.raises(TableError, match=match) as caught:
        read(tmp_path, header)
    assert caught.value.code == "missing-column"
