"""The folder of an analysis: whole or not there, and the same twice."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from oncotrace.errors import OutputError
from oncotrace.pipeline.analysis_folder import Analysis, as_result, write_analysis
from oncotrace.report.chart import Drawing


def analysis(draw=lambda figure: figure.add_subplot()) -> Analysis:
    return Analysis(
        tables={"groups": [{"group": "a", "n": 3}, {"group": "b", "n": 0}]},
        figures={"boxes": Drawing(draw, 2.0, 1.0)},
        text="3 of a, none of b.",
        result={"n": np.int64(3), "p": math.nan, "limits": [np.float64(1.5), math.inf]},
    )


def write(out: Path, table: Path, given: Analysis) -> None:
    write_analysis(out, given, journey="compare", settings={"seed": 4}, inputs={"table": table})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text("a\n1\n")
    return path


def test_everything_is_written(tmp_path: Path, table: Path) -> None:
    write(tmp_path / "out", table, analysis())
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    assert written == {*analysis().files, "run.json"}
    with (tmp_path / "out" / "groups.csv").open() as stream:
        assert list(csv.DictReader(stream)) == [{"group": "a", "n": "3"}, {"group": "b", "n": "0"}]
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result == {"format": 1, "n": 3, "p": None, "limits": [1.5, None]}
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["settings"] == {"journey": "compare", "seed": 4}
    assert len(record["input_digests"]["table"]) == 64


def test_the_same_analysis_gives_the_same_files(tmp_path: Path, table: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, table, analysis())
    for name in analysis().files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_figure_that_fails_leaves_nothing_behind(tmp_path: Path, table: Path) -> None:
    def fail(_figure) -> None:
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        write(tmp_path / "out", table, analysis(fail))
    assert list(tmp_path.iterdir()) == [table]


def test_results_are_not_written_over(tmp_path: Path, table: Path) -> None:
    write(tmp_path / "out", table, analysis())
    with pytest.raises(OutputError, match="not empty"):
        write(tmp_path / "out", table, analysis())


def test_nested_numbers_that_are_not_finite_become_null() -> None:
    assert as_result({"a": {"b": (math.nan, 1)}, "c": np.array([1.0, math.inf])}) == {
        "format": 1,
        "a": {"b": [None, 1]},
        "c": [1.0, None],
    }
