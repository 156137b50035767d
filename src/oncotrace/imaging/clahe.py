"""Contrast-limited adaptive histogram equalisation in three dimensions.

Our own, for ITK's filter of that family (Stark 2000) has no contrast limit.

References
----------
Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994, 474-485.
Here tiles are boxes, and the maps of the eight nearest are interpolated trilinearly.
"""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.scan import Scan
from oncotrace.imaging.region_values import region_values, require_contrast

_Weights = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]


def clahe(
    scan: Scan, *, tiles_xyz: tuple[int, int, int], clip_limit: float, bins: int = 256
) -> Scan:
    """Scan with locally equalised contrast, 0 to 1.

    Within a tile the map is increasing, and its slope is at most ``clip_limit`` times that of the
    plain rescaling of the image to 0 to 1. ``a * image + b`` with a > 0 gives the same result up
    to the rounding of bins.

    Parameters
    ----------
    tiles_xyz
        Number of tiles along x, y, z; at most one for every voxel.
    clip_limit
        Largest count of a bin, in multiples of the mean count; 1 leaves the image as it is.
    bins
        Grey levels of the tiles' histograms.

    Raises
    ------
    InputError
        The image is blank.
    """
    values = region_values(scan, None)
    require_contrast(values, "CLAHE")
    low, high = float(values.min()), float(values.max())
    levels = (scan.voxels.astype(np.float64) - low) / (high - low) * bins
    grey = np.minimum(levels.astype(np.intp), bins - 1)
    counts = [min(n, size) for n, size in zip(reversed(tiles_xyz), grey.shape, strict=True)]
    maps = _tile_maps(grey, counts, bins, clip_limit)
    voxels = _interpolated(levels, maps, bins)
    return Scan(voxels, scan.geometry, scan.modality)


def _tile_maps(
    grey: NDArray[np.intp], counts: list[int], bins: int, clip_limit: float
) -> NDArray[np.float64]:
    """Value at the lower edge of every bin of every tile, [tz, ty, tx, bins + 1], from 0 to 1."""
    maps = np.empty((*counts, bins + 1))
    borders = [
        np.linspace(0, size, n + 1).round().astype(int)
        for size, n in zip(grey.shape, counts, strict=True)
    ]
    for tile in np.ndindex(*counts):
        z, y, x = (slice(b[i], b[i + 1]) for b, i in zip(borders, tile, strict=True))
        histogram = np.bincount(grey[z, y, x].ravel(), minlength=bins).astype(np.float64)
        maps[tile] = _edges(_clipped(histogram / histogram.mean(), clip_limit))
    return maps


def _clipped(histogram: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Histogram of mean 1 with no bin above the limit; what is cut off goes to the other bins.

    It is shared in proportion to the room that each has left, so that no bin overflows.
    """
    cut = np.minimum(histogram, limit)
    excess = float((histogram - cut).sum())
    if excess <= 0:
        return cut
    room = limit - cut
    return np.asarray(cut + room * (excess / float(room.sum())))


def _edges(histogram: NDArray[np.float64]) -> NDArray[np.float64]:
    cumulated = np.concatenate([[0.0], np.cumsum(histogram)])
    return np.asarray(cumulated / cumulated[-1])


def _interpolated(
    levels: NDArray[np.float64], maps: NDArray[np.float64], bins: int
) -> NDArray[np.float32]:
    """Every voxel by the maps of the eight nearest tiles, slice by slice."""
    z_weights, y_weights, x_weights = (
        _weights(size, n) for size, n in zip(levels.shape, maps.shape[:3], strict=True)
    )
    result = np.empty(levels.shape, dtype=np.float32)
    for z in range(levels.shape[0]):
        low = np.minimum(levels[z].astype(np.intp), bins - 1)
        part = levels[z] - low
        along = z_weights[2][z]
        near = (1 - along) * maps[z_weights[0][z]] + along * maps[z_weights[1][z]]
        result[z] = _mapped_slice(near, low, part, y_weights, x_weights)
    return result


def _mapped_slice(
    maps: NDArray[np.float64],
    low: NDArray[np.intp],
    part: NDArray[np.float64],
    y_weights: _Weights,
    x_weights: _Weights,
) -> NDArray[np.float64]:
    """Values of one slice by maps [ty, tx, bins + 1], bilinearly between four tiles."""
    total = np.zeros(low.shape)
    for ty, wy in ((y_weights[0], 1 - y_weights[2]), (y_weights[1], y_weights[2])):
        for tx, wx in ((x_weights[0], 1 - x_weights[2]), (x_weights[1], x_weights[2])):
            rows, columns = ty[:, None], tx[None, :]
            value = maps[rows, columns, low]
            value = value + part * (maps[rows, columns, low + 1] - value)
            total += wy[:, None] * wx[None, :] * value
    return total


def _weights(size: int, tiles: int) -> _Weights:
    """For each voxel along an axis: the tile before, the tile behind, the weight of the latter."""
    place = (np.arange(size) + 0.5) / size * tiles - 0.5
    place = np.clip(place, 0, tiles - 1)
    before = np.minimum(place.astype(np.intp), tiles - 1)
    behind = np.minimum(before + 1, tiles - 1)
    return before, behind, place - before
