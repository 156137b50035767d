"""How long a PACS is waited for, and what is tried again."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from oncotrace.errors import InputError, OncotraceError

_Answer = TypeVar("_Answer")

_LOG = logging.getLogger(__name__)
_WORTH_ANOTHER_TRY = {"pacs-interrupted", "pacs-busy"}


@dataclass(frozen=True)
class Patience:
    """Limits of time.

    Parameters
    ----------
    timeout_s
        Seconds without progress after which a connection is given up.
    attempts
        How often something is tried that may go well the next time: a connection that broke off, a
        server that is busy. What will fail again (no such series, wrong password) is tried once.
    first_wait_s
        Wait before the second attempt; doubled before each one after it.
    """

    timeout_s: float = 60.0
    attempts: int = 4
    first_wait_s: float = 1.0

    def wait_after(self, attempt: int, error: OncotraceError) -> bool:
        """Wait before the next attempt; false if there is to be none.

        Parameters
        ----------
        attempt
            Number of the attempt that failed, from 0.
        """
        if error.code not in _WORTH_ANOTHER_TRY or attempt + 1 >= self.attempts:
            return False
        _LOG.info("attempt %d failed (%s); trying again", attempt + 1, error.code)
        time.sleep(self.first_wait_s * 2**attempt)
        return True

    def persist(self, ask: Callable[[], _Answer]) -> _Answer:
        """Answer of the first attempt that goes well.

        Raises
        ------
        OncotraceError
            What the last attempt raised.
        """
        attempt = 0
        while True:
            try:
                return ask()
            except OncotraceError as error:
                if not self.wait_after(attempt, error):
                    raise
            attempt += 1


def stalled(timeout_s: float) -> InputError:
    """Build the error for a connection without progress."""
    return InputError(
        f"the PACS has sent nothing for {timeout_s:g} s.",
        hint="Try again later, or give more time with --timeout.",
        code="pacs-timeout",
    )


def broken_off() -> InputError:
    """Build the error for a connection that the other side has closed half-way."""
    return InputError(
        "the PACS has closed the connection half-way.",
        hint="Try again later; what has arrived is not fetched again.",
        code="pacs-interrupted",
    )


def unreachable(host: str, port: int, reason: str) -> InputError:
    """Build the error for a PACS that nothing connects to."""
    return InputError(
        f"nothing answers at {host}, port {port}: {reason}.",
        hint="Check host and port of the address, and the firewall between.",
        code="pacs-unreachable",
    )
