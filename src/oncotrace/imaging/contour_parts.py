"""Which pieces of two outlined slices are the same part of a structure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label
from scipy.sparse.csgraph import connected_components

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=np.bool_)

_Area = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of one slice, numbered from 0; pixels that touch by a corner are of one piece."""

    labels: NDArray[np.int32]
    count: int

    def area(self, chosen: NDArray[np.bool_]) -> _Area:
        """Pixels [row, column] of the pieces that are chosen, shape (count,)."""
        return np.asarray(np.concatenate([[False], chosen])[self.labels])


def pieces_of(area: _Area) -> Pieces:
    """Return the pieces of a slice's set pixels."""
    labels, count = label(area, _EIGHT_NEIGHBOURS)
    return Pieces(labels.astype(np.int32), int(count))


def linked_pieces(
    below: Pieces, above: Pieces, pixel_mm: tuple[float, float], apart_mm: float
) -> NDArray[np.bool_]:
    """Whether each piece of one slice and each of the other are the same part, a matrix.

    Pieces that overlap in plane are. A piece that overlaps none is taken for the same part as the
    nearest of the other slice if that is no farther in plane than the slices are apart, or overlaps
    none either: so a part that runs obliquely stays whole, and what is far from everything ends.

    Parameters
    ----------
    apart_mm
        Distance between the two slices.
    """
    links = np.zeros((below.count, above.count), dtype=np.bool_)
    both = (below.labels > 0) & (above.labels > 0)
    links[below.labels[both] - 1, above.labels[both] - 1] = True
    alone, alone_above = ~links.any(axis=1), ~links.any(axis=0)
    if not (alone.any() or alone_above.any()):
        return links
    gaps_mm = _gaps_mm(below, above, pixel_mm)
    for here, there, gaps, matrix in (
        (alone, alone_above, gaps_mm, links),
        (alone_above, alone, gaps_mm.T, links.T),
    ):
        for piece in np.flatnonzero(here):
            nearest = gaps[piece] <= gaps[piece].min() + 1e-9
            matrix[piece] |= nearest & ((gaps[piece] <= apart_mm) | there)
    return links


def parts_of(links: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Pieces of either slice that belong together, part by part.

    A part has pieces in one slice alone if it ends between them.
    """
    below, above = links.shape
    graph = np.zeros((below + above, below + above), dtype=np.bool_)
    graph[:below, below:] = links
    count, part = connected_components(graph, directed=False)
    return [(part[:below] == number, part[below:] == number) for number in range(count)]


def _gaps_mm(below: Pieces, above: Pieces, pixel_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Distance in plane between each piece of one slice and each of the other."""
    gaps = np.empty((below.count, above.count))
    for piece in range(below.count):
        distance_mm = distance_transform_edt(below.labels != piece + 1, pixel_mm)
        for other in range(above.count):
            gaps[piece, other] = distance_mm[above.labels == other + 1].min()
    return gaps
