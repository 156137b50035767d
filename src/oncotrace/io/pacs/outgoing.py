"""DICOM files that are to be sent: what they are, without reading their pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_files import StoredFile, is_zip, refused_reads
from oncotrace.io.dicom_header import DicomHeader, quiet_pydicom, read_header
from oncotrace.io.dicom_wholeness import require_whole
from oncotrace.io.pacs.query import is_uid

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_DIRECTORY = "1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class OutgoingFile:
    """A DICOM file with file meta information, as it is to be sent.

    Parameters
    ----------
    label
        How messages call it: its place among the files, since names of files may hold a patient's.
    """

    path: Path
    label: str
    size_bytes: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str


@dataclass(frozen=True)
class SentInstance:
    """What became of one file.

    Parameters
    ----------
    is_stored
        Whether the PACS has it now.
    status
        Number of the PACS, none where it gave none.
    explanation
        What that means, or why it was not sent.
    code
        Word for scripts, empty for what is stored.
    """

    label: str
    sop_instance_uid: str
    is_stored: bool
    status: int | None
    explanation: str
    code: str = ""


@dataclass(frozen=True)
class Outgoing:
    """Files to send, what cannot be sent, and how many files are no DICOM at all."""

    files: tuple[OutgoingFile, ...]
    unfit: tuple[SentInstance, ...]
    foreign: int


def outgoing_files(paths: Sequence[Path]) -> Outgoing:
    """DICOM files among files and folders, folders with all that is below them.

    Raises
    ------
    InputError
        There is nothing at one of the paths, or no DICOM file at any.
    """
    files: list[OutgoingFile] = []
    unfit: list[SentInstance] = []
    foreign = 0
    found = list(_found(paths))
    for number, path in enumerate(found, start=1):
        label = f"file {number} of {len(found)}"
        try:
            file = _outgoing_file(path, label)
        except DicomError as error:
            unfit.append(SentInstance(label, "", False, None, error.message, error.code))
            continue
        if file is None:
            foreign += 1
        else:
            files.append(file)
    if not files and not unfit:
        raise InputError("there is no DICOM file to send.", code="not-dicom")
    return Outgoing(tuple(files), tuple(unfit), foreign)


def _found(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            with refused_reads():
                yield from sorted(file for file in path.rglob("*") if file.is_file())
        elif not path.is_file():
            raise InputError(f"there is no file or folder {path.name}.", code="missing-file")
        elif is_zip(path):
            raise InputError(
                f"{path.name} is an archive.", hint="Unpack it first.", code="not-dicom"
            )
        else:
            yield path


def _outgoing_file(path: Path, label: str) -> OutgoingFile | None:
    """Describe a file; none when it is not DICOM or a list of files (DICOMDIR)."""
    with quiet_pydicom(), refused_reads():
        header = read_header(_stored(path), label)
        if header is None or header.sop_class == _DIRECTORY:
            return None
        _require_file_meta(path, label)
        require_whole(header)
        return _described(path, label, header)


def _described(path: Path, label: str, header: DicomHeader) -> OutgoingFile:
    uids = (header.sop_class, header.required_text("SOPInstanceUID"))
    if not all(map(is_uid, uids)):
        raise DicomError(f"{label} has a UID that is none.", code="malformed-tag")
    return OutgoingFile(path, label, path.stat().st_size, *uids, header.transfer_syntax)


def _stored(path: Path) -> StoredFile:
    return StoredFile(path.name, path.stat().st_size, lambda: path.open("rb"))


def _require_file_meta(path: Path, label: str) -> None:
    with path.open("rb") as stream:
        stream.seek(_PREAMBLE_BYTES)
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise DicomError(
                f"{label} has no file meta information (PS3.10, 7.1), so that it cannot be sent.",
                hint="Export it anew as a DICOM file.",
                code="no-file-meta",
            )
