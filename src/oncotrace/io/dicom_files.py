"""The files of a DICOM source: a folder, a zip archive (never unpacked to disk) or one file."""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from oncotrace.errors import DicomError, InputError

MAX_ARCHIVE_MEMBERS = 50_000
MAX_ARCHIVE_BYTES = 4 * 2**30
MAX_INFLATED_BYTES = 2**30

_ZIP_MAGIC = b"PK\x03\x04"
_DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True)
class StoredFile:
    """A file that can be opened for reading; its name serves for sorting, never as a path."""

    name: str
    size_bytes: int
    open_stream: Callable[[], BinaryIO]

    @property
    def claims_dicom(self) -> bool:
        """Whether the name ends like a DICOM file's; hidden files (``._x.dcm``) claim nothing."""
        return self.name.lower().endswith(_DICOM_SUFFIXES) and not self.name.startswith(".")

    def open(self) -> BinaryIO:
        """Open the file at its beginning.

        Raises
        ------
        DicomError
            The file may not be read, or the archive that holds it is damaged.
        """
        with refused_reads():
            return self.open_stream()


def is_zip(path: Path) -> bool:
    """Whether the file is a zip archive, by its name or its first bytes.

    Raises
    ------
    DicomError
        The file may not be read.
    """
    if path.name.lower().endswith(".zip"):
        return True
    with refused_reads(), path.open("rb") as stream:
        return stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


@contextmanager
def stored_files(source: Path) -> Iterator[list[StoredFile]]:
    """Files of a folder (recursively), a zip archive or a single file, sorted by name.

    Raises
    ------
    InputError
        There is nothing at ``source``.
    DicomError
        The folder holds no file, or the archive is damaged, encrypted or too large.
    """
    if source.is_dir():
        with refused_reads():
            files = _folder_files(source)
        _require_some(files, "folder")
        yield files
    elif source.is_file():
        if is_zip(source):
            with _opened_archive(source) as archive:
                files = _archive_files(archive)
                _require_some(files, "archive")
                yield files
        else:
            yield [_file_on_disk(source)]
    else:
        raise InputError(f"there is no file or folder {source.name}.", code="missing-file")


def _require_some(files: list[StoredFile], kind: str) -> None:
    if not files:
        raise DicomError(
            f"the {kind} is empty: it holds no file.",
            hint="Give the folder that holds the slices of the series.",
            code="empty-folder",
        )


def _folder_files(folder: Path) -> list[StoredFile]:
    names = (
        Path(parent) / name
        for parent, _, names in os.walk(folder, onerror=_raise)
        for name in names
    )
    return [_file_on_disk(path) for path in sorted(names) if path.is_file()]


def _raise(error: OSError) -> None:
    raise error


def _file_on_disk(path: Path) -> StoredFile:
    return StoredFile(path.name, path.stat().st_size, lambda: path.open("rb"))


@contextmanager
def _opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with refused_reads():
        archive = zipfile.ZipFile(path)
    with archive:
        yield archive


def _archive_files(archive: zipfile.ZipFile) -> list[StoredFile]:
    """List the members; a stream never gives more bytes than its member declares.

    The declared sizes therefore bound what is read: an archive whose members inflate to more than
    they declare fails its checksum.
    """
    members = [member for member in archive.infolist() if not member.is_dir()]
    total_bytes = sum(member.file_size for member in members)
    if len(members) > MAX_ARCHIVE_MEMBERS or total_bytes > MAX_ARCHIVE_BYTES:
        raise DicomError(
            f"the archive holds {len(members)} files of {total_bytes / 2**30:.1f} GiB unpacked; "
            f"at most {MAX_ARCHIVE_MEMBERS} files of {MAX_ARCHIVE_BYTES / 2**30:.0f} GiB are read.",
            hint="Unpack it and give the folder of one series.",
            code="zip-too-large",
        )
    if any(member.flag_bits & 1 for member in members):
        raise DicomError(
            "the archive is encrypted.",
            hint="Unpack it and give the folder.",
            code="unreadable-zip",
        )
    return [_archived_file(archive, member) for member in sorted(members, key=_member_name)]


def _member_name(member: zipfile.ZipInfo) -> str:
    return member.filename


def _archived_file(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredFile:
    name = PurePosixPath(member.filename).name
    return StoredFile(name, member.file_size, lambda: _member_stream(archive, member))


def _member_stream(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    return archive.open(member)  # type: ignore[return-value]  # has all of BinaryIO that reading needs


def inflate(stream: BinaryIO) -> BytesIO:
    """Inflate the rest of a deflated dataset (PS3.5, A.5), at most `MAX_INFLATED_BYTES`.

    Raises
    ------
    DicomError
        The data inflate to more than that, or they are damaged or cut off.
    """
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = decompressor.decompress(stream.read(), MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise DicomError("a deflated file is damaged.", code="truncated") from error
    if decompressor.unconsumed_tail:
        raise DicomError(
            f"a deflated file holds more than {MAX_INFLATED_BYTES // 2**20} MiB.", code="too-large"
        )
    if not decompressor.eof:
        raise DicomError("a deflated file is cut off.", code="truncated")
    return BytesIO(inflated)


@contextmanager
def refused_reads() -> Iterator[None]:
    """Turn the system's or the archive's refusal to be read into a `DicomError`."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise DicomError(
            "the zip archive is damaged or packed in a way that cannot be read.",
            hint="Unpack it and give the folder.",
            code="unreadable-zip",
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DicomError(f"a file cannot be read: {reason}.", code="unreadable-file") from error
