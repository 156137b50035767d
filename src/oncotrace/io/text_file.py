"""Text files from elsewhere, read with care: bounded, UTF-8, without NUL bytes."""

import os
from pathlib import Path

from oncotrace.errors import InputError

_MIB = 1024 * 1024


def read_text(path: Path, *, limit_mib: int, error: type[InputError]) -> str:
    """Text of a UTF-8 file, with or without byte order mark.

    Parameters
    ----------
    limit_mib
        Largest size that is read, so that a wrong file cannot fill the memory.
    error
        Class of the error to raise.

    Raises
    ------
    InputError
        The file is missing, too large, cannot be read, or is not UTF-8 text; the message names the
        line.
    """
    if not path.is_file():
        raise error(f"there is no file {path.name}.", code="missing-file")
    try:
        with path.open("rb") as stream:
            # No more than there is: so much memory is taken at once.
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(min(limit_mib * _MIB, size) + 1)
    except OSError as refusal:
        reason = refusal.strerror or type(refusal).__name__
        raise error(f"{path.name} cannot be read: {reason}.", code="unreadable-file") from refusal
    if len(content) > limit_mib * _MIB:
        raise error(
            f"{path.name} is larger than {limit_mib} MiB, far more than such a file needs.",
            hint="Check that this is the intended file.",
            code="file-too-large",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as refusal:
        line = content.count(b"\n", 0, refusal.start) + 1
        raise _not_text(error, path.name, line) from refusal
    if "\0" in text:
        raise _not_text(error, path.name, text.count("\n", 0, text.index("\0")) + 1)
    return text


def _not_text(error: type[InputError], name: str, line: int) -> InputError:
    return error(
        f"{name}, line {line}: this is not UTF-8 text.",
        hint='Save the file as text with the encoding UTF-8 (in Excel "CSV UTF-8").',
        code="not-utf8",
    )
