"""Wherever the files of a series lie, its voxels are looked at, and those of no other."""

import csv
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.unit.curate.clean_study import Part, write_clean_study
from typer import Typer
from typer.testing import CliRunner

from oncotrace.cli.check import check
from oncotrace.curate.check_names import HEADER_CHECKS, VOXEL_CHECKS
from oncotrace.curate.check_rules import CheckRules, read_check_rules
from oncotrace.errors import SettingsError
from oncotrace.pipeline.check import check_inventory
from oncotrace.pipeline.inventory import index_of, make_inventory

PARTS: tuple[Part, ...] = ("ct", "t1", "outlines", "segments")

Flags = set[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four series, each in a folder of its own."""
    whole = write_clean_study(tmp_path_factory.mktemp("whole") / "dicom")
    folder = tmp_path_factory.mktemp("study") / "dicom"
    for part in PARTS:
        shutil.copytree(whole / part, folder / part)
    return folder


def in_one_folder(study: Path, to: Path) -> Path:
    """All files flat."""
    (to / "flat").mkdir()
    for number, path in enumerate(sorted(study.rglob("*.dcm"))):
        shutil.copy(path, to / "flat" / f"{number * 37 % 100:03d}.dcm")
    return to / "flat"


def beside_what_is_none(study: Path, to: Path) -> Path:
    """All files flat, beside one that only claims to be DICOM: no series can be read with it."""
    flat = in_one_folder(study, to)
    (flat / "zzz.dcm").write_text("no DICOM at all")
    return flat


def in_many_folders(study: Path, to: Path) -> Path:
    """Every file in a folder of its own."""
    for number, path in enumerate(sorted(study.rglob("*.dcm"))):
        (to / "many" / str(number)).mkdir(parents=True)
        shutil.copy(path, to / "many" / str(number) / "image")
    return to / "many"


def in_an_archive(study: Path, to: Path) -> Path:
    with zipfile.ZipFile(to / "export.zip", "w") as archive:
        for path in sorted(study.rglob("*.dcm")):
            archive.write(path, path.relative_to(study))
    return to / "export.zip"


def in_an_archive_in_a_folder(study: Path, to: Path) -> Path:
    (to / "outer").mkdir()
    return in_an_archive(study, to / "outer").parent


PLACES = (
    in_one_folder,
    beside_what_is_none,
    in_many_folders,
    in_an_archive,
    in_an_archive_in_a_folder,
)


def flags(
    root: Path, folder: Path, *, index: bool = True, rules: CheckRules | None = None
) -> Flags:
    """All flags of an inventory of ``root``: series, check, passed, value."""
    table, out = folder / "inventory.csv", folder / "checks.csv"
    list(make_inventory(root, table, update=False, jobs=1))
    if not index:
        index_of(table).unlink()
    list(check_inventory(table, out, rules=rules or CheckRules(), images=root))
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {(row["series_uid"], row["check"], row["passed"], row["value"]) for row in rows}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_the_same_is_found_wherever_the_files_lie(
    place: Callable[[Path, Path], Path], study: Path, tmp_path: Path
) -> None:
    (tmp_path / "moved").mkdir()
    (tmp_path / "own").mkdir()
    moved = flags(place(study, tmp_path), tmp_path / "moved")
    assert moved == flags(study, tmp_path / "own")
    assert {passed for _, _, passed, _ in moved} == {"yes"}
    assert sum(check == "readable" for _, check, _, _ in moved) == 2
    assert sum(check == "mask-in-body" for _, check, _, _ in moved) == 2


def test_without_an_index_folders_of_one_series_are_read(study: Path, tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    assert flags(study, tmp_path / "with") == flags(study, tmp_path / "without", index=False)


def test_without_an_index_outlines_among_other_files_are_not_guessed(
    study: Path, tmp_path: Path
) -> None:
    found = flags(in_one_folder(study, tmp_path), tmp_path, index=False)
    said = {value for _, _, passed, value in found if passed == "unknown"}
    assert said == {"22 files in its folder, and no index"}
    assert sum(check == "readable" and passed == "yes" for _, check, passed, _ in found) == 2


def test_files_that_are_gone_since_the_inventory_are_said(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "dicom")
    list(make_inventory(tmp_path / "dicom", tmp_path / "t.csv", update=False, jobs=1))
    lost = sorted((tmp_path / "dicom" / "ct").iterdir())[0]
    uid = str(dcmread(lost).SeriesInstanceUID)
    lost.unlink()
    out = tmp_path / "checks.csv"
    list(check_inventory(tmp_path / "t.csv", out, rules=CheckRules(), images=tmp_path / "dicom"))
    with out.open(encoding="utf-8", newline="") as stream:
        read = {r["series_uid"]: r for r in csv.DictReader(stream) if r["check"] == "readable"}
    assert (read[uid]["passed"], read[uid]["value"].split(":")[0]) == ("no", "missing-file")


def test_checks_of_voxels_can_be_skipped(study: Path, tmp_path: Path) -> None:
    found = flags(study, tmp_path, rules=CheckRules(skip=("readable", "mask-in-body")))
    assert not {"readable", "mask-in-body"} & {check for _, check, _, _ in found}


def test_a_misspelt_check_cannot_be_skipped(study: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('skip = ["missing_slices"]')
    rules = read_check_rules(tmp_path / "rules.toml")
    with pytest.raises(SettingsError, match="no check is called 'missing_slices'"):
        flags(study, tmp_path, rules=rules)


def test_a_dry_run_names_the_checks_that_would_be_made(tmp_path: Path) -> None:
    app = Typer()
    app.command("check")(check)
    (tmp_path / "rules.toml").write_text(
        'skip = ["study-dates", "kernel"]\n'
        '[[allowed]]\ncolumn = "kernel"\nvalues = ["B30f"]\n'
        '[[range]]\ncolumn = "slices"\nsmallest = 9\n'
    )
    dry = ["inventory.csv", "--out", "c.csv", "--dry-run", "--rules", str(tmp_path / "rules.toml")]
    headers = CliRunner().invoke(app, dry).output.split("\n")
    assert headers[:-1] == [*(n for n in HEADER_CHECKS if n != "study-dates"), "slices >= 9"]
    voxels = CliRunner().invoke(app, [*dry, "--images", "."]).output.split("\n")
    assert set(voxels) - set(headers) == set(VOXEL_CHECKS)
