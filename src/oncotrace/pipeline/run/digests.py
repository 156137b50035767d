"""SHA-256 digests of inputs: by content, so that a renamed file is still the same input."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from oncotrace.errors import InputError


def file_digest(path: Path) -> str:
    """Digest of a file's bytes, in hexadecimal.

    Raises
    ------
    InputError
        The file is missing or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror}.", code="missing-file"
        ) from error


def source_digest(path: Path) -> str:
    """Digest of a file, or of every file below a folder whatever they are called.

    Raises
    ------
    InputError
        The file or folder is missing or cannot be read.
    """
    if not path.is_dir():
        return file_digest(path)
    files = sorted(file_digest(file) for file in path.rglob("*") if file.is_file())
    return json_digest({"files": files})


def json_digest(value: Mapping[str, object]) -> str:
    """Digest of plain JSON values, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
