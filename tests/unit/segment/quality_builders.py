"""A ball with six clicks 4 mm inside its border, as a segmenter would hand it on."""

import numpy as np

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import Box
from oncotrace.segment.quality_features import Evidence
from oncotrace.segment.voi import clicks_on_grid

GRID = Geometry((45, 45, 45), (1.0, 1.0, 1.0), (10.0, 20.0, 30.0))
RADIUS_MM = 16.0


def distance_mm(geometry=GRID):
    """Distance of each voxel [z, y, x] from the middle of the grid."""
    z, y, x = (
        (np.arange(size) - (size - 1) / 2) * spacing
        for size, spacing in zip(geometry.shape_zyx, geometry.spacing_zyx_mm, strict=True)
    )
    return np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)


def six_clicks(geometry=GRID, depth_mm=4.0):
    """Clicks on the axes of the ball, so deep below its surface."""
    middle = (np.asarray(geometry.size_xyz) - 1) / 2
    reach = (RADIUS_MM - depth_mm) / np.asarray(geometry.spacing_mm)
    index = [middle + side * reach * np.eye(3)[axis] for axis in range(3) for side in (-1, 1)]
    return Clicks(geometry.to_point_mm(index))


def evidence(members=None, geometry=GRID, clicks=None, voxels=None, modality="mr-t1", odds=None):
    """What a segmenter knew that found the ball, or what ``odds`` [z, y, x] say, for certain."""
    far = distance_mm(geometry)
    if odds is None:
        odds = np.where(far <= RADIUS_MM, 8.0, -8.0)
    if members is None:
        members = [(odds > 0).astype(float)]
    if voxels is None:
        voxels = np.where(far <= RADIUS_MM, 100.0, 0.0)
    return Evidence(
        log_odds=odds.astype(np.float32),
        member_probabilities=np.asarray(members, dtype=np.float32),
        image=Scan(voxels.astype(np.float32), geometry, modality),
        clicks=clicks_on_grid(clicks or six_clicks(geometry), geometry),
        box=Box((0, 0, 0), geometry.size_xyz),
    )
