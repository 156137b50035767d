"""The files of one series, wherever they lie: from an index of headers to a folder of their own."""

import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_files import MAX_ARCHIVE_BYTES, refused_reads
from oncotrace.io.headers.index import restored_name
from oncotrace.io.headers.index_file import read_only, refused_by_index
from oncotrace.io.headers.sources import FileTask

_QUERY = (
    "SELECT files.id, place, is_archive, name FROM series "
    "JOIN variants ON variants.series = series.id JOIN files ON files.variant = variants.id "
    "JOIN folders ON folders.id = files.folder "
    "WHERE (series_uid, study_uid, patient_id) = (?, ?, ?) ORDER BY place, name"
)


def files_of_series(
    index: Path, series_uid: str, study_uid: str, patient_id: str
) -> tuple[FileTask, ...]:
    """Files of a series by folder and name, from the index beside an inventory.

    Raises
    ------
    InputError
        There is no index, it is damaged, or it does not know the series.
    """
    with refused_by_index(), closing(read_only(index)) as connection:
        rows = _rows(connection, (series_uid, study_uid, patient_id))
    if not rows:
        raise InputError(
            "the index of the table does not know a series of it.",
            hint="Make both again: oncotrace inventory PATH --out TABLE --update.",
            code="unknown-series",
        )
    return tuple(
        FileTask(number, restored_name(place), bool(is_archive), restored_name(name))
        for number, place, is_archive, name in rows
    )


def _rows(
    connection: sqlite3.Connection, key: tuple[str, str, str]
) -> list[tuple[int, str | bytes, int, str | bytes]]:
    return connection.execute(_QUERY, key).fetchall()


@contextmanager
def gathered(root: Path, files: Sequence[FileTask]) -> Iterator[Path]:
    """Give a temporary folder that holds just these files, in their order.

    Files on disk are linked to, members of archives are unpacked.

    Parameters
    ----------
    root
        Folder or archive that the index was made of.

    Raises
    ------
    DicomError
        A file is gone, an archive is damaged, or its members are too large to be unpacked.
    """
    with tempfile.TemporaryDirectory(prefix="oncotrace-") as name:
        folder = Path(name)
        for number, path in enumerate(placed(root, [f for f in files if not f.is_archive])):
            (folder / f"{number:06d}.dcm").symlink_to(path)
        members = [file for file in files if file.is_archive]
        for place in dict.fromkeys(file.place for file in members):
            _unpack(root, place, [f.name for f in members if f.place == place], folder)
        yield folder


def placed(root: Path, files: Sequence[FileTask]) -> Iterator[Path]:
    """Absolute paths of files on disk.

    Raises
    ------
    DicomError
        One is gone.
    """
    base = (root.parent if root.is_file() else root).resolve()
    for file in files:
        path = base / file.place / file.name
        if not path.is_file():
            raise DicomError(
                "a file that the inventory lists is gone.",
                hint="Make the inventory again with --update.",
                code="missing-file",
            )
        yield path


def _unpack(root: Path, place: str, names: Sequence[str], folder: Path) -> None:
    """Unpack members of an archive; a stream never gives more bytes than its member declares."""
    with refused_reads(), zipfile.ZipFile(root if root.is_file() else root / place) as archive:
        try:
            members = [archive.getinfo(name) for name in names]
        except KeyError:
            raise DicomError(
                "an archive has changed since it was listed.",
                hint="Make the inventory again with --update.",
                code="inputs-changed",
            ) from None
        if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
            raise DicomError(
                f"a series in an archive is larger than {MAX_ARCHIVE_BYTES // 2**30} GiB.",
                hint="Unpack the archive.",
                code="zip-too-large",
            )
        done = len(list(folder.iterdir()))
        for number, member in enumerate(members, start=done):
            target = folder / f"{number:06d}.dcm"
            with archive.open(member) as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy)
