import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from oncotrace.errors import InputError, OutputError, SettingsError, TableError
from oncotrace.pipeline.agree import (
    ReadingsSource,
    TableFormat,
    agree_on_values,
)
from oncotrace.pipeline.agree_table import ReadingColumns
from oncotrace.pipeline.analysis_folder import as_result

COLUMNS = ReadingColumns("case", "reader", "mm")
SOURCE = ReadingsSource(COLUMNS)


def long_table(folder: Path, rows: list[str], header: str = "case,reader,mm") -> Path:
    path = folder / "readings.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def diameters(cases: int = 8, readers: str = "AB") -> list[str]:
    rng = np.random.default_rng(1)
    return [
        f"c{case},{reader},{10 + 3 * case + rng.normal():.3f}"
        for case in range(cases)
        for reader in readers
    ]


def test_a_run_folder_holds_tables_figures_text_and_result(tmp_path: Path) -> None:
    table = long_table(tmp_path, diameters())
    analysis = agree_on_values(table, SOURCE, scale="interval", out=tmp_path / "run")
    for name in analysis.files:
        assert (tmp_path / "run" / name).is_file()
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["format"] == 1
    assert (result["n_cases"], result["n_readers"], result["n_readings"]) == (8, 2, 16)
    assert len(result["icc"]) == 6
    assert result["icc"][1]["value"] > 0.9
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["journey"] == "agree"
    with pytest.raises(OutputError, match="not empty"):
        agree_on_values(table, SOURCE, scale="interval", out=tmp_path / "run")


def test_missing_and_infinite_readings_are_named_and_counted(tmp_path: Path) -> None:
    rows = diameters()
    rows[2] = "c1,A,inf"
    rows[5] = "c2,B,"
    del rows[-1]
    analysis = agree_on_values(long_table(tmp_path, rows), SOURCE, scale="interval")
    assert "13 readings" in analysis.text
    assert "Missing: 2 (case c2 by B, case c7 by B)." in analysis.text
    assert "Infinite and left out: 1 (case c1 by A)." in analysis.text
    assert analysis.result["missing"] == ["case c1 by A", "case c2 by B", "case c7 by B"]
    assert analysis.result["infinite"] == ["case c1 by A"]
    assert analysis.result["complete_cases"] == 5
    assert analysis.result["cases_not_complete"] == ["c1", "c2", "c7"]


def test_a_second_reading_needs_a_column_that_says_so(tmp_path: Path) -> None:
    table = long_table(tmp_path, [*diameters(), "c3,A,20"])
    with pytest.raises(
        TableError, match=r"two readings of case c3 by A, in lines 8 and 18"
    ) as told:
        agree_on_values(table, SOURCE, scale="interval")
    assert told.value.code == "repeated-reading"
    assert "--repeat" in str(told.value)


def test_repeats_are_taken_apart_by_their_column(tmp_path: Path) -> None:
    rows = [f"{row},{time}" for time in ("1.0", "2.0") for row in diameters()]
    table = long_table(tmp_path, rows, "case,reader,mm,time")
    source = ReadingsSource(ReadingColumns("case", "reader", "mm", "time"))
    result = agree_on_values(table, source, scale="interval").result
    assert result["n_repeats"] == 2
    repeatability = result["repeatability"]
    assert isinstance(repeatability, dict)
    assert repeatability["sd_within"] == pytest.approx(0)  # the same values twice
    with pytest.raises(TableError, match="case c0 by A, 1, in lines 2 and 34"):
        agree_on_values(
            long_table(tmp_path, [*rows, rows[0]], "case,reader,mm,time"), source, scale="interval"
        )


def test_readers_may_stand_in_columns(tmp_path: Path) -> None:
    long = agree_on_values(long_table(tmp_path, diameters(readers="ABC")), SOURCE, scale="ratio")
    cells = np.array([row.split(",")[2] for row in diameters(readers="ABC")]).reshape(-1, 3)
    rows = [f"c{case},{','.join(line)}" for case, line in enumerate(cells)]
    wide = long_table(tmp_path, rows, "case,reader_A,reader_B,reader_C")
    found = agree_on_values(wide, ReadingsSource(case="case", readers=("reader_*",)), scale="ratio")
    assert found.result["icc"] == long.result["icc"]
    with pytest.raises(TableError, match="has 1 columns like reader_A"):
        agree_on_values(wide, ReadingsSource(case="case", readers=("reader_A",)), scale="ratio")
    twice = long_table(tmp_path, ["c1,1,2", "c1,1,2"], "case,reader_A,reader_B")
    with pytest.raises(TableError, match="two readings of case c1 by reader_A"):
        agree_on_values(twice, ReadingsSource(case="case", readers=("reader_*",)), scale="ratio")


def test_semicolons_and_decimal_commas_are_read_when_told(tmp_path: Path) -> None:
    points = agree_on_values(long_table(tmp_path, diameters()), SOURCE, scale="interval")
    rows = [row.replace(",", ";").replace(".", ",") for row in diameters()]
    table = long_table(tmp_path, rows, "case;reader;mm")
    with pytest.raises(TableError, match="semicolons"):
        agree_on_values(table, SOURCE, scale="interval")
    found = agree_on_values(table, SOURCE, scale="interval", written=TableFormat(";", ","))
    assert found.result == points.result


def test_categories_are_compared_by_kappa(tmp_path: Path) -> None:
    grades = ["none", "some", "much"]
    rng = np.random.default_rng(2)
    rows = []
    for case in range(30):
        truth = rng.integers(0, 3)
        rows += [
            f"c{case},{reader},{grades[int(np.clip(truth + rng.integers(-1, 2) // 1, 0, 2))]}"
            for reader in "ABC"
        ]
    table = long_table(tmp_path, rows)
    nominal = agree_on_values(table, SOURCE, scale="nominal")
    assert nominal.result["categories"] == ["much", "none", "some"]
    ordinal = agree_on_values(table, SOURCE, scale="ordinal", categories=grades)
    pairs = ordinal.result["pairs"]
    assert isinstance(pairs, list)
    assert len(pairs) == 3
    assert pairs[0]["quadratic_kappa"] > pairs[0]["kappa"]
    with pytest.raises(SettingsError, match="the order of much, none, some"):
        agree_on_values(table, SOURCE, scale="ordinal")
    with pytest.raises(TableError, match="'some' is none of the categories"):
        agree_on_values(table, SOURCE, scale="nominal", categories=["none", "much"])
    with pytest.raises(TableError, match="is no number") as told:
        agree_on_values(table, SOURCE, scale="interval")
    assert "--scale nominal" in str(told.value)


def test_numbers_as_labels_keep_their_order(tmp_path: Path) -> None:
    rows = [f"c{case},{reader},{10 if case % 2 else 9}.0" for case in range(6) for reader in "AB"]
    found = agree_on_values(long_table(tmp_path, rows), SOURCE, scale="ordinal")
    assert found.result["categories"] == ["9", "10"]


def test_a_table_without_two_readers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names 1"):
        agree_on_values(long_table(tmp_path, diameters(readers="A")), SOURCE, scale="interval")
    with pytest.raises(TableError, match="line 3: the column 'reader' is empty"):
        agree_on_values(long_table(tmp_path, ["c1,A,3", "c1,,4"]), SOURCE, scale="interval")


def test_constant_readings_are_null_in_the_result(tmp_path: Path) -> None:
    rows = [f"c{case},{reader},7.5" for case in range(5) for reader in "ABC"]
    found = agree_on_values(long_table(tmp_path, rows), SOURCE, scale="interval")
    assert "No ICC: all readings are the same" in found.text
    result = json.loads(json.dumps(as_result(found.result), allow_nan=False))
    assert [one["value"] for one in result["icc"]] == [None] * 6
    assert result["krippendorff_alpha"]["value"] is None
    assert result["limits_of_agreement_with_mean"]["limit"] == 0


@pytest.mark.parametrize(
    ("name", "source", "shape", "limit"),
    [
        ("loam_Borgbjerg", ("subject", "observer", "value", None), (50, 18, 1), 2.733),
        ("loam_Borgbjerg_m", ("subject", "observer", "value", "measurement"), (50, 12, 2), 2.879),
    ],
)
def test_aortas_from_their_table_agree_as_published(
    name: str, source, shape: tuple[int, int, int], limit: float, shared_data: Path
) -> None:
    table = shared_data / "tables" / "reader_agreement" / f"{name}.csv"
    found = agree_on_values(table, ReadingsSource(ReadingColumns(*source)), scale="interval").result
    assert (found["n_cases"], found["n_readers"], found["n_repeats"]) == shape
    limits = found["limits_of_agreement_with_mean"]
    assert isinstance(limits, dict)
    assert limits["limit"] == pytest.approx(limit, abs=5e-4)
    pairs = found["pairs"]
    assert isinstance(pairs, list)
    assert len(pairs) == math.comb(shape[1], 2)


def test_thirteen_readers_of_ten_lesions_stand_in_columns(shared_data: Path) -> None:
    table = shared_data / "tables" / "reader_agreement" / "loam_Woo_observed.csv"
    source = ReadingsSource(case="lesion", readers=("observer_*",))
    found = agree_on_values(table, source, scale="interval").result
    assert (found["n_cases"], found["n_readers"], found["n_readings"]) == (10, 13, 130)
    with table.open(encoding="utf-8", newline="") as stream:
        values = np.array(
            [[float(v) for k, v in row.items() if k != "lesion"] for row in csv.DictReader(stream)]
        )
    differences = values - values.mean(axis=1, keepdims=True)
    limits = found["limits_of_agreement_with_mean"]
    assert isinstance(limits, dict)
    assert limits["limit"] == pytest.approx(1.959964 * math.sqrt((differences**2).mean()))
