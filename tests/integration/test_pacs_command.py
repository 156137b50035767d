"""The commands of ``oncotrace pacs``: what they print, and how they end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.integration.pacs_fault_server import Faults, serving
from tests.unit.io.dicom_factory import SERIES_UID, STUDY_UID, series, slice_uid, write
from typer.testing import CliRunner, Result

from oncotrace.cli import app as registered
from oncotrace.cli import pacs
from oncotrace.io.pacs.credentials import PASSWORD, TOKEN, USER
from oncotrace.pipeline import pacs as journey


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    files = {
        slice_uid(z): write(dataset, tmp_path / f"{z}.dcm").read_bytes()
        for z, dataset in enumerate(series())
    }
    return Faults(STUDY_UID, SERIES_UID, files)


@pytest.fixture
def address(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in (USER, PASSWORD, TOKEN):
        monkeypatch.delenv(name, raising=False)
    with serving(faults) as served:
        yield served


def run(*arguments: object) -> Result:
    """Run a command in a program of its own that ends as ours does."""
    program = typer.Typer(cls=registered.app.info.cls)
    program.add_typer(pacs.app, name="pacs")
    return CliRunner().invoke(program, ["pacs", *map(str, arguments)])


def test_echo_says_that_the_pacs_answers(address: str) -> None:
    result = run("echo", address)
    assert (result.exit_code, result.stdout) == (0, "The PACS answers.\n")


def test_query_prints_json_without_names(address: str) -> None:
    result = run("query", address, "--level", "series", "--study", STUDY_UID, "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert (content["format"], content["level"]) == (1, "series")
    assert [found["series_uid"] for found in content["found"]] == [SERIES_UID]
    assert "name" not in result.stdout.casefold()


def test_query_prints_a_table(address: str) -> None:
    result = run("query", address)
    assert result.exit_code == 0, result.output
    assert "study uid" in result.stdout


def test_retrieve_fetches_and_refuses_to_write_over_it(address: str, tmp_path: Path) -> None:
    arguments = ("retrieve", address, "--study", STUDY_UID, "--out", tmp_path / "out")
    assert run(*arguments, "--dry-run").exit_code == 0
    assert not (tmp_path / "out").exists()
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "4 of 4 instances retrieved." in result.stdout
    assert len(list((tmp_path / "out" / STUDY_UID / SERIES_UID).iterdir())) == 4
    again = run(*arguments)
    assert again.exit_code == 2
    assert "output-exists" in again.output
    resumed = run(*arguments, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "0 of 0 instances retrieved, 4 were there." in resumed.stdout


def test_series_that_fails_is_named_and_the_exit_code_tells(
    address: str, faults: Faults, tmp_path: Path
) -> None:
    faults.retrieve = ["404"]
    result = run("retrieve", address, "--study", STUDY_UID, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"series {SERIES_UID} failed (pacs-not-found), 4 instances are missing" in result.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("query", "ftp://pacs"), "pacs-address"),
        (("query", "http://10.0.0.7/dicom-web"), "pacs-insecure"),
        (("query", "https://pacs", "--patient", "*"), "pacs-query"),
        (("retrieve", "https://pacs", "--out", "out", "--modality", "CT"), "pacs-query"),
        (("echo", "https://pacs", "--credentials", "none.toml"), "pacs-credentials"),
        (("send", "https://pacs", "nowhere"), "missing-file"),
    ],
)
def test_wrong_input_has_its_own_exit_code(arguments: tuple[str, ...], code: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert f"error ({code})" in result.output


def test_dry_run_of_send_counts_kinds_and_asks_nobody(
    address: str, faults: Faults, tmp_path: Path
) -> None:
    result = run("send", address, tmp_path, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "4 x CT Image Storage" in result.stdout
    assert faults.requests == []


def test_interruption_has_its_own_exit_code(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(journey, "retrieve_from_pacs", interrupted)
    result = run("retrieve", address, "--study", STUDY_UID, "--out", tmp_path / "out")
    assert result.exit_code == 3
    assert "--resume" in result.output
