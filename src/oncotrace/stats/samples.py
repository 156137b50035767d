"""What every statistic asks of its numbers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oncotrace.errors import InputError


def finite_sample(values: ArrayLike, *, least: int, of: str) -> NDArray[np.float64]:
    """Values as a one-dimensional array of finite numbers, at least ``least`` of them.

    Parameters
    ----------
    of
        What the values are for, in the message: ``a correlation``.

    Raises
    ------
    InputError
        There are fewer, or one is infinite or not a number: leave those out and count them.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) < least:
        raise InputError(
            f"{of} needs at least {least} values, found {sample.size}.", code="too-few-values"
        )
    if not np.isfinite(sample).all():
        raise InputError(
            f"{of} takes finite numbers only, found {np.count_nonzero(~np.isfinite(sample))} "
            "that are not.",
            hint="Leave them out and say how many there were.",
            code="not-finite-values",
        )
    return sample


def finite_pairs(
    first: ArrayLike, second: ArrayLike, *, least: int, of: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two samples of equal length; see `finite_sample`.

    Raises
    ------
    InputError
        They differ in length, are too short or hold numbers that are not finite.
    """
    a, b = (finite_sample(values, least=least, of=of) for values in (first, second))
    if len(a) != len(b):
        raise InputError(
            f"{of} needs pairs, found {len(a)} and {len(b)} values.", code="not-paired"
        )
    return a, b
