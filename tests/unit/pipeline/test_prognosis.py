"""A prognosis from table to text: what is found, and what is said about it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from oncotrace.errors import InputError, OutputError, SettingsError
from oncotrace.pipeline.analysis_folder import Analysis, as_result
from oncotrace.pipeline.followed_table import FollowedColumns
from oncotrace.pipeline.prognosis import PrognosisSettings, prognosis, write_prognosis

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
LUNG = GOLDEN / "survival_lung.csv"


def settings(*values: str, covariates: tuple[str, ...] = (), **how: object) -> PrognosisSettings:
    columns = FollowedColumns("time", "event", values, covariates)
    return PrognosisSettings(columns, **how)  # type: ignore[arg-type]


def table(folder: Path, rows: list[tuple[object, ...]], *names: str) -> Path:
    path = folder / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("time", "event", *names), *rows])
    return path


def planted(folder: Path, n: int = 120) -> Path:
    """Write patients whose time shortens with ``volume``; ``noise`` says nothing."""
    rng = np.random.default_rng(8)
    volume, noise = rng.normal(size=(2, n))
    time = rng.exponential(np.exp(-volume))
    event = (time < 3).astype(int)
    columns = (np.minimum(time, 3), event, volume, noise, volume + rng.normal(0, 0.05, n))
    return table(
        folder, list(zip(*(c.tolist() for c in columns), strict=True)), "volume", "noise", "copy"
    )


def of(analysis: Analysis, value: str) -> dict[str, object]:
    result = as_result(analysis.result)
    values = result["values"]
    assert isinstance(values, dict)
    found = values[value]
    assert isinstance(found, dict)
    return found


def ratio(found: dict[str, object], model: str, unit: str = "1") -> dict[str, object]:
    rows = found["hazard_ratios"]
    assert isinstance(rows, list)
    (row,) = [row for row in rows if (row["model"], row["unit"]) == (model, unit)]
    assert isinstance(row, dict)
    return row


def test_a_cut_between_the_sexes_gives_the_published_log_rank_test() -> None:
    found = of(prognosis(LUNG, settings("sex", cuts=("1.5",))), "sex")
    test = found["log_rank"]
    assert isinstance(test, dict)
    assert test["chi_square"] == pytest.approx(10.33, abs=0.005)
    assert test["p_value"] == pytest.approx(0.0013, abs=5e-5)


def test_a_planted_signal_is_found_and_noise_is_not(tmp_path: Path) -> None:
    found = prognosis(planted(tmp_path), settings("volume", "noise"))
    signal, noise = of(found, "volume"), of(found, "noise")
    assert signal["c_index"]["low"] > 0.6  # type: ignore[index]
    assert noise["c_index"]["low"] < 0.5 < noise["c_index"]["high"]  # type: ignore[index]
    assert ratio(signal, "groups")["low"] > 1.5  # type: ignore[operator]
    assert ratio(signal, "continuous")["hazard_ratio"] == pytest.approx(np.e, rel=0.25)
    (difference,) = found.result["c_index_differences"]  # type: ignore[misc]
    assert difference["low"] > 0


def test_two_measurements_of_one_thing_stand_side_by_side(tmp_path: Path) -> None:
    found = prognosis(planted(tmp_path), settings("volume", "copy"))
    (difference,) = found.result["c_index_differences"]  # type: ignore[misc]
    assert difference["low"] < 0 < difference["high"]
    assert difference["same_group"] > 100
    assert "volume minus copy" in found.text


def test_a_horizon_is_said_with_the_events_that_it_hides() -> None:
    found = prognosis(LUNG, settings("age", horizon=365))
    assert found.result["cut_short_at_horizon"] == 65
    assert found.result["events_beyond_horizon"] == 44
    assert "Observation ends at 365 (horizon): 65 were observed longer, of whom 44" in found.text
    assert max(float(row["time"]) for row in found.tables["curves"]) == 365  # type: ignore[arg-type]


def test_who_is_left_out_is_named_in_text_table_and_result() -> None:
    found = prognosis(LUNG, settings("age", "ph_ecog"))
    assert "227 of 228 rows are used" in found.text
    assert "Left out for ph_ecog: 1 row has no value (line 15)." in found.text
    assert found.tables["left_out"] == [
        {"row": "line 15", "column": "ph_ecog", "reason": "missing"}
    ]


def test_perfect_separation_is_said_and_no_number(tmp_path: Path) -> None:
    rows = [(day, int(day <= 10), 5 if day <= 10 else 1) for day in range(1, 21)]
    found = prognosis(table(tmp_path, rows, "grade"), settings("grade", cuts=("3",)))
    assert "no finite hazard ratio" in found.text
    assert "separates the patients with the event perfectly" in found.text
    row = ratio(of(found, "grade"), "groups", unit="")
    assert (row["hazard_ratio"], row["p_value"]) == (None, None)
    assert row["likelihood_ratio_p"] < 0.001  # type: ignore[operator]


def test_all_censored_is_an_error(tmp_path: Path) -> None:
    rows = [(day, 0, day) for day in range(1, 9)]
    with pytest.raises(InputError, match="nobody had the event") as refusal:
        prognosis(table(tmp_path, rows, "volume"), settings("volume"))
    assert refusal.value.code == "no-events"


def test_a_group_without_members_is_an_error() -> None:
    with pytest.raises(InputError, match="no patient has age > 200"):
        prognosis(LUNG, settings("age", cuts=("200",)))


def test_a_value_that_is_the_same_for_all_is_an_error(tmp_path: Path) -> None:
    rows = [(day, 1, 7) for day in range(1, 9)]
    with pytest.raises(InputError, match="volume is the same for all 8 patients"):
        prognosis(table(tmp_path, rows, "volume"), settings("volume"))


def test_few_events_for_the_covariates_are_warned_of() -> None:
    aml = GOLDEN / "survival_aml.csv"
    found = prognosis(aml, settings("maintained", cuts=("0.5",)))
    assert "events are" not in found.text
    assert "unstable" not in found.text
    found = prognosis(
        GOLDEN / "survival_veteran.csv",
        settings("karno", covariates=("age", "celltype"), horizon=20),
    )
    assert "29 events for 5 variables; below 10 for each" in found.text


def test_a_ratio_that_changes_over_time_is_warned_of() -> None:
    found = prognosis(GOLDEN / "survival_veteran.csv", settings("karno"))
    assert "the hazard ratio of karno changes over time (p < 0.001)" in found.text


def test_a_value_that_protects_is_said_to() -> None:
    found = prognosis(GOLDEN / "survival_veteran.csv", settings("karno"))
    assert "karno: a C-index below 0.5 means that higher values have the event later" in found.text


def test_a_median_of_these_patients_is_said_to_be_theirs() -> None:
    assert "cut-offs come from these very patients (age)" in prognosis(LUNG, settings("age")).text
    assert "very patients" not in prognosis(LUNG, settings("age", cuts=("60",))).text


def test_times_of_events_alone_are_warned_of(tmp_path: Path) -> None:
    rows = [(day if day % 2 else "", day % 2, day % 5) for day in range(1, 21)]
    found = prognosis(table(tmp_path, rows, "volume"), settings("volume"))
    assert "10 rows without the event have no time" in found.text


def test_several_cut_offs_give_several_groups(tmp_path: Path) -> None:
    found = of(prognosis(planted(tmp_path), settings("volume", cuts=("25%", "75%"))), "volume")
    groups = found["groups"]
    assert isinstance(groups, list)
    assert [group["n"] for group in groups] == [30, 60, 30]
    assert found["log_rank"]["degrees_of_freedom"] == 2  # type: ignore[index]


def test_a_column_cannot_be_two_things() -> None:
    with pytest.raises(SettingsError, match="'age' is named twice"):
        prognosis(LUNG, settings("age", covariates=("age",)))


def test_the_folder_holds_tables_figures_text_and_result(tmp_path: Path) -> None:
    out = tmp_path / "run"
    asked = settings("age", "sex", cuts=("1.5",), covariates=("ph_ecog",))
    with pytest.raises(InputError, match="no patient has age"):
        write_prognosis(LUNG, out, asked)
    assert not out.exists()
    found = write_prognosis(LUNG, out, settings("age", covariates=("sex",)))
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        *found.files,
        "run.json",
    }
    assert "figures/survival_1_age.svg" in found.files
    assert json.loads((out / "result.json").read_text())["format"] == 1
    assert json.loads((out / "run.json").read_text())["settings"]["journey"] == "prognosis"
    with pytest.raises(OutputError, match="exists already"):
        write_prognosis(LUNG, out, asked)


def test_figures_are_the_same_every_time() -> None:
    one, other = (prognosis(LUNG, settings("age", "ph_ecog")).figures for _ in range(2))
    assert list(one) == ["survival_1_age", "survival_2_ph_ecog", "forest"]
    assert [one[name].rendered("svg") for name in one] == [
        other[name].rendered("svg") for name in other
    ]
