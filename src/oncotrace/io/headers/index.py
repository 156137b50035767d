"""An index of DICOM headers in one SQLite file: what was read once is not read again.

One row for each file, and one for each `Variant`, which many files share; so the index of a million
images stays small, and nothing is held in memory but the folder that is being compared.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from struct import pack
from types import TracebackType
from typing import NamedTuple, Self

from oncotrace.errors import DicomError
from oncotrace.io.headers.index_file import connect, refused_by_index, whole_change
from oncotrace.io.headers.row import OWN_COLUMNS, HeaderRow, Variant
from oncotrace.io.headers.sources import Entry, FileTask, Listing

_KNOWN_VARIANTS = 4096

# OR FAIL, because SQLite would else journal every row apart, and write 13 KB for each; the change
# that all rows of a batch are part of is undone as a whole.
_INSERT_FILE = (
    "INSERT OR FAIL INTO files SELECT id, folder, name, size_bytes, changed, "  # noqa: S608  # likewise
    f"{', '.join('?' * (len(OWN_COLUMNS) + 4))} FROM pending WHERE id = ?"
)


class _Known(NamedTuple):
    """A file of a folder as the index has it."""

    size_bytes: int
    changed: int
    number: int
    variant: int | None
    is_pending: int


class HeaderIndex:
    """The index; use as a context, which keeps every whole change, however it ends."""

    def __init__(self, path: Path | None) -> None:
        """Open an index, or begin one; see `oncotrace.io.headers.index_file.connect`."""
        self._connection = connection = connect(path)
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        self._known: dict[bytes, tuple[int, int]] = {}
        (newest,) = connection.execute("SELECT coalesce(max(seen), 0) FROM folders").fetchone()
        self._generation = int(newest)
        (last,) = connection.execute(
            "SELECT max((SELECT coalesce(max(id), 0) FROM files), "
            "(SELECT coalesce(max(id), 0) FROM pending))"
        ).fetchone()
        self._last_number = int(last)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with refused_by_index():
                self._connection.commit()
        finally:
            self._connection.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """For queries that make series of files."""
        return self._connection

    def commit(self) -> None:
        """Keep what was done so far, whatever happens next."""
        with refused_by_index():
            self._connection.commit()
            self._connection.execute("BEGIN IMMEDIATE")

    def begin_comparison(self) -> None:
        """Forget which folders have been seen."""
        self._generation += 1

    def compare(self, listing: Listing) -> int:
        """Note which files of a folder are new or changed, drop those that are gone; count them."""
        with whole_change(self._connection):
            found = self._connection.execute(
                "SELECT id, digest, code FROM folders WHERE place = ?", (_storable(listing.place),)
            ).fetchone()
            same_code = found and (listing.is_archive or found[2] == listing.code)
            if found and found[1] == listing.digest and same_code:
                return self._unchanged(found[0])
            entries, code = _entries(listing)
            folder = self._put_folder(found and found[0], listing, code)
            if code:
                return 0  # what was read from it before stays, until it can be listed
            return self._put_entries(folder, entries)

    def drop_unseen(self) -> int:
        """Drop folders that have not been compared since `begin_comparison`; count their files."""
        with whole_change(self._connection):
            gone = self._connection.execute(
                "SELECT id FROM folders WHERE seen != ?", (self._generation,)
            ).fetchall()
            count = 0
            for (folder,) in gone:
                files = self._connection.execute(
                    "SELECT id, variant FROM files WHERE folder = ?", (folder,)
                ).fetchall()
                self._drop_files(files)
                self._connection.execute("DELETE FROM pending WHERE folder = ?", (folder,))
                self._connection.execute("DELETE FROM folders WHERE id = ?", (folder,))
                count += len(files)
            return count

    def pending(self, batch: int) -> Iterator[list[FileTask]]:
        """Files that are to be read, so many at a time, folder by folder."""
        last = -1
        while True:
            with refused_by_index():
                rows = self._connection.execute(
                    "SELECT pending.id, place, is_archive, name FROM pending "
                    "JOIN folders ON folders.id = folder WHERE pending.id > ? "
                    "ORDER BY pending.id LIMIT ?",
                    (last, batch),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield [
                FileTask(number, restored_name(place), bool(is_archive), restored_name(name))
                for number, place, is_archive, name in rows
            ]

    def count_pending(self) -> int:
        """Count the files that are to be read."""
        with refused_by_index():
            return int(self._connection.execute("SELECT count(*) FROM pending").fetchone()[0])

    def put(self, rows: Sequence[tuple[int, HeaderRow]]) -> None:
        """Store what was read of pending files."""
        with whole_change(self._connection):
            variants: dict[int, tuple[int, int]] = {}
            stored = []
            for number, row in rows:
                variant = None
                if row.variant is not None:
                    key = id(row.variant)
                    if key not in variants:
                        variants[key] = self._variant(row.variant)
                    variant = variants[key][0]
                frames = row.positions_mm
                packed = pack(f"<{len(frames)}d", *frames) if frames else None
                stored.append((row.code, row.remarks, variant, *row.own, packed, number))
            self._connection.executemany(_INSERT_FILE, stored)
            numbers = [(number,) for number, _ in rows]
            self._connection.executemany("DELETE FROM pending WHERE id = ?", numbers)
            self._make_stale({series for _, series in variants.values()})

    def codes(self) -> dict[str, int]:
        """Count files and folders without values by their code."""
        with refused_by_index():
            return dict(
                self._connection.execute(
                    "SELECT code, sum(n) FROM (SELECT code, count(*) AS n FROM files "
                    "WHERE variant IS NULL GROUP BY code UNION ALL SELECT code, count(*) AS n "
                    "FROM folders WHERE code != '' GROUP BY code) GROUP BY code ORDER BY code"
                ).fetchall()
            )

    def count_files(self) -> int:
        """Count the files that have been read."""
        with refused_by_index():
            return int(self._connection.execute("SELECT count(*) FROM files").fetchone()[0])

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        self._connection.rollback()

    def _unchanged(self, folder: int) -> int:
        self._connection.execute(
            "UPDATE folders SET seen = ? WHERE id = ?", (self._generation, folder)
        )
        (count,) = self._connection.execute(
            "SELECT (SELECT count(*) FROM files WHERE folder = ?1) "
            "+ (SELECT count(*) FROM pending WHERE folder = ?1)",
            (folder,),
        ).fetchone()
        return int(count)

    def _put_folder(self, folder: int | None, listing: Listing, code: str) -> int:
        values = (listing.digest, code, self._generation)
        if folder is not None:
            self._connection.execute(
                "UPDATE folders SET digest = ?, code = ?, seen = ? WHERE id = ?", (*values, folder)
            )
            return folder
        cursor = self._connection.execute(
            "INSERT INTO folders (place, is_archive, digest, code, seen) VALUES (?, ?, ?, ?, ?)",
            (_storable(listing.place), listing.is_archive, *values),
        )
        return int(cursor.lastrowid or 0)

    def _put_entries(self, folder: int, entries: Sequence[Entry]) -> int:
        gone = self._known_entries(folder)
        self._connection.executemany(
            "INSERT INTO pending (id, folder, name, size_bytes, changed) VALUES (?, ?, ?, ?, ?)",
            self._new_entries(folder, entries, gone),
        )
        self._drop_files([(was.number, was.variant) for was in gone.values() if not was.is_pending])
        self._connection.executemany(
            "DELETE FROM pending WHERE id = ?",
            [(was.number,) for was in gone.values() if was.is_pending],
        )
        return len(entries)

    def _new_entries(
        self, folder: int, entries: Iterable[Entry], known: dict[str | bytes, _Known]
    ) -> Iterator[tuple[int, int, str | bytes, int, int]]:
        """Rows of files that are new or changed; those that are not are taken out of ``known``."""
        for entry in entries:
            name = _storable(entry.name)
            was = known.get(name)
            if was is not None and was[:2] == (entry.size_bytes, entry.changed):
                del known[name]
                continue
            self._last_number += 1  # one count for pending and files, which take it over
            yield self._last_number, folder, name, entry.size_bytes, entry.changed

    def _known_entries(self, folder: int) -> dict[str | bytes, _Known]:
        rows = self._connection.execute(
            "SELECT name, size_bytes, changed, id, variant, 0 FROM files WHERE folder = ?1 "
            "UNION ALL SELECT name, size_bytes, changed, id, NULL, 1 FROM pending "
            "WHERE folder = ?1",
            (folder,),
        )
        return {name: _Known(*values) for name, *values in rows}

    def _drop_files(self, files: Sequence[tuple[int, int | None]]) -> None:
        """Drop files, given by number and variant; their series become stale."""
        self._connection.executemany("DELETE FROM files WHERE id = ?", [(n,) for n, _ in files])
        series: set[int] = set()
        for variant in {variant for _, variant in files if variant is not None}:
            (owner,) = self._connection.execute(
                "SELECT series FROM variants WHERE id = ?", (variant,)
            ).fetchone()
            series.add(owner)
        self._make_stale(series)

    def _make_stale(self, series: Iterable[int]) -> None:
        self._connection.executemany(
            "UPDATE series SET stale = 1 WHERE id = ?", [(number,) for number in series]
        )

    def _variant(self, variant: Variant) -> tuple[int, int]:
        """Numbers of a variant and its series, stored if they are new."""
        digest = blake2b(variant.text.encode(errors="surrogatepass"), digest_size=16).digest()
        if digest in self._known:
            return self._known[digest]
        if len(self._known) >= _KNOWN_VARIANTS:
            self._known.clear()
        found = self._connection.execute(
            "SELECT id, series FROM variants WHERE digest = ?", (digest,)
        ).fetchone()
        self._known[digest] = found or self._new_variant(digest, variant)
        return self._known[digest]

    def _new_variant(self, digest: bytes, variant: Variant) -> tuple[int, int]:
        key = (variant.series_uid, variant.study_uid, variant.patient_id)
        self._connection.execute(
            "INSERT OR IGNORE INTO series (series_uid, study_uid, patient_id) VALUES (?, ?, ?)", key
        )
        (series,) = self._connection.execute(
            "SELECT id FROM series WHERE (series_uid, study_uid, patient_id) = (?, ?, ?)", key
        ).fetchone()
        cursor = self._connection.execute(
            "INSERT INTO variants (digest, series, text) VALUES (?, ?, ?)",
            (digest, series, variant.text),
        )
        return int(cursor.lastrowid or 0), int(series)


def _entries(listing: Listing) -> tuple[list[Entry], str]:
    """Files of a folder, or the code that says why they cannot be listed."""
    if listing.code:
        return [], listing.code
    try:
        return listing.entries(), ""
    except DicomError as error:
        return [], error.code


def _storable(name: str) -> str | bytes:
    """Name as SQLite takes it: text, or bytes where it is not UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def restored_name(name: str | bytes) -> str:
    """Return the name of a file or folder that the index holds."""
    return os.fsdecode(name) if isinstance(name, bytes) else name
