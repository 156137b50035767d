"""Folders that appear whole or not at all, and never over somebody's work."""

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from oncotrace.atomic import refused_writes, write_text
from oncotrace.errors import InputError, OutputError

PARTIAL = ".partial"
"""How the names of temporary folders end, which begin with a dot."""


def require_new(out: Path) -> None:
    """Refuse a place for results that holds something already.

    Raises
    ------
    OutputError
        ``out`` is a file or a folder that is not empty, or cannot be looked into.
    """
    with refused_writes(out.name):
        occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if occupied:
        raise OutputError(
            f"{out.name} exists already and is not empty; results are never written over.",
            hint="Choose a new --out, or --resume a cohort run that was interrupted.",
            code="output-exists",
        )


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a temporary sibling of ``out`` to fill; it becomes ``out`` when the block ends well.

    Raises
    ------
    OutputError
        ``out`` exists and is not empty, or cannot be written.
    """
    require_new(out)
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}{PARTIAL}")
    with refused_writes(out.name):
        temporary.mkdir(parents=True)
    try:
        yield temporary
        with refused_writes(out.name):
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_partial(parent: Path) -> None:
    """Remove what interrupted `whole_folder` blocks left below ``parent``."""
    for folder in parent.glob(f".*{PARTIAL}"):
        shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, value: Mapping[str, object], *, replace: bool = False) -> None:
    """Write plain JSON values; NaN is refused."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_text(path, text + "\n", replace=replace)


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object that oncotrace wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, or of a format that this version does not know.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"there is no {path.name} here: {error.strerror}.",
            hint="Give the folder that a run was written to.",
            code="not-a-run",
        ) from error
    except ValueError as error:
        raise InputError(f"{path.name} is damaged: not JSON.", code="damaged-run") from error
    if not isinstance(value, dict) or value.get("format") != 1:
        raise InputError(
            f"{path.name} is not of format 1, the only one this version reads.",
            hint="Read it with the version of oncotrace that wrote it.",
            code="unknown-format",
        )
    return value
