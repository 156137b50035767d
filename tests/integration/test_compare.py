"""`oncotrace compare` and `oncotrace table1` on tables as somebody else would make them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from oncotrace.cli import compare
from oncotrace.errors import OncotraceError

TRIAL = """case_id,arm,relapse,volume,hd95,grade,age
P1,A,0.0,10.5,2.0,high,61
P2,A,0,11.5,inf,low,55
P3,A,1.0,9.0,3.5,low,70
P4,A,0,12.5,,low,49
P5,B,1,15.0,1.0,high,66
P6,B,1,14.0,2.5,high,58
P7,B,0.0,18.5,4.0,high,NA
P8,B,1,13.0,5.0,low,72
P9,,1,13.5,5.5,low,64
"""


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    path = tmp_path / "trial.csv"
    path.write_text(TRIAL)
    return path


def run(*arguments: object) -> Result:
    app = typer.Typer(add_completion=False)
    app.command("compare")(compare.compare)
    app.command("table1")(compare.table1)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def refused(*arguments: object) -> OncotraceError:
    result = run(*arguments)
    assert isinstance(result.exception, OncotraceError), result.stdout
    return result.exception


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_groups_are_described_tested_and_drawn(trial: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    text = said("compare", trial, "--value", "volume", "--group", "arm", "--out", out)
    (test,) = rows(out / "tests.csv")
    assert (test["test"], test["method"], test["statistic"]) == ("Mann-Whitney", "exact", "0.0")
    assert float(test["p_value"]) == pytest.approx(2 / 70)  # the least of 4 against 4
    assert "A against B: Mann-Whitney (exact) U = 0, p = 0.029" in text
    assert "1 without a group (P9)" in text
    assert {path.suffix for path in (out / "figures").iterdir()} == {".png", ".svg"}
    assert (out / "report.txt").read_text().strip() in text
    assert json.loads((out / "run.json").read_text())["settings"]["journey"] == "compare"


def test_missing_and_infinite_values_are_named(trial: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    text = said("compare", trial, "--value", "hd95", "--group", "arm", "--out", out)
    assert "1 row has no value (P4); 1 is infinite (P2)." in text
    assert [(row["row"], row["why"]) for row in rows(out / "left_out.csv")] == [
        ("P4", "no value"), ("P2", "infinite"), ("P9", "no group"),
    ]  # fmt: skip


def test_labels_read_as_floats_are_the_same_group(trial: Path) -> None:
    result = json.loads(said("compare", trial, "--value", "volume", "--group", "relapse", "--json"))
    assert [row["group"] for row in result["groups"]] == ["0", "1"]
    assert [row["n"] for row in result["groups"]] == [4, 5]
    chosen = ("compare", trial, "--value", "volume", "--group", "relapse")
    assert said(*chosen, "--only", "1.0", "--only", "0.0") != said(*chosen)


def test_a_group_that_matches_nothing_or_has_no_value_is_an_error(tmp_path: Path, trial) -> None:
    base = ("compare", trial, "--value", "volume", "--group", "arm")
    unknown = refused(*base, "--only", "A", "--only", "C")
    assert unknown.code == "unknown-group"
    assert unknown.hint == "It has A, B."
    empty = tmp_path / "empty.csv"
    empty.write_text("case_id,arm,volume\nP1,A,1\nP2,A,2\nP3,B,\nP4,B,inf\n")
    error = refused("compare", empty, "--value", "volume", "--group", "arm")
    assert error.code == "empty-group"
    assert "(P3); 1 is infinite (P4)" in error.message


def test_paired_data_are_not_tested_as_unpaired_without_being_told(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    pairs = "".join(f"P{k};new;0,{80 + k}\nP{k};old;0,{75 + k // 2}\n" for k in range(10))
    table.write_text(f"case;model;dice\n{pairs}P77;new;0,5\n")
    base = ("compare", table, "--value", "dice", "--group", "model", "--sep", ";", "--decimal", ",")
    error = refused(*base)
    assert error.code == "paired-data"
    assert error.hint == "Give --paired-by case, or --unpaired to test them as separate."
    paired, apart = said(*base, "--paired-by", "case"), said(*base, "--unpaired")
    assert "Wilcoxon signed rank (exact) V = 55, p = 0.002" in paired
    assert "1 without a value in every group (P77)" in paired
    assert "Mann-Whitney" in apart
    assert "as told" in apart


def test_rows_that_stand_twice_are_refused_or_averaged_when_told(tmp_path: Path) -> None:
    table = tmp_path / "lesions.csv"
    table.write_text("patient,arm,suv\nP1,A,1\nP1,A,3\nP2,A,5\nP3,B,6\nP4,B,8\nP5,B,9\n")
    base = ("compare", table, "--value", "suv", "--group", "arm")
    error = refused(*base)
    assert error.code == "duplicate-rows"
    assert "P1" in error.message
    assert "A: n = 2, median 3.5" in said(*base, "--average")


def test_tests_are_adjusted_for_as_many_as_there_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    table = tmp_path / "many.csv"
    lines = [f"{rng.normal(k % 3):.3f},{rng.normal():.3f},{'abc'[k % 3]}" for k in range(45)]
    table.write_text("\n".join(["one,two,group", *lines]) + "\n")
    base = ("compare", table, "--value", "one", "--value", "two", "--group", "group",
            "--replicates", "100", "--json")  # fmt: skip
    plain = json.loads(said(*base, "--correction", "bonferroni"))["tests"]
    pairs = [test for test in plain if test["family"] == "two groups"]
    assert [test["among"] for test in pairs] == [6] * 6
    assert pairs[0]["p_adjusted"] == pytest.approx(min(1, 6 * pairs[0]["p_value"]))
    assert {test["test"] for test in plain} == {"Kruskal-Wallis", "Mann-Whitney"}
    assert "no column names the cases" in said(*base[:-1])


def test_categories_are_tested_by_counts(trial: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    text = said("compare", trial, "--value", "grade", "--group", "arm", "--out", out)
    assert "Fisher (exact), p = 0.486; difference of proportions of low 0.5" in text
    assert "A: n = 4, high 1 (25.0 %), low 3 (75.0 %)" in text
    assert not (out / "figures").exists()
    paired = refused("compare", trial, "--value", "grade", "--group", "arm",
                     "--paired-by", "case_id")  # fmt: skip
    assert paired.code == "paired-categories"


def test_one_typing_error_does_not_make_a_category_of_numbers(tmp_path: Path) -> None:
    table = tmp_path / "typo.csv"
    table.write_text("arm,volume\nA,1\nA,2\nB,3\nB,4 ml\n")
    error = refused("compare", table, "--value", "volume", "--group", "arm")
    assert error.code == "not-a-number"
    assert "line 5" in error.message


@pytest.mark.slow
def test_areas_under_curves_stand_beside_the_tests(trial: Path) -> None:
    base = ("compare", trial, "--value", "volume", "--value", "hd95", "--group", "arm", "--json")
    result = json.loads(said(*base, "--auc"))
    volume, hd95 = result["aucs"]
    assert (volume["auc"], volume["higher_in"]) == (1.0, "B")
    assert hd95["auc"] == pytest.approx(5 / 8)
    assert result["auc_tests"][0]["n"] == 6
    assert "aucs" not in json.loads(said(*base))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(trial: Path) -> None:
    base = ("compare", trial, "--value", "volume", "--group", "arm", "--json")
    assert said(*base) == said(*base)
    assert said(*base, "--interval", "percentile") != said(*base)


def test_table1_shows_every_characteristic_by_group(trial: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    text = said("table1", trial, "--by", "arm", "--out", out)
    table = {(row["characteristic"], row["figure"]): row for row in rows(out / "table1.csv")}
    assert table["cases", "n"]["overall"] == "8"
    volume = table["volume", "mean ± SD"]
    assert (volume["A"], volume["test"], volume["p"]) == ("10.88 ± 1.493", "Mann-Whitney", "0.029")
    assert table["volume", "median [IQR]"]["B"] == "14.5 [13.75, 15.88]"
    assert table["relapse", "1, n (%)"]["B"] == "3 (75.0 %)"
    assert table["grade", "high, n (%)"]["A"] == "1 (25.0 %)"
    assert table["age", "missing, n (%)"]["B"] == "1 (25.0 %)"
    assert "hd95: 1 case has no value (P4); 1 is infinite (P2)." in text
    assert "Left out: 1 without arm (P9)." in text


def test_table1_adjusts_when_told_and_shows_a_group_without_values(tmp_path: Path) -> None:
    table = tmp_path / "two.csv"
    table.write_text("id,cohort,age,suv\n1,x,50,2\n2,x,60,3\n3,x,55,4\n4,y,70,\n5,y,75,\n6,y,65,\n")
    result = json.loads(said("table1", table, "--by", "cohort", "--correction", "holm", "--json"))
    age, suv = result["tests"]
    assert (age["among"], age["p_adjusted"]) == (1, age["p_value"])
    assert suv["p_value"] is None
    assert "in both groups" in suv["note"]
    assert result["case"] == "id"


def test_table1_refuses_a_case_that_stands_twice(tmp_path: Path) -> None:
    table = tmp_path / "twice.csv"
    table.write_text("id,cohort,age\n1,x,50\n1,x,60\n2,y,55\n")
    assert refused("table1", table, "--by", "cohort").code == "duplicate-rows"
