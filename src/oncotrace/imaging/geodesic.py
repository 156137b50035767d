"""Geodesic distance from seeds: short through even tissue, long across edges.

The grid is a graph in which every voxel is joined to its 26 neighbours. A step of ``d`` mm between
voxels whose intensities differ by ``|dI|`` costs ``d / ((1 - w) + w / (|dI| + 1e-5))``, where ``w``
weighs the image against plain length [3]_; with ``w = 1``, as published for sarcomas [4]_, this is
``d * (|dI| + 1e-5)`` and is computed so.

Two ways to the distance:

*Published sweeps.* A sweep is one pass over the voxels in the order z, y, x and one back; forth, a
voxel is reached from those of its neighbours that come before it in the order y, x, z, back, from
the other thirteen. (That the two orders differ is GeodisTK's doing, kept here, since networks were
trained on such maps.) Four sweeps are not enough for tortuous tissue, and what they leave depends
on how the axes are ordered and directed.

*Settled.* Rows of voxels are swept to and fro, each only while a row beside it still changes, until
none does. What remains is the shortest path on the graph, whichever order led there: the same to
the last bit for a flipped or turned image.

References
----------
.. [1] Toivanen, New geodesic distance transforms for gray-scale images, Pattern Recognit Lett 1996,
   17:437-450, doi:10.1016/0167-8655(96)00010-4 (the raster scan).
.. [2] Criminisi, Sharp and Blake, GeoS: geodesic image segmentation, ECCV 2008,
   doi:10.1007/978-3-540-88682-2_9.
.. [3] Wang et al., DeepIGeoS, IEEE Trans Pattern Anal Mach Intell 2019, 41:1559-1572,
   doi:10.1109/TPAMI.2018.2840695; step cost and order of the scan are those of its program
   GeodisTK, ``geodesic3d_raster_scan``.
.. [4] Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8; its program
   InteractiveNet calls ``geodesic3d_raster_scan`` with lambda 1 and 4 iterations and takes exp(-D).
   It hands over arrays [x, y, z] as the file stores them, we [z, y, x]: maps that are not settled
   differ by that.
"""

import math

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import ClickError, InputError, SettingsError
from oncotrace.imaging.geodesic_kernels import FAR, published_pass, settling_pass


def geodesic_distance(
    intensities: NDArray[np.float32],
    seeds_zyx: NDArray[np.int64],
    spacing_zyx_mm: tuple[float, float, float],
    *,
    gradient_weight: float = 1.0,
    sweeps: int | None = 4,
) -> NDArray[np.float32]:
    """Distance of every voxel from the seed nearest to it, [z, y, x].

    Parameters
    ----------
    intensities
        Voxels [z, y, x], already normalised; the distance is in mm times their unit.
    seeds_zyx
        Voxel indices of the seeds, shape (n, 3), n >= 1.
    gradient_weight
        From 0, length alone, to 1, intensities alone (lambda of the papers).
    sweeps
        Published sweeps, each to and fro (one "iteration" of GeodisTK, four in InteractiveNet), or
        None for the settled distance, which is exact and does not depend on the axes' directions.

    Raises
    ------
    InputError
        The image is not three-dimensional, is empty, or holds values that are not finite.
    ClickError
        There is no seed, or one lies outside the image.
    SettingsError
        A weight outside [0, 1], fewer sweeps than one.
    """
    image = _padded_image(intensities, spacing_zyx_mm)
    seeds = _checked_seeds(seeds_zyx, intensities.shape) + 1
    weight = _checked_weight(gradient_weight)
    lengths_mm = _step_lengths_mm(spacing_zyx_mm)
    distance = np.full(image.shape, FAR, dtype=np.float32)
    distance[tuple(seeds.T)] = 0
    if sweeps is None:
        _settle(distance, image, lengths_mm, weight, seeds)
    else:
        forth, back = _published_halves(lengths_mm)
        for _ in range(_checked_sweeps(sweeps)):
            published_pass(distance, image, forth, weight, 1)
            published_pass(distance, image, back, weight, -1)
    return np.ascontiguousarray(distance[1:-1, 1:-1, 1:-1])


def geodesic_guidance(
    intensities: NDArray[np.float32],
    seeds_zyx: NDArray[np.int64],
    spacing_zyx_mm: tuple[float, float, float],
    *,
    gradient_weight: float = 1.0,
    sweeps: int | None = 4,
) -> NDArray[np.float32]:
    """Nearness of every voxel to the seeds, exp(-D), [z, y, x]: 1 at the seeds, 0 far away.

    D and the parameters are those of `geodesic_distance`.
    """
    distance = geodesic_distance(
        intensities, seeds_zyx, spacing_zyx_mm, gradient_weight=gradient_weight, sweeps=sweeps
    )
    return np.exp(-distance)


def _padded_image(
    intensities: NDArray[np.float32], spacing_zyx_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Return the image with one voxel more on every side, so that each has 26 neighbours."""
    if intensities.ndim != 3 or intensities.size == 0:
        raise InputError(
            f"the geodesic distance needs voxels along [z, y, x], found shape {intensities.shape}.",
            code="image-shape",
        )
    if len(spacing_zyx_mm) != 3 or not all(math.isfinite(s) and s > 0 for s in spacing_zyx_mm):
        raise InputError(
            f"the voxel spacing must be three lengths above 0 mm, found {spacing_zyx_mm}.",
            code="spacing",
        )
    with np.errstate(over="ignore"):  # beyond float32 counts as not finite, just below
        image = np.ascontiguousarray(intensities, dtype=np.float32)
    bad = image.size - np.count_nonzero(np.isfinite(image))
    if bad:
        raise InputError(
            f"{bad} of {image.size} voxels are not finite numbers.",
            hint="Replace them before the geodesic distance is taken.",
            code="not-finite",
        )
    return np.pad(image, 1)


def _checked_seeds(seeds_zyx: NDArray[np.int64], shape_zyx: tuple[int, ...]) -> NDArray[np.int64]:
    if seeds_zyx.ndim != 2 or seeds_zyx.shape[1] != 3 or seeds_zyx.dtype.kind not in "iu":
        raise ClickError(
            "seeds must be whole voxel indices of shape (n, 3), "
            f"found {seeds_zyx.dtype} of shape {seeds_zyx.shape}."
        )
    if len(seeds_zyx) == 0:
        raise ClickError("a geodesic distance needs at least one seed, found none.")
    outside = np.flatnonzero(((seeds_zyx < 0) | (seeds_zyx >= shape_zyx)).any(axis=1))
    if outside.size:
        first = int(outside[0])
        raise ClickError(
            f"seed {first + 1} of {len(seeds_zyx)} at voxel {seeds_zyx[first].tolist()} [z, y, x] "
            f"lies outside the image of {shape_zyx} voxels.",
            code="click-outside",
        )
    return seeds_zyx.astype(np.int64)


def _checked_weight(gradient_weight: float) -> np.float32:
    if not 0 <= gradient_weight <= 1:
        raise SettingsError(f"gradient_weight must be from 0 to 1, found {gradient_weight}.")
    return np.float32(gradient_weight)


def _checked_sweeps(sweeps: int) -> int:
    if sweeps < 1:
        raise SettingsError(
            f"sweeps must be at least 1, found {sweeps}.", hint="None sweeps until nothing changes."
        )
    return sweeps


def _step_lengths_mm(spacing_zyx_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """Length of each step, indexed [dz + 1, dy + 1, dx + 1]; infinite for standing still."""
    lengths = np.empty((3, 3, 3), dtype=np.float32)
    for index in np.ndindex(3, 3, 3):
        along = (s * s for s, i in zip(spacing_zyx_mm, index, strict=True) if i != 1)
        # fsum rounds once, so that the sum does not depend on the order of the axes.
        lengths[index] = math.sqrt(math.fsum(along))
    lengths[1, 1, 1] = np.inf
    return lengths


def _published_halves(
    lengths_mm: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the steps taken forth and back; a step that is not taken is infinitely long."""
    forth, back = np.full_like(lengths_mm, np.inf), np.full_like(lengths_mm, np.inf)
    for z, y, x in np.ndindex(3, 3, 3):
        half = forth if (y, x, z) < (1, 1, 1) else back
        half[z, y, x] = lengths_mm[z, y, x]
    return forth, back


def _settle(
    distance: NDArray[np.float32],
    image: NDArray[np.float32],
    lengths_mm: NDArray[np.float32],
    weight: np.float32,
    seeds_zyx: NDArray[np.int64],
) -> None:
    """Lower the distances, 0 at the seeds, until no step lowers any further."""
    news = np.zeros(distance.shape[:2], dtype=np.int16)
    news[seeds_zyx[:, 0], seeds_zyx[:, 1]] = 1 << 4
    direction = 1
    while settling_pass(distance, image, lengths_mm, weight, direction, news):
        direction = -direction
