"""The command ``deidentify`` on small synthetic patients: keys, reports, resuming, refusals."""

import csv
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import series, write, write_series
from typer.testing import CliRunner, Result

from oncotrace.cli.app import _Commands
from oncotrace.cli.deidentify import deidentify
from oncotrace.pipeline import deidentify as pipeline
from oncotrace.pipeline.deidentify_report import LOG_FILE

Command = Callable[..., Result]
NAMES = ("Planted", "Smith", "Jones")


@pytest.fixture
def command() -> Command:
    """Run the command as the whole program would."""
    app = typer.Typer(cls=_Commands)
    app.command("deidentify")(deidentify)
    app.command("other")(lambda: None)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["deidentify", *map(str, arguments)])

    return run


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Two patients of four slices each, in folders that are called by their names."""
    for number, name in enumerate(NAMES[1:]):

        def change(_z: int, dataset: Dataset, number: int = number, name: str = name) -> None:
            dataset.PatientName, dataset.PatientID = f"{name}^Anna", f"ID-{name}"
            dataset.StudyDate = "20140310"
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                dataset[keyword].value = f"{dataset[keyword].value}.{number + 1}"

        write_series(tmp_path / "in" / f"{name}_Anna", series(change=change))
    return tmp_path / "in"


def copies(out: Path) -> dict[str, bytes]:
    """Bytes of the copies by their path in the output."""
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.dcm"))}


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_becomes_a_folder_without_names(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    result = command(patients, tmp_path / "out", "--key-file", tmp_path / "key.json")
    assert result.exit_code == 0, result.output
    assert "8 of 8 files written: 2 patients, 2 studies, 2 series." in result.output
    key = json.loads((tmp_path / "key.json").read_text())
    assert set(key["patients"]) == {"ID-Smith", "ID-Jones"}
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    for patient in key["patients"].values():
        assert len(list((tmp_path / "out" / patient["pseudonym"]).rglob("*.dcm"))) == 4
    for path in (tmp_path / "out").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(name.encode() in content or name in str(path.name) for name in NAMES)
    assert not any(name in result.output for name in NAMES)


def test_the_report_counts_and_never_tells(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    command(patients, tmp_path / "out", "--option", "retain-modified-dates")
    counted = {row["tag"]: row for row in rows(tmp_path / "out" / "report.csv")}
    assert counted["00080020"] == {
        "tag": "00080020", "name": "Study Date", "action": "C", "count": "8",
    }  # fmt: skip
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["files"] == {"read": 8, "written": 8, "left_out": {}, "failed": {}}
    assert report["settings"]["options"] == ["retain-modified-dates"]


def test_the_same_key_serves_patients_who_come_later(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    command(patients / "Smith_Anna", tmp_path / "a", "--key-file", key)
    command(patients, tmp_path / "b", "--key-file", key)
    first, both = copies(tmp_path / "a"), copies(tmp_path / "b")
    assert len(first) == 4
    assert first.items() <= both.items()
    assert len(both) == 8


def test_without_a_key_nothing_can_be_found_again(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    for name in "ab":
        assert "no key was kept" in command(patients, tmp_path / name, "--no-key").output
    assert not set(copies(tmp_path / "a")) & set(copies(tmp_path / "b"))


def test_a_dry_run_writes_nothing(command: Command, patients: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = command(patients, tmp_path / "out", "--key-file", tmp_path / "key.json", "--dry-run")
    assert result.exit_code == 0
    assert "8 of 8 files would be written" in result.output
    assert sorted(tmp_path.rglob("*")) == before


def test_a_table_gives_the_pseudonyms_and_others_fail(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("patient_id,pseudonym\nID-Smith,case-01\n")
    result = command(patients, tmp_path / "out", "--patients", table)
    assert result.exit_code == 1
    assert {path.split("/")[0] for path in copies(tmp_path / "out")} == {"case-01"}
    failures = rows(tmp_path / "out" / "failures.csv")
    assert {row["code"] for row in failures} == {"patient-not-listed"}
    assert len(failures) == 4


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n",
        "patient_id,pseudonym\na,b\na,c\n",
        "patient_id,pseudonym\na,x\nb,x\n",
        "patient_id,pseudonym\nsame,same\n",
        "patient_id,pseudonym\na,../x\n",
    ],
)
def test_a_table_that_confuses_patients_is_refused(
    text: str, command: Command, patients: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text(text)
    result = command(patients, tmp_path / "out", "--patients", tmp_path / "table.csv")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_zip_gives_what_its_folder_gives(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in patients.rglob("*.dcm"):
            archive.write(path, path.relative_to(patients))
    key = tmp_path / "key.json"
    command(patients, tmp_path / "a", "--key-file", key)
    command(tmp_path / "in.zip", tmp_path / "b", "--key-file", key)
    assert copies(tmp_path / "a") == copies(tmp_path / "b")


def test_what_cannot_be_read_is_listed_and_not_copied(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    whole = next(patients.rglob("*.dcm")).read_bytes()
    (patients / "Smith notes.txt").write_text("Smith")
    (patients / "cut.dcm").write_bytes(whole[:300])
    twice = series()[0]
    twice.PatientID, twice.SOPInstanceUID = "other", "1.2.3.4"
    write(twice, patients / "x1.dcm")
    write(twice, patients / "x2.dcm")
    twice.Rows = 1
    result = command(patients, tmp_path / "out")
    assert result.exit_code == 1
    failed = [row["code"] for row in rows(tmp_path / "out" / "failures.csv")]
    left_out = [row["code"] for row in rows(tmp_path / "out" / "left_out.csv")]
    assert len(failed) == 1
    assert sorted(left_out) == ["duplicate", "not-dicom"]
    assert len(copies(tmp_path / "out")) == 9
    assert "Smith" not in (tmp_path / "out" / "left_out.csv").read_text()


def test_contradicting_copies_of_one_object_fail_both(command: Command, tmp_path: Path) -> None:
    one = series()[0]
    write(one, tmp_path / "in" / "a.dcm")
    one.StudyID = "2"
    write(one, tmp_path / "in" / "b.dcm")
    result = command(tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert [row["code"] for row in rows(tmp_path / "out" / "failures.csv")] == (
        ["duplicate-instance"] * 2
    )


def test_images_that_may_show_text_are_left_out_unless_kept(
    command: Command, tmp_path: Path
) -> None:
    image = series()[0]
    image.BurnedInAnnotation = "YES"
    write(image, tmp_path / "in" / "a.dcm")
    result = command(tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 0
    assert "1 left out: burned-in-text" in result.output
    assert copies(tmp_path / "out") == {}
    kept = command(tmp_path / "in", tmp_path / "kept", "--keep-burned-in")
    assert len(copies(tmp_path / "kept")) == 1
    assert "look at them" in kept.output


def test_an_interrupted_run_goes_on_and_ends_the_same(
    command: Command, patients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key.json"
    command(patients, tmp_path / "whole", "--key-file", key)
    monkeypatch.setattr(pipeline, "_BATCH", 3)
    run = pipeline.deidentify(
        patients,
        tmp_path / "out",
        confidentiality=pipeline.Confidentiality(),
        key=pipeline.KeyChoice(key),
    )
    progress = run.progress
    assert [next(progress), next(progress)] == [0, 3]
    progress.close()  # as Ctrl-C would
    with (tmp_path / "out" / LOG_FILE).open("a") as log:
        log.write('{"done": [9')  # a line that was cut off
    done = {p: (tmp_path / "out" / p).stat().st_mtime_ns for p in copies(tmp_path / "out")}

    result = command(patients, tmp_path / "out", "--key-file", key, "--resume")

    assert result.exit_code == 0, result.output
    assert len(done) == 3
    assert all((tmp_path / "out" / p).stat().st_mtime_ns == t for p, t in done.items())
    assert copies(tmp_path / "out") == copies(tmp_path / "whole")
    for name in ("report.json", "report.csv", "failures.csv"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "whole" / name).read_text()


def test_a_run_is_resumed_only_as_it_was_begun(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    command(patients, tmp_path / "out", "--key-file", key)
    other = command(
        patients, tmp_path / "out", "--key-file", key, "--resume", "--option", "retain-uids"
    )
    assert other.exit_code == 2
    assert "options" in other.output
    assert command(patients, tmp_path / "out", "--resume").exit_code == 2
    next(patients.rglob("*.dcm")).unlink()
    changed = command(patients, tmp_path / "out", "--key-file", key, "--resume")
    assert changed.exit_code == 2
    assert "inputs" in changed.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--option", "retain-everything"], "no option is called"),
        (["--profile", "none"], "no profile is called"),
        (["--option", "retain-full-dates", "--option", "retain-modified-dates"], "at once"),
        (["--key-file", "out/key.json"], "key file lies in"),
        (["--key-file", "in/key.json"], "key file lies in"),
        (["--key-file", "key.json", "--no-key"], "exclude each other"),
        (["--passphrase-file", "p.txt"], "is for a key file"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    arguments: list[str],
    words: str,
    command: Command,
    patients: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = command(patients, "out", *arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert not (tmp_path / "out").exists()


def test_input_and_output_must_lie_apart(command: Command, patients: Path) -> None:
    assert "within each other" in command(patients, patients / "out").output
    assert "within each other" in command(patients / "Smith_Anna", patients).output


def test_an_output_that_holds_something_is_refused(
    command: Command, patients: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert command(patients, tmp_path / "out").exit_code == 2
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_patient_without_an_id_is_told_from_others(command: Command, tmp_path: Path) -> None:
    for number, dataset in enumerate(series()[:2]):
        dataset.PatientID, dataset.PatientName = "", f"Name {number}"
        write(dataset, tmp_path / "in" / f"{number}.dcm")
    command(tmp_path / "in", tmp_path / "out")
    assert len({path.split("/")[0] for path in copies(tmp_path / "out")}) == 2


def test_names_in_other_alphabets_belong_to_one_patient(command: Command, tmp_path: Path) -> None:
    for number, (charset, name) in enumerate((("ISO_IR 192", "Müller"), ("ISO_IR 100", "Müller"))):
        dataset = series()[number]
        dataset.SpecificCharacterSet = charset
        dataset.PatientID = name
        write(dataset, tmp_path / "in" / f"{number}.dcm")
    command(tmp_path / "in", tmp_path / "out", "--key-file", tmp_path / "key.json")
    assert list(json.loads((tmp_path / "key.json").read_text())["patients"]) == ["Müller"]
    first = next((tmp_path / "out").rglob("*.dcm"))
    assert str(dcmread(first).PatientID).startswith("P-")
