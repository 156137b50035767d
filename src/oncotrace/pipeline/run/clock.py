"""Seconds by stage, and the stage at which a case failed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageClock:
    """Wall time of named stages; ``current`` is the stage entered last."""

    def __init__(self) -> None:
        self.current = "start"
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; a stage entered twice adds up."""
        self.current = name
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self._seconds[name] = self._seconds.get(name, 0.0) + elapsed

    def seconds(self) -> dict[str, float]:
        """Seconds by stage, in the order in which they were entered, to the millisecond."""
        return {name: round(value, 3) for name, value in self._seconds.items()}
