"""The files of one series: in a flat folder, in several folders, in an archive."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.unit.io.dicom_factory import PLANTED_NAME, series, write_series

from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.series import Series
from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_series import read_series
from oncotrace.io.headers.sources import FileTask
from oncotrace.io.series_files import files_of_series, gathered
from oncotrace.pipeline.inventory import index_of, make_inventory


def ct(folder: Path, uid: str) -> None:
    """Write one series whose files have names that no other series has."""

    def change(z: int, dataset) -> None:  # type: ignore[no-untyped-def]
        dataset.SeriesInstanceUID = uid
        dataset.SOPInstanceUID = f"{uid}.{z}"
        dataset.RescaleIntercept, dataset.RescaleSlope = uid[-1] + "00", "1"

    apart = folder / f".{uid}"
    write_series(apart, series(change=change))
    for path in apart.iterdir():
        path.rename(folder / f"{uid}-{path.name}")
    apart.rmdir()


def files(root: Path, table: Path) -> dict[str, tuple[FileTask, ...]]:
    """Files of every series of an inventory made of ``root``."""
    list(make_inventory(root, table, update=False, jobs=1))
    return {row.series_uid: listed(table, row) for row in read_inventory(table)}


def listed(table: Path, row: Series) -> tuple[FileTask, ...]:
    return files_of_series(index_of(table), row.series_uid, row.study_uid, row.patient_id)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    root = tmp_path / "flat"
    root.mkdir()
    ct(root, "1.1")
    ct(root, "1.2")
    return root


def test_series_of_a_flat_folder_are_read_apart(flat, tmp_path) -> None:
    found = files(flat, tmp_path / "t.csv")
    assert {uid: len(some) for uid, some in found.items()} == {"1.1": 4, "1.2": 4}
    for uid, some in found.items():
        with gathered(flat, some) as folder:
            assert len(list(folder.iterdir())) == 4
            assert read_series(folder).series_uid == uid


def test_a_series_in_several_folders_is_one(flat, tmp_path) -> None:
    whole = read_series(flat, series_uid="1.1").scan.voxels
    (flat / "more").mkdir()
    for path in sorted(flat.glob("1.1-*"))[::2]:
        path.rename(flat / "more" / path.name)
    with gathered(flat, files(flat, tmp_path / "t.csv")["1.1"]) as folder:
        np.testing.assert_array_equal(read_series(folder).scan.voxels, whole)


@pytest.mark.parametrize("is_root", [True, False])
def test_an_archive_gives_the_same_voxels(flat, tmp_path, is_root) -> None:
    whole = read_series(flat, series_uid="1.2").scan.voxels
    root = tmp_path / "zipped"
    root.mkdir()
    with zipfile.ZipFile(root / "all.zip", "w") as archive:
        for path in flat.iterdir():
            archive.write(path, f"deep/{path.name}")
    source = root / "all.zip" if is_root else root
    with gathered(source, files(source, tmp_path / "t.csv")["1.2"]) as folder:
        np.testing.assert_array_equal(read_series(folder).scan.voxels, whole)
    assert not folder.exists()


def test_the_series_of_two_patients_with_one_uid_are_told_apart(flat, tmp_path) -> None:
    def other(_: int, dataset) -> None:  # type: ignore[no-untyped-def]
        dataset.PatientID, dataset.SeriesInstanceUID = "P2", "1.1"

    write_series(tmp_path / "flat" / "other", series(change=other))
    table = tmp_path / "t.csv"
    list(make_inventory(flat, table, update=False, jobs=1))
    both = [row for row in read_inventory(table) if row.series_uid == "1.1"]
    places = [{file.place for file in listed(table, row)} for row in both]
    assert sorted(places, key=len) == [{""}, {"other"}] or places == [{"other"}, {""}]


def test_what_is_gone_is_said_without_a_name(flat, tmp_path) -> None:
    found = files(flat, tmp_path / "t.csv")["1.1"]
    shutil.rmtree(flat)
    flat.mkdir()
    with pytest.raises(DicomError, match="is gone") as caught, gathered(flat, found):
        pass
    assert caught.value.code == "missing-file"
    assert PLANTED_NAME not in str(caught.value)


def test_an_archive_that_has_changed_is_refused(flat, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in flat.iterdir():
            archive.write(path, path.name)
    found = files(tmp_path / "all.zip", tmp_path / "t.csv")["1.1"]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(DicomError) as caught, gathered(tmp_path / "all.zip", found):
        pass
    assert caught.value.code == "inputs-changed"


def test_without_an_index_or_its_series_nothing_is_guessed(flat, tmp_path) -> None:
    with pytest.raises(InputError, match="no index") as caught:
        files_of_series(tmp_path / "none", "1.1", "", "")
    assert caught.value.code == "missing-file"
    files(flat, tmp_path / "t.csv")
    with pytest.raises(InputError) as caught:
        files_of_series(index_of(tmp_path / "t.csv"), "1.3", "", "")
    assert caught.value.code == "unknown-series"
    (tmp_path / "other").write_bytes(b"something else" * 1000)
    with pytest.raises(InputError) as caught:
        files_of_series(tmp_path / "other", "1.1", "", "")
    assert caught.value.code == "damaged-index"
