"""ITK on one thread, where the order of sums would otherwise change the result."""

from collections.abc import Iterator
from contextlib import contextmanager

import SimpleITK as sitk


@contextmanager
def one_thread() -> Iterator[None]:
    """Let ITK work on one thread within the block; its setting is restored afterwards.

    Filters that add up over their threads round differently with another number of them.
    """
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
