"""Where to compute, and so that it can be repeated."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from oncotrace.errors import SettingsError


def chosen_device(name: str) -> torch.device:
    """Device of that name; ``auto`` takes a GPU if there is one.

    Raises
    ------
    SettingsError
        There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise SettingsError(f"unknown device {name!r}.", hint="Known are auto, cpu and cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "there is no GPU that PyTorch can use.",
            hint="Take --device cpu, or install PyTorch with CUDA.",
            code="no-gpu",
        )
    return torch.device(name)


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Let torch use deterministic algorithms and so many threads within the block."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads nothing else
    algorithms = torch.are_deterministic_algorithms_enabled()
    fastest = torch.backends.cudnn.benchmark
    threads_before = torch.get_num_threads()
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(algorithms)
        torch.backends.cudnn.benchmark = fastest
        torch.set_num_threads(threads_before)
