"""Points of a patient's body, by which registrations are judged."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.foreground import foreground_of
from oncotrace.imaging.register_map import PointMap
from oncotrace.imaging.sitk import to_sitk

_LOOK_MM = 3.0
_MOST_POINTS = 5_000


def body_points_mm(scan: Scan) -> NDArray[np.float64]:
    """Return up to 5,000 evenly chosen points of the body, shape (n, 3), LPS mm.

    The body is found on an image averaged to voxels of about 3 mm.

    Raises
    ------
    InputError
        The image is blank.
    EmptyMaskError
        It shows no body.
    """
    body = foreground_of(_looked_at(scan))
    body.require_not_empty()
    index_xyz = np.argwhere(body.voxels)[:, ::-1]
    chosen = index_xyz[:: -(-len(index_xyz) // _MOST_POINTS)]
    return body.geometry.to_point_mm(chosen)


def body_overlap(
    point_map: PointMap,
    fixed: tuple[NDArray[np.float64], Geometry],
    moving: tuple[NDArray[np.float64], Geometry],
) -> float:
    """Share of a body that lies within the other image, of the better of the two, 0 to 1.

    A small image wholly within a large one overlaps it fully.

    Parameters
    ----------
    fixed, moving
        Points of the body, and the image's grid.
    """
    fixed_points_mm, fixed_grid = fixed
    moving_points_mm, moving_grid = moving
    there = moving_grid.contains(point_map.moved(fixed_points_mm)).mean()
    linear = np.linalg.inv(nearest_matrix(point_map, fixed_points_mm))
    back_mm = moving_points_mm @ linear[:3, :3].T + linear[:3, 3]
    return float(max(there, fixed_grid.contains(back_mm).mean()))


def nearest_matrix(point_map: PointMap, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix of the map, 4 x 4; of a B-spline that of the affine map nearest to it at the points.

    Nearest is meant in the sense of least squares.
    """
    matrix = point_map.matrix
    if matrix is not None:
        return matrix
    known = np.column_stack([points_mm, np.ones(len(points_mm))])
    solution, *_ = np.linalg.lstsq(known, point_map.moved(points_mm), rcond=None)
    fitted = np.eye(4)
    fitted[:3] = solution.T
    return fitted


def _looked_at(scan: Scan) -> Scan:
    factors = [
        max(1, min(int(_LOOK_MM / own), size // 2))
        for own, size in zip(scan.geometry.spacing_mm, scan.geometry.size_xyz, strict=True)
    ]
    image = sitk.BinShrink(to_sitk(scan.voxels, scan.geometry), factors)
    grid = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    return Scan(sitk.GetArrayFromImage(image), grid, scan.modality)
