"""The SQLite file that holds an index of DICOM headers: its tables, its format, its refusals.

Tables
------
``folders``
    Folders and archives: path from the root, digest of what lies in them, code if not listable.
``files``
    Files that have been read: size and time then, code or values.
``pending``
    Files that are new or changed and have yet to be read. They survive an interruption.
``variants``, ``series``
    What images share, and to which series they belong. A series is ``stale`` when files of it came
    or went since its row was last made.
``descriptions``
    Version of the columns and rules by which those rows were made.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oncotrace.errors import InputError, OutputError
from oncotrace.io.headers.row import OWN_COLUMNS

FORMAT = 1  # another one, too, when other elements are wanted of a header
_APPLICATION_ID = 0x4F4E4354  # "ONCT"
_BUSY_S = 1.0

_OWN = ", ".join(OWN_COLUMNS)
_SCHEMA = f"""
CREATE TABLE folders (
    id INTEGER PRIMARY KEY, place UNIQUE NOT NULL, is_archive INTEGER NOT NULL,
    digest BLOB NOT NULL, code TEXT NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE pending (
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name NOT NULL, size_bytes INTEGER NOT NULL,
    changed INTEGER NOT NULL);
CREATE TABLE files (
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name NOT NULL, size_bytes INTEGER NOT NULL,
    changed INTEGER NOT NULL, code TEXT NOT NULL, remarks TEXT NOT NULL, variant INTEGER, {_OWN},
    positions_mm BLOB);
CREATE TABLE variants (
    id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, series INTEGER NOT NULL,
    text TEXT NOT NULL);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, series_uid TEXT NOT NULL, study_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL, row TEXT NOT NULL DEFAULT '', stale INTEGER NOT NULL DEFAULT 1,
    UNIQUE (series_uid, study_uid, patient_id));
CREATE TABLE descriptions (version TEXT NOT NULL);
CREATE INDEX files_by_folder ON files (folder);
CREATE INDEX files_by_variant ON files (variant, code);
CREATE INDEX pending_by_folder ON pending (folder);
CREATE INDEX variants_by_series ON variants (series);
CREATE INDEX stale_series ON series (id) WHERE stale;
"""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open an index, or begin one where there is none; without a path, one that is not kept.

    Raises
    ------
    InputError
        The file is something else, damaged, or of a later format.
    OutputError
        It cannot be written, or another inventory is writing it.
    """
    is_new = path is None or not path.exists()
    with refused_by_index():
        connection = sqlite3.connect("" if path is None else path, timeout=_BUSY_S)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -65536")
            connection.execute("BEGIN EXCLUSIVE")
            if is_new or not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                _begin(connection)
            else:
                _require_format(connection)
            return connection
        except BaseException:
            connection.close()
            raise


def read_only(path: Path) -> sqlite3.Connection:
    """Open an index that nothing is to be changed in, beside others that do the same.

    Raises
    ------
    InputError
        There is none, or it is something else or of a later format.
    """
    if not path.is_file():
        raise InputError(
            f"there is no index {path.name} beside the table.",
            hint="Make the inventory again with --update.",
            code="missing-file",
        )
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
    try:
        with refused_by_index():
            _require_format(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    for statement in filter(str.strip, _SCHEMA.split(";")):
        connection.execute(statement)
    connection.commit()


def _require_format(connection: sqlite3.Connection) -> None:
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    if kind != _APPLICATION_ID:
        raise _damaged()
    if number != FORMAT:
        raise InputError(
            f"the index of the table has format {number}, this version reads format {FORMAT}.",
            hint="Delete the index; the files are then read again.",
            code="newer-format",
        )


@contextmanager
def whole_change(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several statements happen together or not at all, also when they are interrupted.

    A transaction must be open, else the end of every change would be written to disk by itself.

    Raises
    ------
    InputError
        The index is damaged.
    OutputError
        It cannot be written.
    """
    with refused_by_index():
        connection.execute("SAVEPOINT change")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK TO change")
            raise
        finally:
            connection.execute("RELEASE change")


@contextmanager
def refused_by_index() -> Iterator[None]:
    """Turn SQLite's refusals into our errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise OutputError(
                "another inventory is writing this table.", hint="Wait for it.", code="in-use"
            ) from error
        raise OutputError(
            f"the index of the table cannot be written: {error}.",
            hint="Check permissions and free space.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged() from error


def _damaged() -> InputError:
    return InputError(
        "the index of the table is damaged, or is no index.",
        hint="Delete it; the files are then read again.",
        code="damaged-index",
    )
