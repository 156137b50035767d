"""Folder trees and zip archives: which files they hold, and what the files' headers say."""

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import IO, NamedTuple

from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_files import MAX_ARCHIVE_MEMBERS, is_zip, refused_reads
from oncotrace.io.headers.byte_window import MAX_SKIPPED_BYTES, ReadAt, SkippedTooMuch
from oncotrace.io.headers.file import read_fields
from oncotrace.io.headers.row import HeaderRow, header_row

_ZIP_SUFFIX = ".zip"
_DIGESTED_TOGETHER = 1024
_BROKEN_ARCHIVE = (EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Entry(NamedTuple):  # made for each of a million files: quicker than a dataclass
    """A file in a folder or archive; a member's checksum stands for its time."""

    name: str
    size_bytes: int
    changed: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in one folder or archive.

    Parameters
    ----------
    place
        Path from the root, with ``/``; empty for the root itself.
    digest
        Of names, sizes and times: where it is unchanged, so are the files.
    entries
        Lists the files; of an archive it is read only then, which may raise a `DicomError`.
    code
        Why the folder cannot be listed; empty when it can.
    """

    place: str
    is_archive: bool
    digest: bytes
    entries: Callable[[], list[Entry]]
    code: str = ""


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file whose header is to be read, and its number in the index."""

    number: int
    place: str
    is_archive: bool
    name: str


def listings(root: Path, skipped: frozenset[str] = frozenset()) -> Iterator[Listing]:
    """Folders and zip archives at and below ``root``, each once, however links lead to it.

    Parameters
    ----------
    skipped
        Absolute paths of files to be left out, such as the index itself.

    Raises
    ------
    InputError
        There is nothing at ``root``.
    """
    if root.is_file():
        yield from _single(root)
        return
    if not root.is_dir():
        raise InputError(f"there is no file or folder {root.name}.", code="missing-file")
    waiting, seen = [""], set()
    while waiting:
        place = waiting.pop()
        folder = os.path.join(root, place) if place else os.fspath(root)  # noqa: PTH118  # hot
        try:
            status = os.stat(folder)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries, archives, folders = _sorted_out(folder, skipped)
        except OSError:
            yield Listing(place, False, b"", list, "unreadable-folder")
            continue
        prefix = f"{place}/" if place else ""
        yield Listing(place, False, _digest(entries), entries.copy)
        for archive in archives:
            yield _archive(Path(folder, archive.name), prefix + archive.name, archive)
        waiting.extend(prefix + name for name in sorted(folders, reverse=True))


def _single(path: Path) -> Iterator[Listing]:
    status = path.stat()
    entry = Entry(path.name, status.st_size, status.st_mtime_ns)
    if is_zip(path):
        yield _archive(path, "", entry)
    else:
        yield Listing("", False, _digest([entry]), lambda: [entry])


def _sorted_out(folder: str, skipped: frozenset[str]) -> tuple[list[Entry], list[Entry], list[str]]:
    """Files, archives and folders of a folder; pipes, sockets and devices are never opened."""
    files: list[Entry] = []
    archives: list[Entry] = []
    folders: list[str] = []
    with os.scandir(folder) as found:
        for item in found:
            try:
                status = item.stat()
            except OSError:  # a link to nowhere
                files.append(Entry(item.name, -1, 0))
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.append(item.name)
            elif stat.S_ISREG(status.st_mode) and not (skipped and item.path in skipped):
                entry = Entry(item.name, status.st_size, status.st_mtime_ns)
                is_archive = item.name[-4:].lower() == _ZIP_SUFFIX
                (archives if is_archive else files).append(entry)
    return files, archives, folders


def _digest(entries: Sequence[Entry]) -> bytes:
    digest = blake2b(digest_size=16)
    for start in range(0, len(entries), _DIGESTED_TOGETHER):
        some = entries[start : start + _DIGESTED_TOGETHER]
        text = "".join([f"{name}\0{size}\0{changed}\0" for name, size, changed in some])
        digest.update(text.encode("utf-8", "surrogateescape"))
    return digest.digest()


def _archive(path: Path, place: str, entry: Entry) -> Listing:
    return Listing(place, True, _digest([entry]), lambda: _members(path))


def _opened(path: Path) -> zipfile.ZipFile:
    """Open an archive.

    Raises
    ------
    DicomError
        It holds more files than are read.
    """
    archive = zipfile.ZipFile(path)
    if len(archive.filelist) > MAX_ARCHIVE_MEMBERS:
        archive.close()
        raise DicomError(
            f"the archive holds more than {MAX_ARCHIVE_MEMBERS} files.",
            hint="Unpack it and give the folder.",
            code="zip-too-large",
        )
    return archive


def _members(path: Path) -> list[Entry]:
    with refused_reads(), _opened(path) as archive:
        members = {m.filename: m for m in archive.infolist() if not m.is_dir()}
    return [Entry(name, member.file_size, member.CRC) for name, member in members.items()]


def read_headers(root: Path, tasks: Sequence[FileTask]) -> list[tuple[int, HeaderRow]]:
    """Rows of some files, each with the number of its task; whatever is wrong becomes a code."""
    base = root.parent if root.is_file() else root
    rows = []
    for task in tasks:
        try:
            row = _row_of_member(base, root, task) if task.is_archive else _row(base, task)
        except OSError:
            row = HeaderRow("unreadable-file")
        except _BROKEN_ARCHIVE:
            row = HeaderRow("unreadable-zip")
        except DicomError as error:
            row = HeaderRow(error.code)
        except Exception:  # a bug of ours: it must not cost the other million files
            row = HeaderRow("unexpected")
        rows.append((task.number, row))
    return rows


def _row(base: Path, task: FileTask) -> HeaderRow:
    path = f"{base}/{task.place}/{task.name}" if task.place else f"{base}/{task.name}"
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123  # once for each of a million
        size_bytes = os.fstat(stream.fileno()).st_size
        return header_row(read_fields(_reader(stream), size_bytes))


def _row_of_member(base: Path, root: Path, task: FileTask) -> HeaderRow:
    path = base / task.place if task.place else root
    archive = _remembered_archive(path, path.stat().st_mtime_ns)
    member = archive.getinfo(task.name)
    with archive.open(member) as stream:
        return header_row(read_fields(_bounded_reader(stream), member.file_size))


@lru_cache(maxsize=1)
def _remembered_archive(path: Path, changed: int) -> zipfile.ZipFile:  # noqa: ARG001  # a key
    """Archive that stays open, because listing its members again for every file takes long."""
    return _opened(path)


def _reader(stream: FileIO) -> ReadAt:
    def read_at(offset: int, size: int) -> bytes:
        stream.seek(offset)
        return stream.read(size) or b""

    return read_at


def _bounded_reader(stream: IO[bytes]) -> ReadAt:
    """Reader of a member, which is unpacked up to where it is read and no further than a limit."""

    def read_at(offset: int, size: int) -> bytes:
        if offset + size > MAX_SKIPPED_BYTES:
            raise SkippedTooMuch
        stream.seek(offset)
        return stream.read(size)

    return read_at
