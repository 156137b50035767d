"""Made images whose place is known by a formula: the same body seen on any grid, from any pose."""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.register_map import PointMap, map_of_matrix

GRID = Geometry((56, 52, 28), (3.0, 3.0, 6.0), (-80.0, -70.0, 100.0))
MIDDLE_MM = np.array([2.5, 6.5, 181.0])

# Balls in the body: place from its middle and radius in mm, and their brightness.
_ORGANS = (
    ((-38.0, 5.0, 20.0), 20.0, 640.0),
    ((30.0, -10.0, -30.0), 22.0, 100.0),
    ((8.0, 20.0, 32.0), 16.0, 820.0),
    ((-14.0, -20.0, -22.0), 16.0, 900.0),
)
TUMOUR_MM, TUMOUR_RADIUS_MM = np.array([20.0, 8.0, 0.0]), 14.0


def pose(rotation_deg: tuple[float, float, float], shift_mm: tuple[float, ...]) -> PointMap:
    """Rigid map about the body's middle: turned about x, then y, then z, then shifted."""
    x, y, z = np.radians(rotation_deg)
    about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    turn = np.array(about_z) @ about_y @ about_x
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = MIDDLE_MM - turn @ MIDDLE_MM + shift_mm
    return map_of_matrix(matrix)


def body(
    placed: PointMap | None = None, *, grid: Geometry = GRID, inverted: bool = False, seed: int = 0
) -> Scan:
    """Scan of an ellipsoid with organs, whose points lie where ``placed`` puts them.

    Parameters
    ----------
    inverted
        Another contrast: bright tissues are dark and dark ones bright, air stays air.
    """
    from_middle = _from_middle(placed, grid)
    inside = (np.square(from_middle / (66.0, 44.0, 68.0))).sum(axis=-1) <= 1
    values = np.where(inside, 350.0 + 0.8 * from_middle[..., 2], 0.0)
    for centre, radius_mm, brightness in _ORGANS:
        values[np.linalg.norm(from_middle - centre, axis=-1) <= radius_mm] = brightness
    if inverted:
        values = np.where(inside, 1000.0 - 0.9 * values, 0.0)
    noise = np.random.default_rng(seed).normal(scale=12.0, size=values.shape)
    return Scan((values + noise).astype(np.float32), grid, "mr-t2" if inverted else "mr-t1")


def tumour(placed: PointMap | None = None, *, grid: Geometry = GRID) -> Mask:
    """Mask of a ball in the body."""
    from_middle = _from_middle(placed, grid)
    return Mask(np.linalg.norm(from_middle - TUMOUR_MM, axis=-1) <= TUMOUR_RADIUS_MM, grid)


def noise(*, seed: int = 3) -> Scan:
    """Scan that shows nothing."""
    values = np.random.default_rng(seed).normal(400.0, 100.0, GRID.shape_zyx)
    return Scan(values.astype(np.float32), GRID, "mr-t2")


def _from_middle(placed: PointMap | None, grid: Geometry) -> NDArray[np.float64]:
    """Places [z, y, x, 3] in the body from its middle, of the grid's voxel centres."""
    index_xyz = np.indices(grid.shape_zyx).reshape(3, -1).T[:, ::-1]
    points_mm = grid.to_point_mm(index_xyz)
    if placed is not None:
        matrix = placed.matrix
        assert matrix is not None
        points_mm = map_of_matrix(np.linalg.inv(matrix)).moved(points_mm)
    return (points_mm - MIDDLE_MM).reshape(*grid.shape_zyx, 3)
