"""Cohort tables as people write them, and tables of results that spreadsheets can be given."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncotrace.errors import OutputError, TableError
from oncotrace.io.cohort_table import read_cohort, write_table
from oncotrace.io.csv_cells import cell_of, number_in, text_of

HEADER = "case_id,image_ct\n"


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "cohort.csv"
    path.write_text(text, encoding=encoding, newline="")
    return path


# ---- read --------------------------------------------------------------------------------------


def test_every_column_finds_its_place(tmp_path: Path) -> None:
    text = (
        "case_id,patient_id,time_point,centre,split,image_mr-t1,image_ct,mask_ct,clicks,"
        "outcome_event,outcome_duration_days,clinical_age\r\n"
        'a-1,p1,before,Züri,train,a/t1.nii.gz,a/ct,/abs/m.nrrd,a.json,1,120.50,"61, about"\r\n'
    )
    [case] = read_cohort(table(tmp_path, text, "utf-8-sig")).cases
    assert (case.case_id, case.patient_id, case.time_point) == ("a-1", "p1", "before")
    assert (case.centre, case.split) == ("Züri", "train")
    assert case.images == {"mr-t1": tmp_path / "a/t1.nii.gz", "ct": tmp_path / "a/ct"}
    assert case.masks == {"ct": Path("/abs/m.nrrd")}
    assert case.clicks == tmp_path / "a.json"
    assert case.outcome == {"event": "1", "duration_days": "120.50"}
    assert case.clinical == {"age": "61, about"}


def test_ids_stay_text_and_the_patient_defaults_to_the_case(tmp_path: Path) -> None:
    text = "case_id,patient_id,image_ct\n001,,a\n1,007,b\n1e3,0,c\n"
    cases = read_cohort(table(tmp_path, text)).cases
    assert [case.case_id for case in cases] == ["001", "1", "1e3"]
    assert [case.patient_id for case in cases] == ["001", "007", "0"]


def test_empty_cells_are_absent_and_empty_rows_skipped(tmp_path: Path) -> None:
    text = "case_id,image_ct,mask_ct,clicks,outcome_event\n\na,i.nrrd,,, \n,,,,\n"
    [case] = read_cohort(table(tmp_path, text)).cases
    assert case.masks == {}
    assert case.clicks is None
    assert case.outcome == {}


def test_case_with_a_mask_alone_can_be_measured(tmp_path: Path) -> None:
    [case] = read_cohort(table(tmp_path, "case_id,mask_ct\na,m.nrrd\n")).cases
    assert case.images == {}


def test_missing_images_are_not_the_tables_business(tmp_path: Path) -> None:
    assert len(read_cohort(table(tmp_path, HEADER + "a,not/there.nii.gz\n")).cases) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (HEADER, "a header and no case below it"),
        ("case_id;image_ct\na;b\n", "semicolons or tabs, a cohort table by commas.*with commas"),
        ("case_id\timage_ct\na\tb\n", "semicolons or tabs"),
        ("image_ct\nb\n", "no column 'case_id'"),
        ("case_id,image_ct,image_ct\na,b,c\n", "two columns 'image_ct'"),
        ("case_id,image_ct,\na,b,\n", "column 3 has no name"),
        ("case_id,image_t1\na,b\n", "column 'image_t1' that is not known.*mean 'image_mr-t1'"),
        ("case_id,Image_CT\na,b\n", "column 'Image_CT' that is not known.*mean 'image_ct'"),
        ("case_id,image_ct,center\na,b,c\n", "column 'center' .*Did you mean 'centre'"),
        (
            "case_id,image_ct,weight\na,b,c\n",
            "'weight' that is not known.*Known are case_id",
        ),
        ("case_id,image_ct,outcome_\na,b,c\n", "column 'outcome_' that is not known"),
        (HEADER + "a,b,c\n", "line 2: 3 cells under 2 columns"),
        (HEADER + "a,b\n\nc\n", "line 4: 1 cells under 2 columns"),
        (HEADER + 'a,"b\n', "line 2: the row cannot be read"),
        (HEADER + 'a,"b"c\n', "line 2: the row cannot be read"),
        (HEADER + "a,b\n,c\n", "line 3: the case_id is empty"),
        (HEADER + "a,\n", "line 2: the case has neither image nor mask"),
        (HEADER + "a,b\nb,c\na,d\n", "line 4: line 2 has the same case_id 'a'"),
        (HEADER + "Ab,b\naB,c\n", "line 3: line 2 has the same case_id 'aB'"),
        (HEADER + "a,b\0c\n", "line 2: this is not UTF-8 text"),
        (HEADER + f"a,{'x' * 200_000}\n", "line 2: the row cannot be read"),
    ],
)
def test_malformed_table_is_refused_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TableError, match=f"(?s)cohort.csv.*{reason}"):
        read_cohort(table(tmp_path, text))


@pytest.mark.parametrize(
    "case_id", ["../a", "a/b", ".a", "a.", "..", "a b", "Müller", "a\\b", "a:b", "x" * 101, "a\nb"]
)
def test_id_that_is_no_safe_folder_is_refused_without_repeating_it(
    tmp_path: Path, case_id: str
) -> None:
    with pytest.raises(TableError, match=r"^cohort\.csv, line 2: the case_id cannot name a") as got:
        read_cohort(table(tmp_path, f'{HEADER}"{case_id}",b\n'))
    assert case_id not in got.value.message


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_refused_with_a_way_out(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(TableError, match=r'not UTF-8 text\. Save .* "CSV UTF-8"'):
        read_cohort(table(tmp_path, f"{HEADER}a,größe\n", encoding))


def test_missing_table_is_refused_by_name_alone(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"^there is no file cohort\.csv\.$"):
        read_cohort(tmp_path / "cohort.csv")


def test_lines_are_counted_in_the_file_not_in_rows(tmp_path: Path) -> None:
    text = 'case_id,image_ct,clinical_note\na,b,"two\nlines"\nc,,\n'
    with pytest.raises(TableError, match="line 4: the case has neither"):
        read_cohort(table(tmp_path, text))


# ---- written -----------------------------------------------------------------------------------


def test_columns_are_the_union_in_the_order_first_seen(tmp_path: Path) -> None:
    rows = [{"case_id": "a", "volume_ml": 1.5}, {"case_id": "b", "note": "x,y", "volume_ml": None}]
    write_table(rows, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == 'case_id,volume_ml,note\na,1.5,\nb,,"x,y"\n'


def test_named_columns_are_there_without_rows(tmp_path: Path) -> None:
    write_table([], tmp_path / "failures.csv", columns=("case_id", "code"))
    assert (tmp_path / "failures.csv").read_text() == "case_id,code\n"
    write_table([], tmp_path / "nothing.csv")
    assert (tmp_path / "nothing.csv").read_text() == ""


def test_table_is_replaced_only_on_request(tmp_path: Path) -> None:
    write_table([{"a": 1}], tmp_path / "table.csv")
    with pytest.raises(OutputError, match=r"table\.csv exists already"):
        write_table([{"a": 2}], tmp_path / "table.csv")
    write_table([{"a": 2}], tmp_path / "table.csv", replace=True)
    assert (tmp_path / "table.csv").read_text() == "a\n2\n"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (np.float64("nan"), ""),
        (-3.2, "-3.2"),
        (0.1 + 0.2, "0.30000000000000004"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.5), "0.5"),
        (np.int64(-7), "-7"),
        (7, "7"),
        (True, "True"),
        (np.True_, "True"),
        ("-3.2", "-3.2"),
        ("+1e5", "+1e5"),
        ("001", "001"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("'=1", "''=1"),
    ],
)
def test_cells_hold_numbers_as_numbers_and_no_formulas(value: object, cell: str) -> None:
    assert cell_of(value) == cell


def test_cell_of_anything_else_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="a cell holds text or a number, not list"):
        cell_of([1, 2])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_exactly(number: float) -> None:
    assert number_in(cell_of(number)) == number


@given(st.text(alphabet="'=+-@ab1\t＝"))
def test_escaping_is_undone_without_loss_and_leaves_no_formula(text: str) -> None:
    cell = cell_of(text)
    assert text_of(cell) == text
    assert cell[:1] not in tuple("=+-@\t＝") or number_in(cell) is not None


def test_written_cohort_reads_back_the_same(tmp_path: Path) -> None:
    row = {
        "case_id": "a",
        "image_ct": "-1/@x.nrrd",
        "clinical_note": '=HYPERLINK("x"), "quoted"\nline',
        "outcome_value": -0.1,
    }
    write_table([row], tmp_path / "cohort.csv")
    [case] = read_cohort(tmp_path / "cohort.csv").cases
    assert case.images["ct"] == tmp_path / "-1/@x.nrrd"
    assert case.clinical["note"] == row["clinical_note"]
    assert case.outcome["value"] == "-0.1"
    with (tmp_path / "cohort.csv").open(newline="") as stream:
        [_, cells] = list(csv.reader(stream))
    assert cells[1].startswith("'-")
