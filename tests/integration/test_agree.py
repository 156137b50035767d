"""``oncotrace agree`` from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from oncotrace.cli.agree import agree
from oncotrace.cli.output import EXIT_DONE, EXIT_SOME_FAILED
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import OncotraceError
from oncotrace.io.volume_file import write_mask


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(agree)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refusal(*arguments: str | Path) -> OncotraceError:
    error = run(*arguments).exception
    assert isinstance(error, OncotraceError)
    return error


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    rows = [
        f"{case},{reader},{10 + 2 * case + rng.normal():.2f}"
        for case in range(6)
        for reader in ("first", "second")
    ]
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(["lesion,who,mm", *rows]) + "\n", encoding="utf-8")
    return path


def test_two_readers_are_compared_and_the_files_named(readings: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    columns = ("--case", "lesion", "--reader", "who", "--value", "mm")
    result = run(readings, *columns, "--out", out)
    assert result.exit_code == EXIT_DONE, result.output
    assert "6 cases, 2 readers, 12 readings of mm." in result.output
    assert "ICC(2,1) = ICC(A,1)" in result.output
    assert "Look at" in result.output
    assert (out / "figures" / "bland_altman.svg").is_file()


def test_without_a_folder_the_text_or_json_is_all(readings: Path, tmp_path: Path) -> None:
    columns = ("--case", "lesion", "--reader", "who", "--value", "mm")
    before = sorted(tmp_path.iterdir())
    assert "Look at" not in run(readings, *columns).output
    result = json.loads(run(readings, *columns, "--json").output)
    assert (result["format"], result["n_cases"]) == (1, 6)
    assert sorted(tmp_path.iterdir()) == before


def test_masks_are_compared_and_an_unusable_one_ends_with_1(tmp_path: Path) -> None:
    grid = Geometry((16, 16, 8), (1.0, 1.0, 2.0))
    rows = []
    for case in ("c1", "c2"):
        for reader, width in (("A", 8), ("B", 9), ("C", 10)):
            voxels = np.zeros(grid.shape_zyx, dtype=bool)
            voxels[2:6, 3:12, 2 : 2 + width] = True
            write_mask(Mask(voxels, grid), tmp_path / f"{case}{reader}.nii.gz")
            rows.append(f"{case},{reader},{case}{reader}.nii.gz")
    table = tmp_path / "outlines.csv"
    table.write_text("\n".join(["case,reader,file", *rows]) + "\n", encoding="utf-8")
    columns = ("--case", "case", "--reader", "reader", "--mask", "file")
    result = run(table, *columns, "--out", tmp_path / "run")
    assert result.exit_code == EXIT_DONE, result.output
    assert "Dice of two readers: median" in result.output
    assert (tmp_path / "run" / "cases" / "c2" / "majority.nii.gz").is_file()
    (tmp_path / "c1B.nii.gz").unlink()
    result = run(table, *columns)
    assert result.exit_code == EXIT_SOME_FAILED
    assert "case c1 by B: there is no file c1B.nii.gz." in result.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--value", "mm"), "needs --reader"),
        (("--reader", "who"), "needs --value"),
        (("--reader", "who", "--value", "nm"), "no column 'nm'"),
        (("--reader", "who", "--value", "mm", "--label", "1"), "--label cannot be used"),
        (("--reader", "who", "--mask", "mm", "--scale", "ratio"), "--scale cannot be used"),
        (("--readers", "m*", "--reader", "who"), "--reader cannot be used with --readers"),
        (("--reader", "who", "--value", "mm", "--sep", ";"), "separates its columns by commas"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    readings: Path, options: tuple[str, ...], message: str
) -> None:
    assert message in str(refusal(readings, "--case", "lesion", *options))
