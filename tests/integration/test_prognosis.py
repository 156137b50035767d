"""``oncotrace prognosis`` as it is called."""

import csv
import json
from pathlib import Path

import pytest
from tests.integration.conftest import Cli

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
LUNG = GOLDEN / "survival_lung.csv"
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
ASKED = ("--time", "time", "--event", "event")


def test_json_is_one_object_of_format_1(cli: Cli) -> None:
    run = cli("prognosis", LUNG, *ASKED, "--value", "sex", "--cut", "1.5", "--json")
    assert run.exit_code == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["format"], found["n"], found["events"]) == (1, 228, 165)
    assert found["values"]["sex"]["log_rank"]["p_value"] == pytest.approx(0.0013, abs=5e-5)


def test_without_a_folder_only_the_text_is_printed(cli: Cli) -> None:
    run = cli("prognosis", LUNG, *ASKED, "--value", "age", "--horizon", "730")
    assert run.exit_code == 0, run.stderr
    assert "228 of 228 rows are used, with 159 events" in run.stdout
    assert "Observation ends at 730" in run.stdout
    assert "Look at" not in run.stdout


def test_a_table_of_another_country_is_read_when_told(cli: Cli, tmp_path: Path) -> None:
    text = LUNG.read_text(encoding="utf-8").replace(",", ";")
    table = tmp_path / "lung.csv"
    table.write_text(text.replace(";74;", ";74,5;"), encoding="utf-8")
    run = cli("prognosis", table, *ASKED, "--value", "age")
    assert run.exit_code == 2
    assert "--sep ';'" in run.stderr
    run = cli("prognosis", table, *ASKED, "--value", "age", "--sep", ";", "--decimal", ",")
    assert run.exit_code == 0, run.stderr


def test_results_lie_in_a_new_folder(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("prognosis", LUNG, *ASKED, "--value", "age", "--value", "ph_ecog",
                 "--covariate", "sex", "--out", out)  # fmt: skip
    run = cli(*arguments)
    assert run.exit_code == 0, run.stderr
    assert str(out / "figures" / "survival_2_ph_ecog.png") in run.stdout
    assert (out / "figures" / "forest.svg").read_text().startswith("<?xml")
    again = cli(*arguments)
    assert again.exit_code == 2
    assert "(output-exists)" in again.stderr


def test_sarcoma_volumes_tell_progression_by_hand_and_by_six_clicks(
    cli: Cli, shared_data: Path, tmp_path: Path
) -> None:
    clinical = _rows(shared_data / "tables" / "sts" / "sts_clinical.csv")
    outlines = {
        row["patient"]: row
        for row in _rows(BENCHMARKS / "out_of_fold" / "per_case.csv")
        if (row["method"], row["modality"], row["clicks"], row["seed"])
        == ("six-click", "mr-t1", "exact", "0")
    }
    table = tmp_path / "sts.csv"
    lines = ["case_id,days,event,manual_ml,automatic_ml"]
    for row in clinical:
        found = outlines[row["patient_id"]]
        cells = (row["patient_id"], row["days_pfs"], row["event_pfs"])
        lines.append(",".join((*cells, found["reference_volume_ml"], found["volume_ml"])))
    table.write_text("\n".join(lines), encoding="utf-8")
    run = cli("prognosis", table, "--time", "days", "--event", "event",
              "--value", "manual_ml", "--value", "automatic_ml", "--json")  # fmt: skip
    assert run.exit_code == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["n"], found["events"]) == (40, 20)
    for value in ("manual_ml", "automatic_ml"):
        assert found["values"][value]["c_index"]["c_index"] == pytest.approx(0.65, abs=0.02)
        assert found["values"][value]["log_rank"]["p_value"] < 0.05
    (difference,) = found["c_index_differences"]
    assert difference["low"] < 0 < difference["high"]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
