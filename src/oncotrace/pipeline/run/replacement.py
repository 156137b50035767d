"""Files of a folder that are replaced together: all of them, or none.

The new files are made in a folder beside the old ones, which takes its final name in one step: from
then on the replacement counts. Its files are then moved over the old ones, one by one, each when
the old one has been copied to ``history/NNNN/``. Whatever stops the process in between,
`finish_replacement` does the rest: a file is either still to be moved, or moved already.

One of the files, which every replacement replaces, guards the others: what it held at the start is
kept, and if it holds something else when the files are to be moved, somebody else was faster, and
the replacement is dropped.
"""

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.errors import OutputError
from oncotrace.pipeline.run.folder import PARTIAL, remove_partial

_WAITING = ".replacement"
_BEFORE = "before"

HISTORY = "history"
"""Folder whose folders 0001, 0002 ... hold what was replaced the first, second ... time."""


@contextmanager
def replacement(folder: Path, *, guard: str, after: Callable[[], None]) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well, its files replace those outside.

    Those that are replaced are kept in `HISTORY`; all others stay as they are.

    Parameters
    ----------
    guard
        Name of the file that tells whether somebody else has replaced the files meanwhile; it is
        replaced last.
    after
        What must be done once the files are replaced; it may be done twice.

    Raises
    ------
    OutputError
        The files cannot be written, or were replaced by somebody else meanwhile.
    """
    remove_partial(folder)
    temporary = _temporary(folder)
    with refused_writes(folder.name):
        (temporary / _BEFORE).mkdir(parents=True)
        (temporary / HISTORY / _next_number(folder / HISTORY)).mkdir(parents=True)
        shutil.copyfile(folder / guard, temporary / _BEFORE / guard)
    try:
        yield temporary
        with refused_writes(folder.name):
            temporary.rename(folder / _WAITING)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    finish_replacement(folder, after)


def is_half_replaced(folder: Path) -> bool:
    """Whether a replacement was interrupted when it counted already."""
    return (folder / _WAITING).is_dir()


def finish_replacement(folder: Path, after: Callable[[], None]) -> None:
    """Move the files of a replacement that counts, if there is one; see `replacement`.

    Raises
    ------
    OutputError
        They cannot be moved, or the files were replaced by somebody else meanwhile.
    """
    waiting = folder / _WAITING
    if not waiting.is_dir():
        return
    with refused_writes(folder.name):
        guards = [path.name for path in (waiting / _BEFORE).glob("*")]
        was_changed = any(_was_changed(folder, name) for name in guards)
    if was_changed:
        _remove(waiting)
        raise OutputError(
            f"{folder.name} was changed by somebody else at the same time; nothing is replaced.",
            hint="Look at what it holds now, and ask again.",
            code="changed-meanwhile",
        )
    with refused_writes(folder.name):
        files = [path.name for path in waiting.iterdir() if path.is_file()]
        (number,) = (path.name for path in (waiting / HISTORY).iterdir())
        for name in sorted(files, key=guards.__contains__):  # the guard last
            _keep(folder / name, folder / HISTORY / number)
            (waiting / name).replace(folder / name)
    after()
    _remove(waiting)


def _next_number(history: Path) -> str:
    """Name of the next folder; those that somebody added under other names do not count."""
    names = [path.name for path in history.iterdir()] if history.is_dir() else []
    return f"{max((int(name) for name in names if name.isdecimal()), default=0) + 1:04d}"


def _keep(path: Path, kept: Path) -> None:
    """Copy a file that is about to be replaced, whole or not at all, unless that is done."""
    if not path.is_file() or (kept / path.name).exists():
        return
    kept.mkdir(parents=True, exist_ok=True)
    temporary = kept / f".{path.name}{PARTIAL}"
    shutil.copyfile(path, temporary)
    temporary.rename(kept / path.name)


def _was_changed(folder: Path, guard: str) -> bool:
    """Whether the guard is neither what it was at the start nor the new one."""
    waiting = folder / _WAITING
    is_moved = not (waiting / guard).exists()
    return not is_moved and _content(folder / guard) != _content(waiting / _BEFORE / guard)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _remove(waiting: Path) -> None:
    """Remove in one step, so that no part of it is ever taken for the whole."""
    temporary = _temporary(waiting.parent)
    with refused_writes(waiting.parent.name):
        waiting.rename(temporary)
    shutil.rmtree(temporary, ignore_errors=True)


def _temporary(folder: Path) -> Path:
    return folder / f".{secrets.token_hex(4)}{PARTIAL}"
