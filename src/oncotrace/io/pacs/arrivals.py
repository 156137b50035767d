"""Where objects from a PACS arrive: checked, named by their UIDs, whole or not at all.

Files lie at ``STUDY/SERIES/INSTANCE.dcm``. What is there is never fetched again, so that an
interrupted retrieval goes on where it stopped.
"""

import os
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_files import StoredFile
from oncotrace.io.dicom_header import DicomHeader, quiet_pydicom, read_header
from oncotrace.io.dicom_wholeness import require_whole
from oncotrace.io.pacs.query import FoundInstance, is_uid
from oncotrace.io.transfer_syntaxes import READABLE

_PARTIAL = ".part"
_LABEL = "an object of the PACS"


@dataclass(frozen=True)
class Bounds:
    """How much may arrive at most; a PACS may send more than it was asked for."""

    files: int = 500_000
    bytes: int = 500 * 2**30


@dataclass(frozen=True)
class SeriesKey:
    """A series, by its own UID and that of its study."""

    study_uid: str
    series_uid: str


class Arrivals:
    """Files what arrives, from several threads if need be.

    Parameters
    ----------
    folder
        Where it is filed; made when the first file arrives.
    """

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.folder = folder
        self._bounds = bounds
        self._lock = threading.Lock()
        self._files = 0
        self._bytes = 0

    def path_of(self, series: SeriesKey, sop_instance_uid: str) -> Path:
        """Where an instance lies.

        Raises
        ------
        InputError
            ``pacs-wrong-object``: one of the UIDs is none, and no name for a file.
        """
        uids = (series.study_uid, series.series_uid, sop_instance_uid)
        if not all(map(is_uid, uids)):
            raise _wrong_object("has a UID with other characters than digits and dots")
        return self.folder / uids[0] / uids[1] / f"{uids[2]}.dcm"

    def missing(self, series: SeriesKey, instances: Iterable[FoundInstance]) -> list[FoundInstance]:
        """Those instances that have not arrived yet."""
        return [
            instance
            for instance in instances
            if not self.path_of(series, instance.sop_instance_uid).exists()
        ]

    def keep(
        self,
        series: SeriesKey,
        wanted: Iterable[str],
        chunks: Iterable[bytes],
        *,
        announced_bytes: int | None = None,
    ) -> str | None:
        """Write one object to the disk, check it, and only then give it its name.

        Parameters
        ----------
        wanted
            SOP instance UIDs that may come.
        chunks
            Content of the file, as it arrives.
        announced_bytes
            How long it is to be, if the PACS has said so.

        Returns
        -------
        str or None
            SOP instance UID; none for a second copy of what is there, which is dropped.

        Raises
        ------
        InputError
            ``pacs-wrong-object``, ``pacs-too-much``, ``pacs-interrupted`` or ``pacs-syntax``.
        DicomError
            The object is damaged.
        OutputError
            It cannot be written.
        """
        folder = self.path_of(series, "0").parent
        temporary = folder / f".{secrets.token_hex(8)}{_PARTIAL}"
        with refused_writes("the retrieved object"):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self._write(temporary, chunks, announced_bytes)
            uid = _checked(temporary, series, frozenset(wanted))
            final = self.path_of(series, uid)
            with self._lock, refused_writes("the retrieved object"):
                if final.exists():
                    return None
                temporary.replace(final)
                self._files += 1
            return uid
        finally:
            temporary.unlink(missing_ok=True)

    def _write(self, path: Path, chunks: Iterable[bytes], announced_bytes: int | None) -> None:
        written = 0
        with refused_writes("the retrieved object"):
            stream = path.open("xb")
        with stream:
            for chunk in chunks:
                written += len(chunk)
                self._count(len(chunk))
                with refused_writes("the retrieved object"):
                    stream.write(chunk)
            with refused_writes("the retrieved object"):
                stream.flush()
                os.fsync(stream.fileno())
        if announced_bytes is not None and written != announced_bytes:
            raise InputError(
                f"{_LABEL} has {written} bytes, {announced_bytes} were announced.",
                code="pacs-interrupted",
            )

    def _count(self, number_of_bytes: int) -> None:
        self.require_room(number_of_bytes)
        with self._lock:
            self._bytes += number_of_bytes

    def require_room(self, number_of_bytes: int) -> None:
        """Refuse what would be more than is allowed, for example while it still arrives.

        Raises
        ------
        InputError
            ``pacs-too-much``.
        """
        with self._lock:
            is_full = self._files >= self._bounds.files
            if is_full or self._bytes + number_of_bytes > self._bounds.bytes:
                raise InputError(
                    f"the PACS sends more than {self._bounds.files} files or "
                    f"{self._bounds.bytes / 2**30:g} GiB.",
                    hint="Ask for less at a time, or raise --max-files or --max-gib.",
                    code="pacs-too-much",
                )


def remove_unfinished(folder: Path) -> None:
    """Remove what a retrieval that was killed has left half-written."""
    with refused_writes("a half-written object"):
        for path in folder.glob(f"*/*/.*{_PARTIAL}"):
            path.unlink(missing_ok=True)


def _checked(path: Path, series: SeriesKey, wanted: frozenset[str]) -> str:
    """SOP instance UID of a file that is whole, one of those wanted, and can be read here."""
    file = StoredFile(path.name, path.stat().st_size, lambda: path.open("rb"))
    with quiet_pydicom():
        header = read_header(file, _LABEL)
        if header is None:
            raise _wrong_object("is not DICOM")
        uid = _identity(header, series)
        if uid not in wanted:
            raise _wrong_object("has another SOP instance UID than any that was asked for")
        if header.transfer_syntax not in READABLE:
            raise InputError(
                f"{_LABEL} is stored in a transfer syntax that is not supported.",
                hint="Ask the administrator to have it stored or sent uncompressed.",
                code="pacs-syntax",
            )
        require_whole(header)
    return uid


def _identity(header: DicomHeader, series: SeriesKey) -> str:
    if not is_uid(header.sop_class):
        raise _wrong_object("has no SOP class")
    if header.text("StudyInstanceUID") != series.study_uid:
        raise _wrong_object("belongs to another study than the one that was asked for")
    if header.text("SeriesInstanceUID") != series.series_uid:
        raise _wrong_object("belongs to another series than the one that was asked for")
    return header.text("SOPInstanceUID")


def _wrong_object(what: str) -> DicomError:
    return DicomError(
        f"{_LABEL} {what}.",
        hint="It is not kept. Tell the administrator of the PACS.",
        code="pacs-wrong-object",
    )
