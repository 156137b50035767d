"""Closed outlines that run along the edges between the pixels of one slice.

Their vertices are corners of pixels, half a pixel away from every pixel centre: filling them by the
pixel-centre test, as `oncotrace.imaging.polygon_fill` does, gives back exactly the same pixels,
even when the vertices have been moved by a good part of a pixel in between.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

# Row and column of a corner of the pixel grid: the upper left one of the pixel of that index.
_Corner = tuple[int, int]
_Loop = list[_Corner]


def closed_outlines(area: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Outer boundaries and holes of a slice's set pixels, each as one polygon.

    As a slice is shown, with rows downwards and columns to the right, outer boundaries run
    counterclockwise and holes clockwise. Set pixels that touch at a corner only are not joined. No
    polygon visits a point twice or crosses itself; two may touch at a vertex. Filled together,
    even-odd or by winding number, they give the set pixels.

    Returns
    -------
    list[NDArray[np.float64]]
        Vertices (n, 2) [row, column] of each polygon, the pixel centres being whole numbers; the
        last is joined to the first, and the outline turns at every one.
    """
    return [_points(loop) for loop in _loops(area)]


def keyhole_outlines(area: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Outlines as `closed_outlines` has them, with every hole joined to the outline around it.

    A channel without width runs from the upper left corner of a hole straight upwards to the next
    outline, there and back along the same pixel edges. There is one polygon for every piece whose
    pixels share edges. It touches itself, along channels and where pixels touch at a corner, and
    never crosses itself.
    """
    outer: list[_Loop] = []
    holes: dict[_Corner, _Loop] = {}
    for loop in _loops(area):
        first = min(loop)  # in the upper left corner, so that the pixel below it is inside
        if area[first]:
            outer.append(loop)
        else:
            start = loop.index(first)
            holes[_top_of_channel(area, first)] = loop[start:] + loop[:start]
    tops: defaultdict[int, list[int]] = defaultdict(list)
    for row, column in holes:
        insort(tops[row], column)
    return [_points(_joined(loop, holes, tops)) for loop in outer]


def _points(loop: Iterable[_Corner]) -> NDArray[np.float64]:
    return np.array(list(loop), dtype=np.float64) - 0.5


@dataclass(frozen=True, slots=True)
class _Turns:
    """Corners at which outlines turn, in the order of rows and, within a row, of columns.

    A corner at which two set pixels touch diagonally is two turns. In every row the first two turns
    are the ends of a horizontal edge, then the next two: turn ``i`` is joined to turn ``i ^ 1``.

    Parameters
    ----------
    corners
        Row and column of every turn.
    vertical
        For every turn the other end of its vertical edge; where set pixels touch diagonally, of
        that which goes round the same set pixel.
    is_above_set
        For every turn whether the pixel to its lower right is set.
    """

    corners: list[_Corner]
    vertical: list[int]
    is_above_set: list[bool]


def _turns(area: NDArray[np.bool_]) -> _Turns:
    padded = np.pad(area, 1)
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    is_single = upper_left ^ upper_right ^ lower_left ^ lower_right
    is_diagonal = (upper_left ^ upper_right) & (upper_left ^ lower_left) & ~is_single
    found = np.nonzero(is_single | is_diagonal)
    rows, columns = (np.repeat(index, 1 + is_diagonal[found]) for index in found)
    is_second = np.zeros(len(rows), dtype=np.bool_)
    is_second[1:] = (np.diff(rows) == 0) & (np.diff(columns) == 0)
    # Of the two turns at a diagonal the first has the edge on the left, the second that on the
    # right; the one with a set pixel above goes up.
    goes_down = is_second ^ upper_right[rows, columns]
    order = np.lexsort((goes_down, rows, columns))
    vertical = np.empty_like(order)
    vertical[order[0::2]], vertical[order[1::2]] = order[1::2], order[0::2]
    return _Turns(
        list(zip(rows.tolist(), columns.tolist(), strict=True)),
        vertical.tolist(),
        lower_right[rows, columns].tolist(),
    )


def _loops(area: NDArray[np.bool_]) -> list[_Loop]:
    """Follow the outlines from turn to turn, alternately along a row and along a column."""
    turns = _turns(area)
    seen = [False] * len(turns.corners)
    loops: list[_Loop] = []
    for left in range(0, len(seen), 2):
        turn = left + turns.is_above_set[left]  # set pixels on the left hand: upper edges run left
        walk: _Loop = []
        while not seen[turn]:
            other = turn ^ 1
            seen[turn] = seen[other] = True
            walk += turns.corners[turn], turns.corners[other]
            turn = turns.vertical[other]
        loops.extend(_without_second_visits(walk))
    return loops


def _without_second_visits(walk: _Loop) -> Iterator[_Loop]:
    """Parts of a closed walk, cut wherever it comes back to a corner; none of an empty one."""
    place: dict[_Corner, int] = {}
    path: _Loop = []
    for corner in walk:
        if corner in place:
            start = place[corner]
            yield path[start:]
            for passed in path[start + 1 :]:
                del place[passed]
            del path[start + 1 :]
        else:
            place[corner] = len(path)
            path.append(corner)
    if path:
        yield path


def _top_of_channel(area: NDArray[np.bool_], first: _Corner) -> _Corner:
    """Where the way straight up from a hole, between set pixels, meets another outline."""
    row, column = first
    is_open = area[:row, column - 1] & area[:row, column]
    closed = np.flatnonzero(~is_open)
    return (int(closed[-1]) + 1 if closed.size else 0), column


def _joined(
    outer: _Loop, holes: dict[_Corner, _Loop], tops: Mapping[int, list[int]]
) -> Iterator[_Corner]:
    """Walk along an outline and, at every top of a channel, down and around the hole.

    Where a hole touches the outline around it, its channel has no length.
    """
    unfinished = [_with_tops(outer, tops)]
    while unfinished:
        for corner in unfinished[-1]:
            yield corner
            hole = holes.pop(corner, None)
            if hole is not None:
                touches = hole[0] == corner
                around = islice(_with_tops(hole, tops), int(touches), None)
                unfinished.append(chain(around, [corner] if touches else [hole[0], corner]))
                break
        else:
            unfinished.pop()


def _with_tops(loop: _Loop, tops: Mapping[int, list[int]]) -> Iterator[_Corner]:
    """Corners of a loop, and between them the tops of channels that its edges hold."""
    for corner, following in zip(loop, loop[1:] + loop[:1], strict=True):
        yield corner
        row, column = corner
        if following[0] == row and row in tops:
            low, high = sorted((column, following[1]))
            between = tops[row][bisect_right(tops[row], low) : bisect_left(tops[row], high)]
            for top in between if column == low else reversed(between):
                yield row, top
