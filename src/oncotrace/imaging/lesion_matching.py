"""Lesions of one patient followed over time points: which piece of a mask is which lesion.

The masks lie in one frame of reference, or are moved into it; their grids may differ. Nothing is
resampled: positions are compared, and what is measured are the pieces as they were drawn.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from oncotrace.domain.mask import Mask
from oncotrace.errors import InputError

_FACES_EDGES_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)

Affine = NDArray[np.float64]
"""Homogeneous matrix, 4 x 4, from a time point's LPS millimetres to those of the first."""


@dataclass(frozen=True)
class MatchingLimits:
    """When two pieces are the same lesion.

    Parameters
    ----------
    least_overlap
        Share of the smaller piece that must lie in the other, so that neighbours that touch after
        a small shift stay apart.
    farthest_mm
        Between the centres of pieces that do not overlap.
    """

    least_overlap: float = 0.1
    farthest_mm: float = 20.0


@dataclass(frozen=True, eq=False)
class LesionPiece:
    """One connected piece of a time point's mask, and the lesion that it belongs to.

    ``name`` is that of the lesion, ``L1``, ``L2``... in the order of their first appearance, the
    larger first. A fragment of a lesion that has split has a name of its own, ``L1b``, and says
    in ``split_from`` which lesion it is a part of.
    """

    name: str
    mask: Mask
    split_from: str = ""


@dataclass(frozen=True, eq=False)
class FollowedTimePoint:
    """Lesions at one time point.

    Parameters
    ----------
    pieces
        What there is, the parts of a lesion one after the other.
    merged
        Lesions that have become part of another by this time point: its name by theirs.
    vanished
        Lesions that were there at some time before and are not now.
    new
        Lesions that are there for the first time, after the first time point.
    moved_mm
        Lesions that were found again by distance alone, and how far their centres are apart.
    """

    pieces: tuple[LesionPiece, ...]
    merged: Mapping[str, str]
    vanished: tuple[str, ...]
    new: tuple[str, ...]
    moved_mm: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class _Known:
    """A lesion where it was last seen; its pieces in that time point's millimetres."""

    name: str
    pieces: tuple[Mask, ...]
    to_first: Affine


def separate_pieces(mask: Mask) -> tuple[Mask, ...]:
    """Pieces of voxels that touch by a face, an edge or a corner, the largest first.

    Each is cropped to its own box. None for an empty mask. Pieces of one size keep the order of
    their first voxels, [z, y, x].
    """
    if mask.is_empty:
        return ()
    around = mask.box_zyx()
    labels, count = label(mask.voxels[around], _FACES_EDGES_CORNERS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = find_objects(labels)
    pieces = []
    for place in np.argsort(-sizes, kind="stable").tolist():
        voxels = labels[boxes[place]] == place + 1
        z, y, x = (b.start + a.start for b, a in zip(boxes[place], around, strict=True))
        nz, ny, nx = voxels.shape
        pieces.append(Mask(voxels, mask.geometry.crop((x, y, z), (nx, ny, nz))))
    return tuple(pieces)


def follow_lesions(
    masks: Sequence[Mask | None],
    *,
    limits: MatchingLimits,
    to_first: Sequence[Affine] | None = None,
) -> tuple[FollowedTimePoint, ...]:
    """Follow the lesions of one patient through masks in the order of their times.

    A piece is compared with every lesion where that was last seen, be it vanished since. Pieces
    that overlap a lesion are that lesion; several are its fragments. A piece that overlaps several
    lesions is the one that it shares most with, and those that have no other piece have merged
    into it for good: should it come apart again, its pieces are that one's fragments. Pieces and
    lesions that overlap nothing are paired by the distance of their centres, the shortest sum of
    all. A vanished lesion that returns has its old name.

    Parameters
    ----------
    masks
        None where there is no mask; nothing changes there.
    to_first
        For every mask the matrix that moves its millimetres into those of the first; without it
        they are in one frame of reference. Rigid or affine: masks that need more are resampled
        first.

    Raises
    ------
    InputError
        Not one matrix, 4 x 4 and invertible, for every mask.
    """
    moves = _checked_moves(to_first, len(masks))
    known: dict[str, _Known] = {}
    merged: dict[str, str] = {}
    followed = []
    for place, (mask, move) in enumerate(zip(masks, moves, strict=True)):
        if mask is None:
            followed.append(FollowedTimePoint((), dict(merged), (), (), {}))
            continue
        pieces = separate_pieces(mask)
        apart = {name: lesion for name, lesion in known.items() if name not in merged}
        step = _matched(pieces, move, apart, limits)
        new = _named_new(pieces, step.owner, known)
        merged |= {name: step.merged.get(into, into) for name, into in merged.items()}
        merged |= step.merged
        for name, members in _members(step.owner).items():
            known[name] = _Known(name, tuple(pieces[i] for i in members), move)
        vanished = [n for n in known if n not in step.owner.values() and n not in merged]
        followed.append(
            FollowedTimePoint(
                pieces=_named_pieces(pieces, step.owner, list(known)),
                merged=dict(merged),
                vanished=tuple(vanished),
                new=new if place > 0 else (),
                moved_mm=step.moved_mm,
            )
        )
    return tuple(followed)


@dataclass(frozen=True)
class _Matched:
    """Which lesion each piece is (its place: the name), which have merged, what moved how far."""

    owner: dict[int, str]
    merged: dict[str, str]
    moved_mm: dict[str, float]


def _matched(
    pieces: Sequence[Mask], move: Affine, known: Mapping[str, _Known], limits: MatchingLimits
) -> _Matched:
    names = list(known)
    shared = np.zeros((len(pieces), len(names)))
    for i, piece in enumerate(pieces):
        points_mm = _moved(_points_mm(piece), move)
        voxel_mm3 = piece.geometry.voxel_volume_mm3
        shared[i] = [_count_inside(points_mm, known[name]) * voxel_mm3 for name in names]
    smaller = np.minimum.outer(
        [_volume_mm3(piece) for piece in pieces],
        [sum(_volume_mm3(part) for part in known[n].pieces) for n in names],
    ).reshape(shared.shape)
    overlaps = np.where(shared >= limits.least_overlap * smaller, shared, 0.0)
    owner = {i: names[int(row.argmax())] for i, row in enumerate(overlaps) if row.any()}
    merged = {
        name: owner[int(overlaps[:, j].argmax())]
        for j, name in enumerate(names)
        if name not in owner.values() and overlaps[:, j].any()
    }
    found = {*owner.values(), *merged}
    free = [i for i in range(len(pieces)) if i not in owner]
    lost = [name for name in names if name not in found]
    moved = _nearest(pieces, free, move, known, lost, limits.farthest_mm)
    return _Matched(
        owner | {i: name for i, (name, _) in moved.items()},
        merged,
        dict(moved.values()),
    )


def _nearest(
    pieces: Sequence[Mask],
    free: Sequence[int],
    move: Affine,
    known: Mapping[str, _Known],
    lost: Sequence[str],
    farthest_mm: float,
) -> dict[int, tuple[str, float]]:
    """Pair pieces with lesions by their centres: the most pairs, then the shortest sum."""
    if not free or not lost:
        return {}
    here = [_moved(_centre_mm(pieces[i]), move) for i in free]
    there = [_known_centre_mm(known[name]) for name in lost]
    distance_mm = cdist(np.array(here), np.array(there))
    is_far = distance_mm > farthest_mm
    too_far = farthest_mm * (len(free) + len(lost) + 1)
    rows, columns = linear_sum_assignment(np.where(is_far, too_far, distance_mm))
    return {
        free[i]: (lost[j], float(distance_mm[i, j]))
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if not is_far[i, j]
    }


def _named_new(
    pieces: Sequence[Mask], owner: dict[int, str], known: Mapping[str, _Known]
) -> tuple[str, ...]:
    """Give a new name to every piece that is no known lesion, and return these names."""
    free = [place for place in range(len(pieces)) if place not in owner]
    names = [f"L{len(known) + number}" for number in range(1, len(free) + 1)]
    owner.update(zip(free, names, strict=True))
    return tuple(names)


def _members(owner: Mapping[int, str]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for place, name in sorted(owner.items()):  # the largest piece first
        members[name].append(place)
    return members


def _named_pieces(
    pieces: Sequence[Mask], owner: Mapping[int, str], order: Sequence[str]
) -> tuple[LesionPiece, ...]:
    members = _members(owner)
    named = []
    for name in sorted(members, key=order.index):
        first, *fragments = members[name]
        named.append(LesionPiece(name, pieces[first]))
        named += [
            LesionPiece(f"{name}{_letters(number)}", pieces[place], split_from=name)
            for number, place in enumerate(fragments, start=1)
        ]
    return tuple(named)


def _letters(number: int) -> str:
    """Return b, c, ... z, ba, ... for the second fragment and those after it."""
    tens, ones = divmod(number, 26)
    return (chr(ord("a") + tens) if tens else "") + chr(ord("a") + ones)


def _count_inside(points_mm: NDArray[np.float64], lesion: _Known) -> int:
    """Count the points, in millimetres of the first time point, that lie in the lesion."""
    to_lesion: Affine = np.asarray(np.linalg.inv(lesion.to_first), dtype=np.float64)
    there_mm = _moved(points_mm, to_lesion)
    count = 0
    for part in lesion.pieces:
        index_xyz = np.rint(part.geometry.to_index(there_mm)).astype(np.intp)
        is_on_grid = ((index_xyz >= 0) & (index_xyz < part.geometry.size_xyz)).all(axis=1)
        x, y, z = index_xyz[is_on_grid].T
        count += int(np.count_nonzero(part.voxels[z, y, x]))
    return count


def _points_mm(mask: Mask) -> NDArray[np.float64]:
    return mask.geometry.to_point_mm(np.argwhere(mask.voxels)[:, ::-1])


def _moved(points_mm: NDArray[np.float64], matrix: Affine) -> NDArray[np.float64]:
    return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3], dtype=np.float64)


def _centre_mm(mask: Mask) -> NDArray[np.float64]:
    return np.asarray(_points_mm(mask).mean(axis=0), dtype=np.float64)


def _known_centre_mm(lesion: _Known) -> NDArray[np.float64]:
    points_mm = np.concatenate([_points_mm(part) for part in lesion.pieces])
    return _moved(points_mm.mean(axis=0), lesion.to_first)


def _volume_mm3(mask: Mask) -> float:
    return int(np.count_nonzero(mask.voxels)) * mask.geometry.voxel_volume_mm3


def _checked_moves(to_first: Sequence[Affine] | None, count: int) -> list[Affine]:
    moves = [np.eye(4)] * count if to_first is None else [np.asarray(m) for m in to_first]
    shapes_fit = len(moves) == count and all(move.shape == (4, 4) for move in moves)
    if not shapes_fit or any(abs(np.linalg.det(move)) < 1e-9 for move in moves):
        raise InputError(
            f"{count} masks need {count} invertible 4 x 4 matrices, found {len(moves)}.",
            code="not-a-transform",
        )
    return moves
