"""An inventory made, gone on with, interrupted: of folders, archives and what is not DICOM."""

import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest
import typer
from tests.unit.io.dicom_factory import GRID, PLANTED_NAME, Dataset, series, write_series
from tests.unit.io.headers.samples import ct_slice, encoded, enhanced_mr, structure_set
from typer.testing import CliRunner

from oncotrace.cli.inventory import inventory
from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.series import Series
from oncotrace.errors import InputError, OncotraceError, OutputError
from oncotrace.pipeline.header_reading import Progress
from oncotrace.pipeline.inventory import DryRun, InventorySummary, dry_run, index_of, make_inventory


def made(source: Path, out: Path, *, update: bool = False, jobs: int = 1) -> InventorySummary:
    *steps, summary = make_inventory(source, out, update=update, jobs=jobs)
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(summary, InventorySummary)
    return summary


def named(uid: str, **values: object):
    def change(z: int, dataset: Dataset) -> None:
        dataset.SeriesInstanceUID = uid
        dataset.SOPInstanceUID = f"{uid}.{z}"
        dataset.PatientID = "P1"
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    """Two series, a structure set, and what else lies about."""
    root = tmp_path / "pile"
    write_series(root / "a" / "ct", series(change=named("1.1", SeriesDescription="Thorax")))
    t1 = named("1.2", SeriesDescription="t1 tse tra")
    write_series(root / "a" / "mr", series(change=t1, modality="MR"))
    (root / "b").mkdir()
    regions = structure_set()
    frames = regions.ReferencedFrameOfReferenceSequence[0]
    refs = frames.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    refs.SeriesInstanceUID, regions.PatientID = "1.1", "P1"
    (root / "b" / "regions").write_bytes(encoded(regions))
    (root / "notes.txt").write_text("not DICOM")
    (root / "empty").write_bytes(b"")
    (root / "cut.dcm").write_bytes(encoded(ct_slice())[:400])
    return root


def rows_of(table: Path) -> dict[str, Series]:
    return {row.series_uid: row for row in read_inventory(table)}


def test_every_series_has_a_row_and_every_other_file_a_code(pile, tmp_path) -> None:
    summary = made(pile, tmp_path / "t.csv")
    assert summary.codes == {"empty-file": 1, "not-dicom": 1, "truncated": 1}
    assert (summary.files, summary.read, summary.series) == (12, 12, 3)
    rows = rows_of(tmp_path / "t.csv")
    ct, t1 = rows["1.1"], rows["1.2"]
    assert (ct.sequence, t1.sequence, t1.modality_name) == ("ct", "mr-t1", "mr-t1")
    assert (ct.images, ct.columns, ct.rows, ct.slices) == (4, 6, 5, 4)
    assert (ct.spacing_x_mm, ct.spacing_y_mm, ct.slice_distance_mm) == (0.7, 0.9, 2.5)
    assert (ct.plane, ct.folder) == ("axial", "a/ct")
    assert len(ct.referred_by) == 1
    assert "do not exist" in rows[ct.referred_by[0]].notes[0]


def test_a_second_run_reads_nothing_and_says_the_same(pile, tmp_path) -> None:
    made(pile, tmp_path / "t.csv")
    before = (tmp_path / "t.csv").read_bytes()
    assert made(pile, tmp_path / "t.csv", update=True).read == 0
    assert (tmp_path / "t.csv").read_bytes() == before


def test_new_changed_and_vanished_files_are_followed(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    made(pile, table)
    write_series(pile / "c", series(change=named("1.3")))
    (pile / "a" / "ct" / "0001.dcm").unlink()
    shutil.rmtree(pile / "a" / "mr")
    (pile / "notes.txt").write_bytes(encoded(enhanced_mr()))
    summary = made(pile, table, update=True)
    assert summary.read == 5
    rows = rows_of(table)
    assert "1.2" not in rows
    assert (rows["1.1"].images, rows["1.3"].images) == (3, 4)
    # what an update says is what a new inventory says
    made(pile, tmp_path / "new.csv")
    assert (tmp_path / "new.csv").read_text() == table.read_text()


def test_parallel_reading_says_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("oncotrace.pipeline.header_reading._SMALL", 2)
    monkeypatch.setattr("oncotrace.pipeline.header_reading.BATCH", 3)
    for number in range(3):
        write_series(tmp_path / "pile" / str(number), series(change=named(f"1.{number}")))
    made(tmp_path / "pile", tmp_path / "one.csv")
    made(tmp_path / "pile", tmp_path / "two.csv", jobs=2)
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()


def test_what_was_read_before_an_interruption_is_not_read_again(
    pile, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("oncotrace.pipeline.header_reading.BATCH", 4)
    table = tmp_path / "t.csv"
    steps = make_inventory(pile, table, update=False, jobs=1)
    for step in steps:
        if isinstance(step, Progress) and step.step == "reading" and step.done == 8:
            steps.close()
            break
    assert not table.exists()
    with pytest.raises(OutputError, match="exists already"):
        made(pile, table)
    assert made(pile, table, update=True).read == 4
    made(pile, tmp_path / "new.csv")
    assert (tmp_path / "new.csv").read_text() == table.read_text()


def test_a_table_is_not_written_over(pile, tmp_path) -> None:
    made(pile, tmp_path / "t.csv")
    with pytest.raises(OutputError, match="exists already"):
        made(pile, tmp_path / "t.csv")


def test_table_and_index_within_the_pile_are_no_part_of_it(pile) -> None:
    assert made(pile, pile / "t.csv").files == 12
    assert made(pile, pile / "t.csv", update=True).files == 12


def test_an_archive_is_read_like_its_folder(pile, tmp_path) -> None:
    archive = tmp_path / "zips" / "pile.zip"
    archive.parent.mkdir()
    shutil.make_archive(str(archive.with_suffix("")), "zip", pile)
    for source in (archive, archive.parent):
        table = tmp_path / f"{source.name}.csv"
        summary = made(source, table)
        assert summary.codes == {"empty-file": 1, "not-dicom": 1, "truncated": 1}
        assert rows_of(table)["1.1"].images == 4
        assert made(source, table, update=True).read == 0


def test_a_damaged_archive_is_a_code(tmp_path) -> None:
    (tmp_path / "pile").mkdir()
    (tmp_path / "pile" / "x.zip").write_bytes(b"PK\x03\x04 no archive")
    assert made(tmp_path / "pile", tmp_path / "t.csv").codes == {"unreadable-zip": 1}


def test_an_archive_with_a_member_that_explodes_ends_soon(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("oncotrace.io.headers.sources.MAX_SKIPPED_BYTES", 2**20)
    content = encoded(ct_slice())
    pixels = content.index(b"\xe0\x7f\x10\x00")
    long = b"\x01\x51\x10\x10OB\0\0" + (3 * 2**20).to_bytes(4, "little") + bytes(3 * 2**20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.dcm", content[:pixels] + long + content[pixels:])
    assert made(tmp_path / "x.zip", tmp_path / "t.csv").codes == {"too-large": 1}


def test_links_in_a_circle_and_pipes_do_not_hang(pile, tmp_path) -> None:
    (pile / "a" / "up").symlink_to(pile)
    (pile / "nowhere").symlink_to(pile / "gone")
    os.mkfifo(pile / "pipe")
    summary = made(pile, tmp_path / "t.csv")
    assert summary.files == 13
    assert summary.codes["unreadable-file"] == 1


def test_copies_are_counted_and_not_measured_twice(pile, tmp_path) -> None:
    shutil.copytree(pile / "a" / "ct", pile / "again")
    made(pile, tmp_path / "t.csv")
    row = rows_of(tmp_path / "t.csv")["1.1"]
    assert (row.files, row.copies, row.folders) == (8, 4, 2)
    assert (row.slices, row.images_at_a_position) == (4, 1)


def test_localisers_in_other_planes_are_left_out(tmp_path) -> None:
    def change(z: int, dataset: Dataset) -> None:
        named("1.1")(z, dataset)
        if z == 0:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    write_series(tmp_path / "pile", series(change=change))
    made(tmp_path / "pile", tmp_path / "t.csv")
    row = rows_of(tmp_path / "t.csv")["1.1"]
    assert (row.images, row.localisers, row.plane, row.sequence) == (3, 1, "axial", "ct")


def test_parameters_that_differ_within_a_series_are_noted(tmp_path) -> None:
    def change(z: int, dataset: Dataset) -> None:
        named("1.1")(z, dataset)
        dataset.KVP = "120" if z else "80"
        dataset.XRayTubeCurrent = str(100 + z)

    write_series(tmp_path / "pile", series(change=change))
    made(tmp_path / "pile", tmp_path / "t.csv")
    row = rows_of(tmp_path / "t.csv")["1.1"]
    assert row.notes == ("tube_voltage_kv differs between images",)
    assert (row.smallest_tube_current_ma, row.largest_tube_current_ma) == (100, 103)
    assert row.tube_voltage_kv == 120


def test_enhanced_objects_have_a_slice_for_each_frame(tmp_path) -> None:
    (tmp_path / "pile").mkdir()
    (tmp_path / "pile" / "enhanced").write_bytes(encoded(enhanced_mr()))
    made(tmp_path / "pile", tmp_path / "t.csv")
    (row,) = read_inventory(tmp_path / "t.csv")
    assert (row.files, row.images, row.slices) == (1, 4, 4)
    assert row.slice_distance_mm == pytest.approx(GRID.spacing_mm[2])
    assert (row.sequence, row.b_values_s_per_mm2) == ("mr-dwi", (800,))


def test_names_that_are_not_utf8_are_survived(tmp_path) -> None:
    folder = tmp_path / "pile" / os.fsdecode(b"caf\xe9")
    try:
        write_series(folder, series(change=named("1.1")))
    except OSError:
        pytest.skip("the file system takes only UTF-8 names")
    made(tmp_path / "pile", tmp_path / "t.csv")
    assert rows_of(tmp_path / "t.csv")["1.1"].folder == "caf\\xe9"


def test_a_dry_run_counts_and_writes_nothing(pile, tmp_path) -> None:
    table = tmp_path / "out" / "t.csv"
    assert list(dry_run(pile, table))[-1] == DryRun(files=12, to_read=12)
    assert not table.parent.exists()
    made(pile, table)
    (pile / "notes.txt").write_text("something else")
    assert list(dry_run(pile, table))[-1] == DryRun(files=12, to_read=1)
    assert made(pile, table, update=True).read == 1


def test_an_index_of_a_later_version_or_damaged_is_refused(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    made(pile, table)
    with sqlite3.connect(index_of(table)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="format 99"):
        made(pile, table, update=True)
    index_of(table).write_bytes(b"something else entirely" * 100)
    with pytest.raises(InputError, match="damaged"):
        made(pile, table, update=True)


def test_two_inventories_of_one_table_do_not_mix(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    made(pile, table)
    other = sqlite3.connect(index_of(table))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OutputError, match="another inventory") as refusal:
        made(pile, table, update=True)
    other.close()
    assert refusal.value.code == "in-use"


def test_nothing_there_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no file or folder"):
        made(tmp_path / "gone", tmp_path / "t.csv")


def test_no_error_names_a_patient(pile, tmp_path) -> None:
    with pytest.raises(OncotraceError) as refusal:
        made(pile, tmp_path / "t.xls")
    assert PLANTED_NAME not in str(refusal.value)


def test_the_command_prints_a_summary_and_draws(pile, tmp_path) -> None:
    app = typer.Typer()
    app.command()(inventory)
    out = ["--out", str(tmp_path / "t.csv"), "--jobs", "1"]
    dry = CliRunner().invoke(app, [str(pile), *out, "--dry-run"])
    assert "12 files, of which 12 would be read" in dry.stdout
    figures = tmp_path / "figures"
    ran = CliRunner().invoke(app, [str(pile), *out, "--figures", str(figures)])
    assert ran.exit_code == 0, ran.output
    assert "1 patients, 3 studies" in ran.stdout or "3 series" in ran.stdout
    assert "mr-t1 1" in ran.stdout
    assert "truncated 1" in ran.stdout
    assert PLANTED_NAME not in ran.output
    assert {path.name for path in figures.iterdir()} == {"ct.png", "mr.png", "sequences.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in figures.iterdir())


def test_rows_made_by_other_rules_are_made_anew_without_reading(pile, tmp_path) -> None:
    table = tmp_path / "t.csv"
    made(pile, table)
    with sqlite3.connect(index_of(table)) as connection:
        connection.execute("UPDATE descriptions SET version = 'older'")
        connection.execute("UPDATE series SET row = replace(row, 'mr-t1', 'mr-t9')")
    connection.close()
    assert made(pile, table, update=True).read == 0
    assert rows_of(table)["1.2"].sequence == "mr-t1"


def test_an_interruption_within_a_batch_leaves_a_whole_index(pile, tmp_path, monkeypatch) -> None:
    table = tmp_path / "t.csv"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("oncotrace.io.headers.index.HeaderIndex._make_stale", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made(pile, table)
    assert made(pile, table, update=True).read == 12
    made(pile, tmp_path / "new.csv")
    assert (tmp_path / "new.csv").read_text() == table.read_text()


def test_a_few_images_in_three_planes_are_a_localiser(tmp_path) -> None:
    planes = ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1])

    def change(z: int, dataset: Dataset) -> None:
        named("1.1")(z, dataset)
        dataset.ImageOrientationPatient = planes[z % 3]

    write_series(tmp_path / "pile", series(change=change, modality="MR"))
    made(tmp_path / "pile", tmp_path / "t.csv")
    row = rows_of(tmp_path / "t.csv")["1.1"]
    assert (row.orientations, row.sequence) == (3, "mr-localiser")
    assert row.sequence_rules == ("few-images-in-three-planes",)
