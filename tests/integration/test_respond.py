"""``oncotrace respond``: tables of lesions and cohorts of masks, as a user gives them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from oncotrace.cli.app import _Commands
from oncotrace.cli.respond import respond
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError
from oncotrace.io.lesion_table import read_lesion_table
from oncotrace.io.volume_file import write_mask
from oncotrace.pipeline.respond import RespondSettings
from oncotrace.pipeline.respond import respond as run_respond

Respond = Callable[..., Result]
GOLDEN = Path(__file__).parents[1] / "golden"

HEADER = "patient_id,time_point,lesion,kind,node,organ,longest_diameter_mm,volume_ml,state"
LINES = (
    "A,2024-01-10,L1,,no,liver,40,30,",
    "A,2024-01-10,L2,,no,lung,20,4,",
    "A,2024-03-06,L1,,no,liver,24,8,",
    "A,2024-03-06,L2,,no,lung,14,2,",
    "A,2024-05-01,L1,,no,liver,35,20,",
    "A,2024-05-01,L2,,no,lung,14,2,",
    "B,0,L1,target,no,skin,8,0.3,",
    "B,60,L1,target,no,skin,8,0.3,",
    "C,0,L1,,no,lung,50,60,",
    "D,0,L1,,no,lung,50,60,",
    "D,60,L1,,no,lung,inf,,",
    "D,120,L1,,no,lung,,,",
    "E,0,L1,,no,lung,50,60,",
    "E,,L1,,no,lung,50,60,",
    "E,60,L1,,no,lung,45,57,",
    "E,60,N1,new,no,bone,,,present",
    "F,0,L1,,no,lung,,,absent",
    "F,60,L1,,no,lung,,,absent",
)


@pytest.fixture
def cli() -> Respond:
    app = typer.Typer(cls=_Commands)
    app.command("respond")(respond)
    app.command("other")(lambda: None)
    return lambda *words: CliRunner().invoke(app, ["respond", *map(str, words)])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "lesions.csv"
    path.write_text("\n".join([HEADER, *LINES]) + "\n")
    return path


def test_text_counts_and_names_all_that_is_not_as_it_should_be(cli: Respond, table: Path) -> None:
    run = cli(table)
    assert run.exit_code == 0, run.output
    said = run.stdout
    assert "5 patients" in said
    assert "Best overall response: PR 1, SD 1, PD 1, NE 2." in said
    assert "Objective response 1 of 5 (20 %, 95 % CI 4 to 62, Wilson" in said
    assert "1 without a follow-up, NE (C)." in said
    assert "Lesions were not all evaluated at 2 times (D at 60, D at 120)." in said
    assert "1 row has no time point and is left out (line 15)." in said
    assert "1 row says nothing and counts as not evaluable (line 13)." in said
    assert "1 row is infinite and counts as not evaluable (line 12)." in said
    assert "1 left out, no lesion at any time (F)." in said
    assert "1 departure from the guideline (B)" in said
    assert "By volume (5 of 5 measured)" in said


def test_folder_holds_tables_figures_text_and_how_it_was_made(
    cli: Respond, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert cli(table, "--out", out).exit_code == 0
    patients = {row["patient_id"]: row for row in rows(out / "patients.csv")}
    assert patients["A"]["best_response"] == "PR"
    assert float(patients["A"]["best_change_percent"]) == pytest.approx(-100 * 22 / 60)
    assert patients["A"]["duration_of_response_days"] == "56.0"
    assert (patients["A"]["time_to_progression_days"], patients["A"]["progressed"]) == (
        "112.0",
        "1",
    )
    assert patients["C"]["time_to_progression_days"] == ""
    responses = [row for row in rows(out / "responses.csv") if row["patient_id"] == "A"]
    assert [row["overall"] for row in responses] == ["baseline", "PR", "PD"]
    assert [row["overall_by_volume"] for row in responses] == ["", "PR", "PD"]
    assert [float(row["sum_of_diameters_mm"]) for row in responses] == [60, 38, 49]
    assert responses[2]["nadir_of_diameters_mm"] == "38.0"
    (departure,) = rows(out / "departures.csv")
    assert (departure["patient_id"], departure["section"]) == ("B", "3.1.1")
    result = json.loads((out / "result.json").read_text())
    assert result["format"] == 1
    assert result["best_response"] == {"PR": 1, "SD": 1, "PD": 1, "NE": 2}
    for name in ("waterfall", "spider", "waterfall_by_volume", "spider_by_volume"):
        assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (out / "figures" / f"{name}.svg").read_bytes()
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["journey"] == "respond"
    assert record["settings"]["rules"]["least_stable_days"] == 42.0
    assert cli(table, "--out", out).exit_code == 2


@pytest.mark.slow
def test_table_of_lesions_of_a_run_gives_the_same_responses(cli: Respond, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert cli(GOLDEN / "recist_1_1_lesions.csv", "--out", one).exit_code == 0
    assert cli(one / "lesions.csv", "--out", other).exit_code == 0
    for name in ("patients.csv", "responses.csv"):
        assert (one / name).read_text() == (other / name).read_text()


def test_worked_examples_come_out_of_the_command(cli: Respond, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cli(GOLDEN / "recist_1_1_lesions.csv", "--out", out).exit_code == 0
    found = {
        (row["patient_id"], float(row["day"])): row["overall"]
        for row in rows(out / "responses.csv")
        if row["overall"] != "baseline"
    }
    expected = {
        (row["patient_id"], float(row["day"])): row["overall"]
        for row in rows(GOLDEN / "recist_1_1_responses.csv")
    }
    assert found == expected
    assert not (out / "departures.csv").exists()


def test_confirmation_changes_the_best_response(cli: Respond, table: Path) -> None:
    run = cli(table, "--confirm", "--json")
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    best = {row["patient_id"]: row["best_response"] for row in result["by_patient"]}
    assert best["A"] == "SD"  # one PR, then progression
    assert result["criteria"]["volume"]["decrease_percent"] == 65.7


def test_decimal_commas_are_read_when_told(cli: Respond, tmp_path: Path) -> None:
    path = tmp_path / "lesions.csv"
    path.write_text(
        "case_id;time_point;lesion;longest_diameter_mm\nA;0;L1;40,5\nA;60;L1;20,25\n", "utf-8"
    )
    run = cli(path, "--sep", ";", "--decimal", ",", "--json")
    assert run.exit_code == 0, run.output
    (patient,) = json.loads(run.stdout)["by_patient"]
    assert patient["best_change_percent"] == -50.0
    assert cli(path).exit_code == 2


def test_readers_of_one_table_are_told_apart(cli: Respond, tmp_path: Path) -> None:
    path = tmp_path / "lesions.csv"
    lines = [
        f"A,{day},L1,{reader},{size}"
        for reader, sizes in (("one", (40, 20)), ("two", (40, 35)))
        for day, size in zip((0, 60), sizes, strict=True)
    ]
    path.write_text("\n".join(["patient_id,time_point,lesion,reader,longest_diameter_mm", *lines]))
    run = cli(path, "--json")
    best = {row["reader"]: row["best_response"] for row in json.loads(run.stdout)["by_patient"]}
    assert best == {"one": "PR", "two": "SD"}
    assert "Objective response" not in cli(path).stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--volume-decrease", "0"], "response-limits"),
        (["--stable-after-days", "-1"], "response-limits"),
        (["--modality", "ct"], "settings"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    cli: Respond, table: Path, words: list[str], code: str
) -> None:
    run = cli(table, *words)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr


def test_table_without_any_lesion_is_refused(cli: Respond, tmp_path: Path) -> None:
    path = tmp_path / "lesions.csv"
    path.write_text("patient_id,time_point,lesion,state\nA,0,L1,absent\n")
    run = cli(path)
    assert run.exit_code == 2
    assert "(no-lesion)" in run.stderr


GRID = Geometry((60, 50, 20), (1.0, 1.0, 2.0), (-30.0, -25.0, 100.0))


def write_balls(path: Path, *balls: tuple[float, float, float, float]) -> None:
    z, y, x = np.indices(GRID.shape_zyx)
    voxels = np.zeros(GRID.shape_zyx, dtype=bool)
    for cx, cy, cz, radius_mm in balls:
        voxels |= (x - cx) ** 2 + (y - cy) ** 2 + (2 * (z - cz)) ** 2 <= radius_mm**2
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(Mask(voxels, GRID), path)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Four patients: shrinking, with a new lesion, vanishing, and with gaps."""
    of_cases = {
        "A0": ("A", "0", ((15, 15, 10, 9), (45, 30, 10, 8))),
        "A1": ("A", "60", ((16, 15, 10, 5), (44, 31, 10, 4))),
        "B0": ("B", "0", ((15, 15, 10, 9),)),
        "B1": ("B", "60", ((15, 15, 10, 9), (45, 30, 10, 6))),
        "C0": ("C", "0", ((15, 15, 10, 9),)),
        "C1": ("C", "60", ()),
        "D0": ("D", "0", ((15, 15, 10, 9),)),
        "D1": ("D", "60", None),
        "D2": ("D", "120", ((15, 15, 10, 9), (45, 30, 10, 3))),
        "E0": ("E", "", ((15, 15, 10, 9),)),
        "F0": ("F", "0", ()),
    }
    lines = ["case_id,patient_id,time_point,image_ct,mask_ct"]
    for case_id, (patient, time_point, balls) in of_cases.items():
        mask = f"{case_id}.nii.gz" if balls is not None else ""
        if balls is not None:
            write_balls(tmp_path / mask, *balls)
        lines.append(f"{case_id},{patient},{time_point},image.nii.gz,{mask}")
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_masks_over_time_give_the_same_tables(cli: Respond, cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = cli(cohort, "--out", out)
    assert run.exit_code == 0, run.output
    best = {row["patient_id"]: row["best_response"] for row in rows(out / "patients.csv")}
    assert best == {"A": "PR", "B": "PD", "C": "CR", "D": "SD"}
    assert "1 left out, no time point (E0)." in run.stdout
    assert "1 without a mask, not evaluable (D1)." in run.stdout
    assert "1 left out, no lesion at any time (F)." in run.stdout
    responses = {(row["patient_id"], row["time_point"]): row for row in rows(out / "responses.csv")}
    assert responses["A", "60"]["overall_by_volume"] == "PR"
    assert responses["B", "60"]["new_lesions"] == "L2"
    assert responses["D", "60"]["overall"] == "NE"
    assert responses["D", "120"]["new_lesions"] == ""  # of 6 mm: equivocal


def test_lesions_of_masks_can_be_edited_and_read_again(
    cli: Respond, cohort: Path, tmp_path: Path
) -> None:
    out, again = tmp_path / "run", tmp_path / "again"
    assert cli(cohort, "--out", out).exit_code == 0
    states = {
        (row.patient_id, row.time_point, row.lesion): row.reading.state
        for row in read_lesion_table(out / "lesions.csv").rows
    }
    assert states["D", "120", "L2"] == "equivocal"
    assert states["C", "60", "L1"] == "absent"
    text = (out / "lesions.csv").read_text().replace("equivocal", "present")
    edited = tmp_path / "edited.csv"
    edited.write_text(text)
    assert cli(edited, "--out", again).exit_code == 0
    best = {row["patient_id"]: row["best_response"] for row in rows(again / "patients.csv")}
    assert best["D"] == "PD"


def test_two_cases_of_one_time_point_are_refused(cli: Respond, cohort: Path) -> None:
    cohort.write_text(cohort.read_text().replace("A1,A,60", "A1,A,0"))
    run = cli(cohort)
    assert run.exit_code == 2
    assert "(duplicate-rows)" in run.stderr
    assert "A0 and A1" in run.stderr


def test_mask_that_is_not_there_names_its_case(cli: Respond, cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "B1.nii.gz").unlink()
    run = cli(cohort)
    assert run.exit_code == 2
    assert "case B1" in run.stderr


def test_lesions_split_and_merge_over_time(cli: Respond, tmp_path: Path) -> None:
    write_balls(tmp_path / "0.nii.gz", (15, 20, 10, 8), (40, 20, 10, 7))
    write_balls(tmp_path / "1.nii.gz", (20, 20, 10, 12), (38, 20, 10, 12))
    write_balls(tmp_path / "2.nii.gz", (12, 20, 10, 5), (25, 20, 10, 6))
    lines = [f"P{i},P,{60 * i},image.nii.gz,{i}.nii.gz" for i in range(3)]
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join(["case_id,patient_id,time_point,image_ct,mask_ct", *lines]) + "\n")
    run = cli(path, "--json")
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    assert result["notes"] == ["case P1: L2 has merged into L1.", "case P2: L1 has split."]


def test_given_matrices_bring_time_points_together(tmp_path: Path) -> None:
    write_balls(tmp_path / "0.nii.gz", (12, 20, 10, 8), (40, 20, 10, 7))
    write_balls(tmp_path / "1.nii.gz", (16, 45, 10, 4), (44, 45, 10, 6))
    lines = [f"P{i},P,{60 * i},image.nii.gz,{i}.nii.gz" for i in range(2)]
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join(["case_id,patient_id,time_point,image_ct,mask_ct", *lines]) + "\n")
    back = np.eye(4)
    back[:3, 3] = (-4.0, -25.0, 0.0)
    out = tmp_path / "run"
    moves = {"P0": np.eye(4), "P1": back}
    analysis = run_respond(path, out, settings=RespondSettings(), to_first=moves)
    assert analysis.result["notes"] == []
    sizes = {(row["time_point"], row["lesion"]): row for row in rows(out / "lesions.csv")}
    assert float(sizes["60", "L1"]["longest_diameter_mm"]) == pytest.approx(9, abs=1)
    assert float(sizes["60", "L2"]["longest_diameter_mm"]) == pytest.approx(13, abs=1)
    with pytest.raises(InputError, match="case P1: there is no matrix"):
        run_respond(path, None, settings=RespondSettings(), to_first={"P0": np.eye(4)})
