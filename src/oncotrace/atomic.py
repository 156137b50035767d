"""Files that appear whole or not at all, and never over another file."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oncotrace.errors import OutputError


def write_atomically(path: Path, write: Callable[[Path], None], *, replace: bool = False) -> None:
    """Let ``write`` fill a temporary sibling of ``path``, then move it there in one step.

    Parameters
    ----------
    write
        Receives the temporary path, which ends like ``path`` so that writers recognise the format.
    replace
        Whether an existing file may be replaced; only for files that oncotrace itself keeps up to
        date, such as the table of a run that is resumed.

    Raises
    ------
    OutputError
        The file exists already, or it cannot be written (no permission, disk full).
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    with refused_writes(path.name):
        if os.path.lexists(path) and not replace:
            raise OutputError(
                f"{path.name} exists already and is not written over.",
                hint="Choose another place or move the file away.",
                code="output-exists",
            )
        _make_folder(path.parent)
        try:
            write(temporary)
            _flush_to_disk(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, replace: bool = False) -> None:
    """Write UTF-8 text; see `write_atomically`."""
    write_atomically(path, lambda temporary: _write_text(temporary, text), replace=replace)


def write_bytes(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Write bytes; see `write_atomically`."""
    write_atomically(path, lambda temporary: _write_bytes(temporary, content), replace=replace)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # the system's own words would read as if the output existed
        raise NotADirectoryError(error.errno, f"{folder.name} is a file, not a folder") from error


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


@contextmanager
def refused_writes(what: str) -> Iterator[None]:
    """Turn the system's refusal to write ``what`` into an `OutputError` that says why."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"{what} cannot be written: {reason}.",
            hint="Check permissions and free space, or choose another --out.",
        ) from error
