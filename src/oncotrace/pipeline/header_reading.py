"""Reading the headers of many files into an index: what changed, then those, in parallel."""

import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from oncotrace.errors import InputError
from oncotrace.io.headers.index import HeaderIndex
from oncotrace.io.headers.row import HeaderRow
from oncotrace.io.headers.sources import FileTask, listings, read_headers

BATCH = 256
_COMMIT_EVERY = 8192
_IN_FLIGHT_PER_JOB = 3
_SMALL = 16 * BATCH  # fewer are read sooner than processes have started, and with half the work


@dataclass(frozen=True)
class Progress:
    """How far an inventory is.

    Parameters
    ----------
    step
        ``retrieving`` from a PACS; ``looking``: comparing folders with the index; ``reading``
        headers; ``describing`` series.
    done, total
        Images, files or series; the total of files is not known while looking.
    """

    step: Literal["retrieving", "looking", "reading", "describing"]
    done: int
    total: int | None = None


def compare_folders(root: Path, index: HeaderIndex, skipped: frozenset[str]) -> Iterator[Progress]:
    """Note in the index which files are new, changed or gone.

    Raises
    ------
    InputError
        There is nothing at ``root``.
    """
    index.begin_comparison()
    files = 0
    for listing in listings(root, skipped):
        files += index.compare(listing)
        yield Progress("looking", files)
    index.drop_unseen()


def read_pending(root: Path, index: HeaderIndex, jobs: int) -> Iterator[Progress]:
    """Read the headers of all pending files; what is done stays done, whatever happens.

    Raises
    ------
    InputError
        A process that reads was stopped from outside.
    OutputError
        The index cannot be written.
    """
    total = index.count_pending()
    done = unsaved = 0
    with _readers(jobs if total > _SMALL else 1) as executor:
        for rows in _read_in_turn(root, index.pending(BATCH), executor, jobs):
            index.put(rows)
            done += len(rows)
            unsaved += len(rows)
            if unsaved >= _COMMIT_EVERY:
                index.commit()
                unsaved = 0
            yield Progress("reading", done, total)
    index.commit()


@contextmanager
def _readers(jobs: int) -> Iterator[Executor | None]:
    """Start the processes that read; none where this one is enough."""
    if jobs == 1:
        yield None
        return
    # Not forked: the process may have threads, of a progress bar or a caller.
    executor = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_leave_interrupts_to_the_parent
    )
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _read_in_turn(
    root: Path, batches: Iterator[list[FileTask]], executor: Executor | None, jobs: int
) -> Iterator[list[tuple[int, HeaderRow]]]:
    """Rows of the batches in their order; only a few batches are ever under way."""
    if executor is None:
        for batch in batches:
            yield read_headers(root, batch)
        return
    waiting: deque[Future[list[tuple[int, HeaderRow]]]] = deque()
    for batch in batches:
        waiting.append(executor.submit(read_headers, root, batch))
        if len(waiting) > _IN_FLIGHT_PER_JOB * jobs:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _result(future: "Future[list[tuple[int, HeaderRow]]]") -> list[tuple[int, HeaderRow]]:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a process that read headers was stopped by the system.",
            hint="What was read is kept: go on with --update, and with fewer --jobs.",
            code="reader-stopped",
        ) from error
