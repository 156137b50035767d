"""Files beside each other: their names, and their refusal before minutes are spent."""

import os
from collections.abc import Iterable
from pathlib import Path

from oncotrace.errors import OutputError
from oncotrace.io.volume_file import WRITABLE_SUFFIXES


def stem_and_suffix(target: Path) -> tuple[str, str]:
    """Name of a volume file without its suffix, and the suffix.

    Raises
    ------
    OutputError
        The name does not end in a volume format that can be written.
    """
    for suffix in WRITABLE_SUFFIXES:
        if target.name.lower().endswith(suffix) and len(target.name) > len(suffix):
            return target.name[: -len(suffix)], target.name[-len(suffix) :]
    raise OutputError(
        f"{target.name} does not end in a volume format.",
        hint=f"Use one of {', '.join(WRITABLE_SUFFIXES)}.",
        code="unknown-format",
    )


def require_absent(files: Iterable[Path]) -> None:
    """Refuse to begin what would end by writing over a file.

    Raises
    ------
    OutputError
        One of the files exists.
    """
    for path in files:
        if os.path.lexists(path):
            raise OutputError(
                f"{path.name} exists already and is not written over.",
                hint="Choose another place or move the file away.",
                code="output-exists",
            )
