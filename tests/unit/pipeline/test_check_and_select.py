"""From a folder of DICOM to checked and selected series, by journey and by command."""

import csv
from pathlib import Path

import numpy as np
import pytest
import typer
from tests.unit.io.dicom_factory import SERIES_UID, series, values, write_series
from typer.testing import CliRunner

from oncotrace.cli.check import check
from oncotrace.cli.select import select
from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.select_query import Query
from oncotrace.errors import OutputError, TableError
from oncotrace.pipeline.check import check_inventory, read_flags
from oncotrace.pipeline.inventory import make_inventory
from oncotrace.pipeline.select import read_dates, select_series

OTHER_UID = "1.2.826.0.1.3680043.10.1.2"


def command(*arguments: object) -> tuple[int, str]:
    """Exit code and output of one of the two commands."""
    app = typer.Typer()
    app.command("check")(check)
    app.command("select")(select)
    result = CliRunner().invoke(app, list(map(str, arguments)))
    return result.exit_code, result.output


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Two CTs, of which one lacks a slice."""

    def air_around(_: int, dataset) -> None:  # type: ignore[no-untyped-def]
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
        dataset.SliceThickness = "2.5"

    def second(z: int, dataset) -> None:  # type: ignore[no-untyped-def]
        air_around(z, dataset)
        dataset.SeriesInstanceUID = OTHER_UID
        dataset.SOPInstanceUID += ".7"

    stored = np.zeros_like(values())
    stored[:, 1:4, 2:5] = 1064
    write_series(tmp_path / "dicom" / "a", series(stored, change=air_around))
    gapped = series(stored, change=second)
    write_series(tmp_path / "dicom" / "b", [gapped[0], gapped[1], gapped[3]])
    table = tmp_path / "inventory.csv"
    list(make_inventory(tmp_path / "dicom", table, update=False, jobs=1))
    return table


def failed(path: Path) -> set[tuple[str, str]]:
    """Series and check of every failure in a table of checks."""
    return {(row["series_uid"], row["check"]) for row in rows(path) if row["passed"] == "no"}


def test_checks_of_headers_find_the_missing_slice_and_nothing_else(
    inventory: Path, tmp_path: Path
) -> None:
    (summary,) = check_inventory(inventory, tmp_path / "checks.csv", rules=CheckRules())
    assert failed(tmp_path / "checks.csv") == {
        (OTHER_UID, "missing-slices"),
    }
    assert summary.failed_series == 1  # type: ignore[union-attr]


def test_a_volume_that_cannot_be_read_is_said_when_voxels_are_looked_at(
    inventory: Path, tmp_path: Path
) -> None:
    out = tmp_path / "checks.csv"
    steps = list(
        check_inventory(inventory, out, rules=CheckRules(), images=inventory.parent / "dicom")
    )
    assert len(steps) == 3
    found = {(row["series_uid"], row["check"]): row for row in rows(out)}
    assert found[(SERIES_UID, "readable")]["passed"] == "yes"
    assert found[(SERIES_UID, "air-hu")]["passed"] == "yes"
    assert found[(OTHER_UID, "readable")]["passed"] == "no"
    assert found[(OTHER_UID, "readable")]["value"].startswith("missing-slice:")


def test_flags_come_back_from_their_table(inventory: Path, tmp_path: Path) -> None:
    list(check_inventory(inventory, tmp_path / "checks.csv", rules=CheckRules()))
    flags = read_flags(tmp_path / "checks.csv")
    assert {flag.check for flag in flags[OTHER_UID] if flag.passed is False} == {"missing-slices"}


def test_another_table_is_no_table_of_checks(inventory: Path) -> None:
    with pytest.raises(TableError, match="no column 'check'"):
        read_flags(inventory)


def test_a_table_is_not_written_over(inventory: Path) -> None:
    with pytest.raises(OutputError, match="not written over"):
        list(check_inventory(inventory, inventory, rules=CheckRules()))


def test_selection_takes_the_whole_series_and_lists_the_other(
    inventory: Path, tmp_path: Path
) -> None:
    query = Query(must_pass=("missing-slices",))
    select_series(inventory, tmp_path / "out", query=query)
    (taken,) = rows(tmp_path / "out" / "selected.csv")
    (left,) = rows(tmp_path / "out" / "left_out.csv")
    assert (taken["role"], taken["series_uid"], taken["folder"]) == ("ct", SERIES_UID, "a")
    assert left["reason"] == "fails missing-slices: 5.000 mm"
    assert (tmp_path / "out" / "flow.png").read_bytes().startswith(b"\x89PNG")
    assert rows(tmp_path / "out" / "flow.csv") == [
        {"step": "considered", "cases": "1"},
        {"step": "selected", "cases": "1"},
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("patient,biopsy\np1,2020-01-01\n", "no column 'patient_id'"),
        ("patient_id,biopsy\np1,1.1.2020\n", "column biopsy: a cell is no date"),
        ("patient_id,biopsy\np1,\np1,\n", "names a patient twice"),
    ],
)
def test_wrong_dates_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "dates.csv").write_text(text)
    with pytest.raises(TableError, match=complaint):
        read_dates(tmp_path / "dates.csv")


def test_the_commands_say_what_they_found(inventory: Path, tmp_path: Path) -> None:
    code, said = command("check", inventory, "--out", tmp_path / "checks.csv")
    assert code == 1
    assert "1 of 2 series fail a check." in said
    checks = ("--checks", tmp_path / "checks.csv")
    code, said = command("select", inventory, "--out", tmp_path / "out", *checks)
    assert code == 0
    assert "1 of 1 cases selected." in said


def test_dry_runs_write_nothing(inventory: Path, tmp_path: Path) -> None:
    code, said = command("check", inventory, "--out", tmp_path / "checks.csv", "--dry-run")
    assert code == 0
    assert "missing-slices" in said
    code, _ = command("select", inventory, "--out", tmp_path / "out", "--dry-run")
    assert code == 0
    assert not (tmp_path / "checks.csv").exists()
    assert not (tmp_path / "out").exists()
