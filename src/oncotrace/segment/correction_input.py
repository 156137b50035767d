"""What a correction's network sees: a cube around the click, as large as the mistake is deep.

A click on the wrong side of the mask's border lies at some depth there. Mistakes are alike but for
that depth, so the cube reaches `REACH` depths to every side of the click and always has as many
voxels: a small mistake is looked at closely, a large one from afar.

Everything is told from the side of the click: where a negative click is made, log-odds, distances
and marks change their sign, and the network answers how far the background reaches, as it answers
how far the tumour reaches around a positive one.

Channels by name, all [z, y, x] in the cube:

``image``
    Intensities without what hides the contrast, mean 0 and standard deviation 1 in the cube.
``log-odds``
    Of the click's side, as they are before the correction.
``border``
    Distance from the mask's border in depths, positive on the click's side, at most 3.
``guidance``
    exp(-D), D the geodesic distance from the click, settled.
``marks``
    What the reader has said before: a Gaussian of half a depth around each point, positive for the
    click's side.
``radius``
    Distance from the click, 1 at the middle of the cube's faces.
``side``
    1 for a positive click, -1 for a negative one.
``scale``
    Logarithm of the depth in units of 5 mm.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.special import logit

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import Box, box_around, crop_scan
from oncotrace.imaging.geodesic import geodesic_distance
from oncotrace.imaging.intensity import clipped, standardised
from oncotrace.imaging.resample import resample_array
from oncotrace.segment.finish import CERTAIN_LOG_ODDS
from oncotrace.segment.network_input import stacked
from oncotrace.segment.voi import GridClicks, voxels_at
from oncotrace.segment.working_grid import averaged_onto, require_finite_around_clicks

CUBE_VOXELS = 32
REACH = 8.0
MOST_DEPTH_MM = 20.0
LEAST_DEPTH_MM = 1.0
_UNIT_MM = 5.0
_FARTHEST = 3.0
_MARK_SIGMA = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class MarkedPoints:
    """Points that a reader has decided, shape (n, 3), LPS mm, and their sides, 1 or -1, (n,)."""

    points_mm: NDArray[np.float64]
    sides: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class CorrectionInput:
    """Channels [c, z, y, x] in the cube, and where it lies.

    ``log_odds`` are those of tumour in the cube before the correction, ``distance_mm`` that from
    the click; ``box`` is the part of the image's grid that the cube may change.
    """

    channels: NDArray[np.float32]
    log_odds: NDArray[np.float32]
    distance_mm: NDArray[np.float32]
    cube: Geometry
    box: Box
    depth_mm: float
    side: int


CHANNELS = ("image", "log-odds", "border", "guidance", "marks", "radius", "side", "scale")


def marked_points(clicks: GridClicks) -> MarkedPoints:
    """First clicks and the points of all corrections."""
    parts = [(clicks.seeds_mm, 1)]
    parts += [(each.points_mm, 1 if each.marks_tumour else -1) for each in clicks.corrections]
    return MarkedPoints(
        np.concatenate([points for points, _ in parts]),
        np.concatenate([np.full(len(points), side, dtype=np.int8) for points, side in parts]),
    )


def depth_mm(mask: Mask, point_mm: NDArray[np.float64]) -> float:
    """Distance of the point's voxel from the nearest voxel of the other label, 1 to 20 mm."""
    geometry = mask.geometry
    box = box_around(
        geometry.to_index(point_mm)[None], MOST_DEPTH_MM / np.asarray(geometry.spacing_mm), geometry
    )
    part = mask.voxels[box.slices_zyx]
    here = voxels_at(point_mm[None], geometry)[0] - np.array(box.start_xyz[::-1])
    others = np.argwhere(part != part[tuple(here)])
    if len(others) == 0:
        return MOST_DEPTH_MM
    mm = (others - here) * geometry.spacing_zyx_mm
    nearest = float(np.sqrt(np.square(mm).sum(axis=1).min()))
    return float(np.clip(nearest, LEAST_DEPTH_MM, MOST_DEPTH_MM))


def correction_input(
    scan: Scan,
    mask: Mask,
    probability: NDArray[np.float32],
    point_mm: NDArray[np.float64],
    *,
    is_tumour: bool,
    before: MarkedPoints,
    names: tuple[str, ...] = CHANNELS,
) -> CorrectionInput:
    """Channels around a click.

    Parameters
    ----------
    probability
        Of tumour [z, y, x] on the grid of scan and mask, before the click.
    point_mm
        The click, shape (3,), LPS mm.
    before
        What the reader has decided earlier, the first clicks among it.
    """
    depth = depth_mm(mask, point_mm)
    side = 1 if is_tumour else -1
    cube = _cube(scan.geometry, point_mm, depth)
    box = box_around(scan.geometry.to_index(cube.corners_mm()), np.full(3, 1.0), scan.geometry)
    part = crop_scan(scan, box)
    require_finite_around_clicks(part)
    odds = log_odds_of(probability[box.slices_zyx])
    there = resample_array(
        odds, part.geometry, cube, interpolation="linear", outside=-CERTAIN_LOG_ODDS
    )
    even = _image(part, cube)
    distance_mm = _distance_mm(cube, point_mm)
    makers = {
        "image": lambda: even,
        "log-odds": lambda: side * there / np.float32(4),
        "border": lambda: side * _border(there > 0, cube, depth),
        "guidance": lambda: _guidance(even, cube, point_mm),
        "marks": lambda: side * _marks(before, cube, depth),
        "radius": lambda: distance_mm / np.float32(REACH * depth),
        "side": lambda: np.full_like(there, side),
        "scale": lambda: np.full_like(there, np.log(depth / _UNIT_MM)),
    }
    return CorrectionInput(stacked(names, makers), there, distance_mm, cube, box, depth, side)


def log_odds_of(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds, limited to what is certain."""
    odds = logit(probability.astype(np.float32))
    limited: NDArray[np.float32] = np.clip(odds, -CERTAIN_LOG_ODDS, CERTAIN_LOG_ODDS)
    return limited


def window(cube: Geometry) -> NDArray[np.float32]:
    """Weight of the correction [z, y, x]: 1, and falling to 0 over the outer fifth of the cube."""
    half = (cube.size_xyz[0] - 1) / 2
    offset = np.abs(np.arange(cube.size_xyz[0]) - half) / half
    edge = np.clip((1 - offset) / 0.2, 0, 1).astype(np.float32)
    weight: NDArray[np.float32] = edge[:, None, None] * edge[None, :, None] * edge[None, None, :]
    return weight


def _cube(geometry: Geometry, centre_mm: NDArray[np.float64], depth: float) -> Geometry:
    spacing = 2 * REACH * depth / CUBE_VOXELS
    half = (CUBE_VOXELS - 1) / 2 * spacing
    x, y, z = (float(v) for v in centre_mm - geometry.axes @ np.full(3, half))
    n = CUBE_VOXELS
    return Geometry((n, n, n), (spacing, spacing, spacing), (x, y, z), geometry.direction)


def _image(part: Scan, cube: Geometry) -> NDArray[np.float32]:
    even = standardised(clipped(part.voxels, part.modality))  # beyond the image its mean, 0
    return standardised(averaged_onto(Scan(even, part.geometry, part.modality), cube).voxels)


def _distance_mm(cube: Geometry, point_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    x, y, z = cube.to_index(point_mm)
    grids = np.ogrid[: cube.size_xyz[2], : cube.size_xyz[1], : cube.size_xyz[0]]
    square = sum(
        np.square((grid - at) * mm)
        for grid, at, mm in zip(grids, (z, y, x), cube.spacing_zyx_mm, strict=True)
    )
    distance: NDArray[np.float32] = np.sqrt(square).astype(np.float32)
    return distance


def _border(inside: NDArray[np.bool_], cube: Geometry, depth: float) -> NDArray[np.float32]:
    if inside.all() or not inside.any():
        return np.full(inside.shape, _FARTHEST if inside.all() else -_FARTHEST, dtype=np.float32)
    mm = cube.spacing_zyx_mm
    signed = distance_transform_edt(inside, mm) - distance_transform_edt(~inside, mm)
    return np.asarray(np.clip(signed / depth, -_FARTHEST, _FARTHEST), dtype=np.float32)


def _guidance(
    even: NDArray[np.float32], cube: Geometry, point_mm: NDArray[np.float64]
) -> NDArray[np.float32]:
    seed = voxels_at(point_mm[None], cube)
    guidance: NDArray[np.float32] = np.exp(
        -geodesic_distance(even, seed, (1.0, 1.0, 1.0), sweeps=None)
    )
    return guidance


def _marks(before: MarkedPoints, cube: Geometry, depth: float) -> NDArray[np.float32]:
    marks = np.zeros(cube.shape_zyx, dtype=np.float32)
    for point, side in zip(before.points_mm, before.sides, strict=True):
        near = _distance_mm(cube, point) / (_MARK_SIGMA * depth)
        np.add(marks, side * np.exp(-0.5 * np.square(near)), out=marks)
    limited: NDArray[np.float32] = np.clip(marks, -1, 1)
    return limited
