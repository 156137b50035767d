"""The progress bar stops at Ctrl-C, come what may."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from oncotrace.cli.output import tracked


def swallows_the_interrupt() -> Iterator[int]:
    """Lose Ctrl-C as Python does when it arrives during a destructor."""
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    yield 1
    yield 2


def test_an_interrupt_that_was_swallowed_still_stops_the_run():
    seen = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(tracked(swallows_the_interrupt(), "working", 2))
    assert seen == []


def test_the_handler_of_the_caller_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    assert list(tracked([1, 2], "working", 2)) == [1, 2]
    assert signal.getsignal(signal.SIGINT) is before
