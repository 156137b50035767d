"""The report of a cohort folder: whatever is missing or damaged, the page appears and says so."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.report.html_reading import Page

from oncotrace.errors import OutputError, TableError
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.cohort_report import cohort_content, write_cohort_report

JPEG = b"\xff\xd8\xff\xe0 a small picture"
CASES = ("P1", "P2", "P3")


def image_entry(**changes: object) -> dict[str, object]:
    return {
        "file": "image_mr-t1.nii.gz",
        "picture": "picture_mr-t1.jpg",
        "mask": "mask_mr-t1.nii.gz",
        "structure": "GTV_Mass",
        "volume_ml": 123.45,
        "structures": [{"name": "GTV_Edema", "file": "x.nii.gz", "volume_ml": 300.0}],
        "geometry": {"size_xyz": [256, 256, 40], "spacing_mm": [0.5, 0.5, 4.0]},
        "parameters": {
            "manufacturer": "Maker",
            "model": "One",
            "repetition_time_ms": 500,
            "b_values_s_per_mm2": [0, 800],
        },
    } | changes


def write_case(folder: Path, *, picture: bytes | None = JPEG, **entry: object) -> None:
    folder.mkdir(parents=True)
    result: dict[str, Any] = {"format": 1, "images": {"mr-t1": image_entry(**entry)}}
    result["warnings"] = ["the injection lies on the day before"]
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    if picture is not None:
        (folder / "picture_mr-t1.jpg").write_bytes(picture)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """A prepared cohort of three cases, as `prepare` leaves it."""
    folder = tmp_path / "sarcomas"
    for case in CASES:
        write_case(folder / "cases" / case)
    rows = [
        {
            "case_id": case,
            "patient_id": f"{case}-patient",
            "time_point": "1",
            "centre": "A" if case == "P1" else "B",
            "image_mr-t1": f"cases/{case}/image_mr-t1.nii.gz",
            "mask_mr-t1": f"cases/{case}/mask_mr-t1.nii.gz",
        }
        for case in CASES
    ]
    write_table(rows, folder / "cohort.csv")
    write_table(
        [{"case_id": "P4", "stage": "convert", "code": "truncated", "message": "cut off."}],
        folder / "failures.csv",
    )
    outcomes = [
        ("slice-count", "yes", "40 slices", ">= 3 slices"),
        ("missing-slices", "no", "9 mm", "<= 4.4 mm"),
        ("pet-corrections", "unknown", "", ""),
    ]
    names = ("check", "passed", "value", "rule")
    checks = [
        {"case_id": case, "image": "mr-t1"} | dict(zip(names, outcome, strict=True))
        for case in CASES
        for outcome in outcomes
    ]
    write_table(checks, folder / "checks.csv")
    left_out = {"case_id": "P2", "image": "ct", "reason": "fails slice-count: 1 slice"}
    write_table([left_out], folder / "left_out.csv")
    flow = [("considered", 6), ("no mr-t1", -2), ("selected", 4)]
    write_table([{"step": step, "cases": n} for step, n in flow], folder / "flow.csv")
    record = {"format": 1, "version": "9.8.7", "start": "2026-11-19T23:00:00+00:00", "end": None}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def report(folder: Path) -> Page:
    return Page(write_cohort_report(folder).read_text(encoding="utf-8"))


def test_the_report_says_what_the_folder_holds(cohort):
    path = write_cohort_report(cohort)
    assert path == cohort / "report.html"
    read = Page(path.read_text(encoding="utf-8"))
    assert "Prepared by oncotrace 9.8.7 on 2026-11-19" in read.text
    assert [row[0] for row in read.table("Every case").rows[1:]] == list(CASES)
    assert read.table("Every case").rows[1][1:4] == ["P1-patient", "1", "A"]
    assert read.table("Images by check").rows[1] == ["missing-slices", "0", "✗ 3", "0", "3"]
    assert read.table("Series of the cohort's").rows[1] == [
        "P2",
        "CT",
        "fails slice-count: 1 slice",
    ]
    assert read.table("Cases that are not").rows[1][0] == "P4"
    assert read.table("Cases by step").rows[-1] == ["selected", "4"]
    parameters = read.table("Parameters of 3 images")
    assert [row[:2] for row in parameters.rows[1:]] == [["A", "1"], ["B", "2"], ["All", "3"]]
    assert len([tag for tag, _ in read.elements if tag == "img"]) == 3


def test_the_grid_says_spacing_and_slices(cohort):
    (one,) = cohort_content(cohort).cases[0].images
    assert one.parameters["spacing_x_mm"] == 0.5
    assert one.parameters["slices"] == 40.0
    assert one.parameters["b_values_s_per_mm2"] == "0, 800"


def test_an_earlier_report_is_replaced_and_the_same_cohort_gives_the_same(cohort):
    first = write_cohort_report(cohort).read_bytes()
    assert write_cohort_report(cohort).read_bytes() == first
    shutil.rmtree(cohort / "cases" / "P3")
    assert write_cohort_report(cohort).read_bytes() != first
    assert [file.name for file in cohort.iterdir() if file.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["flow.csv", "failures.csv", "run.json"])
def test_parts_that_are_not_there_are_done_without(cohort, name):
    (cohort / name).unlink()
    read = report(cohort)
    assert len(read.table("Every case").rows) == 4
    assert "Not shown" not in read.text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("flow.csv", "step\nconsidered\n", "flow.csv has no column 'cases'"),
        ("flow.csv", "step,cases\nconsidered,many\n", "flow.csv: a count of cases"),
        ("failures.csv", "case_id,stage,code,message\nP4,a\0b,c,d\n", "failures.csv, line 2"),
        ("run.json", "{", "run.json is damaged"),
    ],
)
def test_parts_that_cannot_be_read_are_named_on_the_page(cohort, name, content, said):
    (cohort / name).write_text(content, encoding="utf-8")
    read = report(cohort)
    assert said in read.text
    assert len(read.table("Every case").rows) == 4


def test_a_case_without_its_result_is_named_and_warned_of(cohort):
    (cohort / "cases" / "P2" / "result.json").write_text("{", encoding="utf-8")
    read = report(cohort)
    assert read.table("Every case").rows[2][:6] == [
        "P2", "P2-patient", "1", "B", "MR T1", "not measured ",
    ]  # fmt: skip
    assert "result.json cannot be read" in dict(read.table("Cases with warnings").rows)["P2"]


def test_a_case_that_is_not_in_the_table_is_not_shown(cohort):
    write_case(cohort / "cases" / "left-over")
    assert "left-over" not in report(cohort).text


@pytest.mark.parametrize("table", [None, "case_id,image_ct\n", ""])
def test_a_cohort_without_a_finished_case_has_a_report(cohort, table):
    (cohort / "cohort.csv").unlink()
    if table is not None:
        (cohort / "cohort.csv").write_text(table, encoding="utf-8")
    read = report(cohort)
    assert "No case is finished" in read.text
    assert read.table("Series of the cohort's").rows[1] == [
        "P2",
        "CT",
        "fails slice-count: 1 slice",
    ]
    assert read.table("Cases that are not").rows[1][0] == "P4"


def test_a_folder_that_is_no_cohort_gets_no_report(tmp_path):
    with pytest.raises(TableError, match=r"there is no file cohort\.csv"):
        write_cohort_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_cohort_table_is_refused(cohort):
    (cohort / "cohort.csv").write_text("case_id,imag_ct\nP1,x\n", encoding="utf-8")
    with pytest.raises(TableError, match="not known"):
        write_cohort_report(cohort)


def test_a_report_that_cannot_be_written_says_so(cohort):
    (cohort / "report.html").mkdir()
    with pytest.raises(OutputError, match=r"report\.html cannot be written"):
        write_cohort_report(cohort)


def test_the_place_of_the_folder_is_not_told(cohort, tmp_path):
    first = write_cohort_report(cohort).read_bytes()
    assert cohort.name.encode() not in first
    moved = cohort.rename(tmp_path / "elsewhere")
    assert write_cohort_report(moved).read_bytes() == first


def test_nothing_of_the_source_is_needed_or_read(cohort):
    without = write_cohort_report(cohort).read_bytes()
    (cohort / "source").mkdir()
    (cohort / "source" / "inventory.csv").write_text("patient_name\nDoe^Jane\n")
    assert write_cohort_report(cohort).read_bytes() == without


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg",
        "/etc/hostname",
        "..",
        ".",
        "a/b.jpg",
        "",
        "nul\0.jpg",
        "\ud800.jpg",
        "no.jpg",
    ],
)
def test_a_picture_is_taken_from_the_folder_of_its_case_alone(cohort, name):
    (cohort / "cases" / "secret.jpg").write_bytes(JPEG)
    result = cohort / "cases" / "P1" / "result.json"
    written = json.loads(result.read_text())
    written["images"]["mr-t1"]["picture"] = name
    result.write_text(json.dumps(written))
    assert cohort_content(cohort).cases[0].images[0].picture is None


def test_a_link_to_a_picture_elsewhere_is_not_followed(cohort, tmp_path):
    (tmp_path / "elsewhere.jpg").write_bytes(JPEG)
    (cohort / "cases" / "P1" / "picture_mr-t1.jpg").unlink()
    (cohort / "cases" / "P1" / "picture_mr-t1.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    assert cohort_content(cohort).cases[0].images[0].picture is None


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg onload=alert(1)>", JPEG * 100_000])
def test_what_is_no_small_jpeg_is_not_shown(cohort, content):
    (cohort / "cases" / "P1" / "picture_mr-t1.jpg").write_bytes(content)
    read = report(cohort)
    assert "1 image has none" in read.text
    assert len([tag for tag, _ in read.elements if tag == "img"]) == 2


def test_numbers_that_are_none_are_not_known(cohort):
    write = {"volume_ml": float("nan"), "parameters": {"repetition_time_ms": 10**400}}
    shutil.rmtree(cohort / "cases" / "P1")
    write_case(cohort / "cases" / "P1", **write)
    (one,) = cohort_content(cohort).cases[0].images
    assert one.mask is not None
    assert one.mask.volume_ml is None
    assert "repetition_time_ms" not in one.parameters


TEXT = st.text(st.characters())  # halves of characters among them, which JSON can hold
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.dictionaries(st.sampled_from(sorted(image_entry())), JSON)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(images=JSON | st.dictionaries(TEXT, JSON | ENTRY, max_size=3), warnings=JSON)
def test_the_page_appears_whatever_a_result_holds(cohort, images, warnings):
    result = {"format": 1, "images": images, "warnings": warnings}
    (cohort / "cases" / "P1" / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert report(cohort).table("Every case").rows[1][0] == "P1"
