"""Ends the work on files at any moment, as a kill does: nothing more is done on disk after it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ON_DISK = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.copyfile"})


class Killed(BaseException):
    """Raised in place of every step on disk from the fatal one on, so that no clean-up works."""


class _Killer:
    def __init__(self) -> None:
        self.is_armed = False
        self.steps_left = 0
        self.counts: Callable[[str, tuple[object, ...]], bool] = _every

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.is_armed and event in ON_DISK and self.counts(event, arguments):
            if self.steps_left == 0:
                raise Killed
            self.steps_left -= 1


def _every(_event: str, _arguments: tuple[object, ...]) -> bool:
    return True


_killer = _Killer()
sys.addaudithook(_killer)  # hooks stay for good, so there is one, which is asleep but in tests


@contextmanager
def killed_after(
    steps: int, counts: Callable[[str, tuple[object, ...]], bool] = _every
) -> Iterator[None]:
    """Let that many steps on disk be done in the block, of those that count, and no more."""
    _killer.is_armed, _killer.steps_left, _killer.counts = True, steps, counts
    try:
        yield
    finally:
        _killer.is_armed = False


def every_moment(work: Callable[[int], bool]) -> int:
    """Call ``work`` with 0, 1, 2, ... steps until it says that it was not killed; count the kills.

    A work that is never killed has no moments: that would be a test of nothing.
    """
    kills = 0
    while work(kills):
        kills += 1
    assert kills > 0
    return kills
