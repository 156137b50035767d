"""The most memory that a process and all its children ever held together."""

import threading
import time

import psutil

_LOOK_EVERY_S = 0.1


class MemoryWatch:
    """Looks at a process and its children until it ends.

    Attributes
    ----------
    peak_mib
        The largest sum so far; pages that several of them share are counted once (PSS, where the
        system tells it).
    """

    def __init__(self, pid: int) -> None:
        self.peak_mib = 0.0
        self._thread = threading.Thread(target=self._look, args=(pid,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the process has ended."""
        self._thread.join()

    def _look(self, pid: int) -> None:
        try:
            process = psutil.Process(pid)
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                family = [process, *process.children(recursive=True)]
                self.peak_mib = max(self.peak_mib, sum(map(_held_mib, family)))
                time.sleep(_LOOK_EVERY_S)
        except psutil.NoSuchProcess:
            return


def _held_mib(process: psutil.Process) -> float:
    try:
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.rss)) / 2**20
    except psutil.Error:
        return 0.0
