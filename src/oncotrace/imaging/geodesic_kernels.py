"""The compiled half of the geodesic distance: what runs once per voxel.

No "fastmath", so that the same input gives the same bits on every processor.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., object])

FAR = np.float32(np.inf)
"""Distance of what has not been reached; length of a step that is not taken."""

_EQUAL = np.float32(1e-5)  # what two equal voxels count as differing by: no step is free
_ONE = np.float32(1)


def _compiled(function: Function) -> Function:
    """Return the function compiled as part of those that call it."""
    # Division is numpy's, without Python's check for 0: that check forbids vector instructions.
    return cast(Function, njit(function, nogil=True, error_model="numpy"))


def compiled_once(function: Function) -> Function:
    """Return the function compiled when first called, and kept on disk where that is possible.

    numba keeps it beside the source, else in the user's cache folder. It refuses where neither can
    be written, and fails where the disk is full; either way the code runs, compiled anew in every
    process.
    """
    try:
        compiled = njit(function, nogil=True, error_model="numpy", cache=True)
    except RuntimeError:
        compiled = njit(function, nogil=True, error_model="numpy")

    @wraps(function)
    def run(*arguments: object) -> object:
        try:
            return compiled(*arguments)
        except OSError:  # it could not be saved, but it is compiled
            return compiled(*arguments)

    return cast(Function, run)


@_compiled
def _inner(padded_size: int, direction: int) -> range:
    """Return the indices without the padding, upwards (1) or downwards (-1)."""
    if direction > 0:
        return range(1, padded_size - 1, 1)
    return range(padded_size - 2, 0, -1)


@_compiled
def _cost(jump: np.float32, length_mm: np.float32, weight: np.float32) -> np.float32:
    jump += _EQUAL
    if weight == _ONE:
        return length_mm * jump
    return length_mm / ((_ONE - weight) + weight / jump)


@_compiled
def _lower_from_row(
    best: NDArray[np.float32],
    here: NDArray[np.float32],
    distance: NDArray[np.float32],
    image: NDArray[np.float32],
    lengths_mm: NDArray[np.float32],
    weight: np.float32,
) -> None:
    """Lower ``best`` [x] by the steps from a neighbouring row, which is padded on both sides."""
    before, beside, after = lengths_mm
    for x in range(best.size):
        value, voxel = best[x], here[x]
        value = min(value, distance[x] + _cost(abs(voxel - image[x]), before, weight))
        value = min(value, distance[x + 1] + _cost(abs(voxel - image[x + 1]), beside, weight))
        value = min(value, distance[x + 2] + _cost(abs(voxel - image[x + 2]), after, weight))
        best[x] = value


@_compiled
def _lower_along_row(
    best: NDArray[np.float32],
    padded_image: NDArray[np.float32],
    lengths_mm: NDArray[np.float32],
    weight: np.float32,
    costs: NDArray[np.float32],
) -> None:
    """Lower ``best`` [x] by the steps within the row: from the left, then from the right."""
    last = best.size - 1
    length_mm = min(lengths_mm[0], lengths_mm[2])
    for x in range(last):
        costs[x] = _cost(abs(padded_image[x + 1] - padded_image[x + 2]), length_mm, weight)
    if lengths_mm[0] < FAR:
        for x in range(last):
            best[x + 1] = min(best[x + 1], best[x] + costs[x])
    if lengths_mm[2] < FAR:
        for x in range(last, 0, -1):
            best[x - 1] = min(best[x - 1], best[x] + costs[x - 1])


@_compiled
def _take_over(best: NDArray[np.float32], old: NDArray[np.float32]) -> bool:
    """Copy a row; return whether that changed anything."""
    changed = False
    for x in range(best.size):
        changed |= best[x] != old[x]
        old[x] = best[x]
    return changed


@compiled_once
def published_pass(
    distance: NDArray[np.float32],
    image: NDArray[np.float32],
    lengths_mm: NDArray[np.float32],
    weight: np.float32,
    direction: int,
) -> None:
    """Lower the distances by one half of a published sweep: forth (1) or back (-1)."""
    nz, ny, nx = distance.shape
    costs = np.empty(nx, dtype=np.float32)
    for z in _inner(nz, direction):
        for y in _inner(ny, direction):
            best = distance[z, y, 1:-1]
            for i in range(9):
                dz, dy = i // 3, i % 3
                if i != 4 and lengths_mm[dz, dy].min() < FAR:
                    row = z + dz - 1, y + dy - 1
                    _lower_from_row(
                        best,
                        image[z, y, 1:-1],
                        distance[row],
                        image[row],
                        lengths_mm[dz, dy],
                        weight,
                    )
            _lower_along_row(best, image[z, y], lengths_mm[1, 1], weight, costs)


@compiled_once
def settling_pass(
    distance: NDArray[np.float32],
    image: NDArray[np.float32],
    lengths_mm: NDArray[np.float32],
    weight: np.float32,
    direction: int,
    news: NDArray[np.int16],
) -> bool:
    """Settle each row [z, y] with those beside it that changed; return whether any row did so.

    Bit ``3 * (dz + 1) + (dy + 1)`` of ``news[z, y]`` says that the row at ``(z + dz, y + dy)`` has
    changed since row ``(z, y)`` last looked at it; the middle bit, that the row itself is new.
    """
    nz, ny, nx = distance.shape
    best = np.empty(nx - 2, dtype=np.float32)
    costs = np.empty(nx, dtype=np.float32)
    looked = False
    for z in _inner(nz, direction):
        for y in _inner(ny, direction):
            if news[z, y] == 0:
                continue
            looked = True
            old = distance[z, y, 1:-1]
            best[:] = old
            for i in range(9):
                if i != 4 and news[z, y] >> i & 1:
                    row = z + i // 3 - 1, y + i % 3 - 1
                    _lower_from_row(
                        best,
                        image[z, y, 1:-1],
                        distance[row],
                        image[row],
                        lengths_mm[i // 3, i % 3],
                        weight,
                    )
            _lower_along_row(best, image[z, y], lengths_mm[1, 1], weight, costs)
            is_new = news[z, y] >> 4 & 1
            news[z, y] = 0
            if _take_over(best, old) or is_new:
                for i in range(9):
                    if i != 4:
                        news[z + i // 3 - 1, y + i % 3 - 1] |= 1 << (8 - i)
    news[0], news[-1], news[:, 0], news[:, -1] = 0, 0, 0, 0
    return looked
