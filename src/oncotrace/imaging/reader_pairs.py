"""Outlines of several readers in pairs, and the distance within which readers agree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.errors import EmptyMaskError
from oncotrace.imaging.overlap import VoxelOverlap, voxel_overlap
from oncotrace.imaging.surface_distance import SurfaceDistances, surface_distances

_ROUNDING = 1e-12  # of a sum of shares


@dataclass(frozen=True, eq=False)
class ReaderPair:
    """How far two readers' outlines of one structure agree; ``first`` and ``second`` name them."""

    first: str
    second: str
    voxels: VoxelOverlap
    surfaces: SurfaceDistances


def reader_pairs(masks: Mapping[str, Mask]) -> list[ReaderPair]:
    """Every unordered pair of readers once, in the order of the readers.

    Raises
    ------
    GeometryMismatchError
        Two masks lie on different grids.
    """
    return [
        ReaderPair(
            first,
            second,
            voxel_overlap(masks[first], masks[second]),
            surface_distances(masks[first], masks[second]),
        )
        for first, second in combinations(masks, 2)
    ]


def reader_tolerance_mm(pairs: Iterable[ReaderPair], *, percent: float = 95.0) -> float:
    """Tolerance for a surface Dice: how near readers' surfaces mostly are to each other, in mm.

    The shortest distance within which ``percent`` of the area of the readers' surfaces lies from
    the other reader's, over all pairs, both ways, of all cases together. At this tolerance the
    readers' own surface Dice is 95 % over all of them.

    Raises
    ------
    EmptyMaskError
        A reader has outlined nothing, so that there is no distance, or there is no pair.

    References
    ----------
    Nikolov et al., J Med Internet Res 2021;23:e26151, doi:10.2196/26151: the 95th percentile of
    distances between readers' outlines of the same scans, for each organ.
    """
    ways = [way for pair in pairs for way in (pair.surfaces.of_mask, pair.surfaces.of_reference)]
    distance_mm = np.concatenate([np.empty(0), *(way.distance_mm for way in ways)])
    area_mm2 = np.concatenate([np.empty(0), *(way.area_mm2 for way in ways)])
    if not len(distance_mm) or not np.isfinite(distance_mm).all():
        raise EmptyMaskError(
            "a tolerance needs outlines of two readers, and each of them outlining something.",
            hint="Leave out the cases in which a reader has found nothing.",
        )
    order = np.argsort(distance_mm, kind="stable")
    so_far = np.cumsum(area_mm2[order])
    wanted = percent / 100 * so_far[-1] * (1 - _ROUNDING)
    return float(distance_mm[order][np.searchsorted(so_far, wanted)])
