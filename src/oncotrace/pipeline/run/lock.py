"""One process at a time: a lock that the system takes back when its holder dies."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.errors import OutputError

_RETRY_S = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_to_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_to_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def alone(lock: Path, *, wait_s: float) -> Iterator[None]:
    """Hold a lock during the block; its file stays behind and means nothing.

    Parameters
    ----------
    lock
        File to be locked, in a folder that exists.
    wait_s
        Seconds to wait for somebody else who holds it.

    Raises
    ------
    OutputError
        Somebody else holds it all that time, or the file cannot be written.
    """
    with refused_writes(lock.name):
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(handle, lock, time.monotonic() + wait_s)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, lock: Path, deadline: float) -> None:
    while True:
        try:
            return _try_to_lock(handle)
        except OSError as error:
            if time.monotonic() >= deadline:
                raise OutputError(
                    f"another oncotrace command is writing to {lock.parent.name} now.",
                    hint="Wait until it has ended, then ask again.",
                    code="in-use",
                ) from error
        time.sleep(_RETRY_S)
