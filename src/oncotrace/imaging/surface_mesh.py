"""The surface of a mask as a closed mesh of triangles, smooth enough to be looked at or printed."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import read_only

# Cells around a line from a voxel to the next along x, counterclockwise as seen from its far end,
# counted from the cell that begins at the first voxel.
_RING_XYZ = np.array([[0, -1, -1], [0, 0, -1], [0, 0, 0], [0, -1, 0]])

_CORNERS_XYZ = np.array(list(product((0, 1), repeat=3)))  # of a cell; their numbers are bits
_BIT_OF_STEP = np.array([4, 2, 1])  # from one corner to the next along x, y, z

_ROUNDS = 20
_SHRINK = 0.5  # Taubin's lambda
_PASS_BAND = 0.03  # waves longer than about 18 voxels are kept
_SWELL = -1 / (1 / _SHRINK - _PASS_BAND)  # his mu

# A vertex stays clear of its cell's border, so that it never meets the next cell's.
_REACH = 0.4


@dataclass(frozen=True, eq=False)
class SurfaceMesh:
    """A closed surface of triangles.

    Parameters
    ----------
    vertices_mm
        Positions in LPS mm, shape (n, 3).
    triangles
        Three vertices each, shape (m, 3): counterclockwise as seen from outside.
    """

    vertices_mm: NDArray[np.float64]
    triangles: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices_mm", read_only(self.vertices_mm))
        object.__setattr__(self, "triangles", read_only(self.triangles))


def surface_mesh(mask: Mask) -> SurfaceMesh:
    """Return the closed surface of a mask: a constrained surface net, smoothed, not shrunk.

    Every cell of 2 x 2 x 2 voxels, some set and some not, has a vertex for each piece of surface in
    it, first in its middle, so that the net consists of the outer faces of the voxels. Then 20
    rounds of Taubin's two steps smooth it, while every vertex stays within 0.4 voxels of the middle
    along each axis. Voxels that touch along an edge or at a corner only are separate. Beyond the
    grid lies background.

    Each edge belongs to two triangles, which run along it in opposite senses; to four where two
    gaps between voxels meet in an edge, which none of the tumours of the public sarcoma data has.
    Triangles may cut each other at parts that are one voxel thin.

    The mesh is for the eye and the printer; volumes are measured on voxels. Its own differs from
    theirs by at most 0.05 % in those tumours on CT and MR, 2 % on PET, and 1 % in balls of six
    voxels or more across. Fewer voxels lose more: a ball of two thick slices a third, 2 x 2 x 2
    voxels half, and a single voxel becomes a speck.

    Raises
    ------
    EmptyMaskError
        No voxel is set.

    References
    ----------
    Gibson, MICCAI 1998, LNCS 1496:888-898, doi:10.1007/BFb0056277, for the net; hers only
    moves towards the mean of the neighbours, and shrinks.
    Nielson, IEEE Visualization 2004, doi:10.1109/VISUAL.2004.28, for several vertices in a cell.
    Taubin, SIGGRAPH 1995, doi:10.1145/218380.218473, for swelling after each shrinking.
    """
    box = mask.box_zyx()
    inside = np.pad(mask.voxels[box], 1).transpose(2, 1, 0)
    middles_xyz, quads = _net(inside)
    # A cell's middle lies half a voxel behind the first of its voxels, of which one is padding.
    shift_xyz = np.array([axis.start for axis in reversed(box)]) - 0.5
    vertices_mm = mask.geometry.to_point_mm(_smoothed(middles_xyz, quads) + shift_xyz)
    if np.linalg.det(mask.geometry.axes) < 0:
        quads = quads[:, ::-1]
    return SurfaceMesh(vertices_mm, _triangles(vertices_mm, quads))


def _net(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cell of each vertex, (n, 3) [x, y, z], and quadrilaterals of four vertices each, (m, 4).

    There is one between each set voxel and each unset one beside it, counterclockwise as seen from
    the unset one where the axes are right-handed.
    """
    codes = _codes(inside)
    keys, vertices = np.unique(
        np.concatenate([_quads_across(axis, inside, codes) for axis in range(3)]),
        return_inverse=True,
    )
    middles_xyz = np.stack(np.unravel_index(keys >> 8, codes.shape), axis=-1)
    return middles_xyz, vertices.reshape(-1, 4)


def _codes(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Which corners of each cell are set, a bit for each."""
    codes = np.zeros([size - 1 for size in inside.shape], dtype=np.uint8)
    for bit, corner in enumerate(_CORNERS_XYZ):
        here = tuple(slice(i, i + n) for i, n in zip(corner, codes.shape, strict=True))
        codes |= inside[here].astype(np.uint8) << bit
    return codes


def _quads_across(
    axis: int, inside: NDArray[np.bool_], codes: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Quadrilaterals between neighbours along an axis, as keys of their vertices, (m, 4).

    A key holds the cell's place above eight bits, of which the two are set that name the parts on
    either side of the surface there.
    """
    first_xyz = np.argwhere(np.diff(inside, axis=axis))
    around = np.roll(_RING_XYZ, axis, axis=1)
    is_outward = inside[tuple(first_xyz.T)][:, np.newaxis, np.newaxis]
    steps = np.where(is_outward, around, around[::-1])
    cells = tuple(np.moveaxis(first_xyz[:, np.newaxis] + steps, -1, 0))
    corner = -steps @ _BIT_OF_STEP  # where the first voxel stands in the cell
    parts = _parts()[codes[cells]]
    keys: NDArray[np.int64] = np.ravel_multi_index(cells, codes.shape) << 8
    for end in (corner, corner + _BIT_OF_STEP[axis]):
        keys |= 1 << np.take_along_axis(parts, end[..., np.newaxis], axis=-1)[..., 0]
    return keys


@cache
def _parts() -> NDArray[np.int64]:
    """Part of a cell that each of its corners belongs to, by code, shape (256, 8).

    A part is named by the first of its corners. Set corners are joined along the cell's edges,
    unset ones across its sides too.
    """
    apart = np.abs(_CORNERS_XYZ[:, np.newaxis] - _CORNERS_XYZ).sum(axis=-1)
    is_set = (np.arange(256)[:, np.newaxis] >> np.arange(8) & 1).astype(np.bool_)
    is_alike = is_set[:, :, np.newaxis] == is_set[:, np.newaxis]
    joined = is_alike & (apart <= np.where(is_set, 1, 2)[:, :, np.newaxis])
    for _ in range(3):  # ways of up to eight steps
        joined = joined @ joined
    first: NDArray[np.int64] = joined.argmax(axis=-1)
    return first


def _smoothed(middles: NDArray[np.int64], quads: NDArray[np.int64]) -> NDArray[np.float64]:
    """Vertices moved towards and away from the mean of their neighbours, by turns."""
    # A closed surface runs along each side both ways, so that next corners are all neighbours.
    here, there = quads.ravel(), np.roll(quads, -1, axis=1).ravel()
    share = 1 / np.bincount(here)[here]
    mean_of_neighbours = csr_array((share, (here, there)), shape=(len(middles), len(middles)))
    vertices = middles.astype(np.float64)
    for step in (_SHRINK, _SWELL) * _ROUNDS:
        vertices = vertices + step * (mean_of_neighbours @ vertices - vertices)
        vertices = np.clip(vertices, middles - _REACH, middles + _REACH)
    return vertices


def _triangles(vertices_mm: NDArray[np.float64], quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Quadrilaterals cut in two along their shorter diagonal."""
    corners_mm = vertices_mm[quads]
    diagonals_mm = np.linalg.norm(corners_mm[:, :2] - corners_mm[:, 2:], axis=-1)
    is_other = diagonals_mm[:, 1] < diagonals_mm[:, 0]
    turned = np.where(is_other[:, np.newaxis], np.roll(quads, -1, axis=1), quads)
    return turned[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
