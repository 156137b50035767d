"""The ellipsoid through six clicks: the baseline that looks at no voxel of the image."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.imaging.crop import paste
from oncotrace.segment.request import grid_of, require_clicks
from oncotrace.segment.voi import INWARD_MM, clicks_on_grid, volume_of_interest, voxels_at


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """Ellipsoid whose axes are the grid's: centre and half axes in mm, x, y, z.

    Positions are along the grid's axes, from its first voxel: index times spacing.
    """

    centre_xyz_mm: NDArray[np.float64]
    half_axes_xyz_mm: NDArray[np.float64]

    @property
    def mean_half_axis_mm(self) -> float:
        """Radius of the sphere of the same volume."""
        return float(np.prod(self.half_axes_xyz_mm) ** (1 / 3))

    def normalised_offsets(
        self, geometry: Geometry
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Offsets of the grid's voxels from the centre in half axes, to be broadcast: x, y, z."""
        x, y, z = (
            (np.arange(size) * spacing - centre) / half
            for size, spacing, centre, half in zip(
                geometry.size_xyz,
                geometry.spacing_mm,
                self.centre_xyz_mm,
                self.half_axes_xyz_mm,
                strict=True,
            )
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]


def ellipsoid_of(
    points_mm: NDArray[np.float64], geometry: Geometry, *, beyond_mm: float = INWARD_MM
) -> Ellipsoid:
    """Ellipsoid along the grid's axes that the outermost points imply.

    Its centre is the middle of the points' box, its half axes are half the box's sides plus
    ``beyond_mm``: the points are interior margin points, and the tumour goes on beyond them by
    about that much, or by half a voxel where that is more.
    """
    spacing_mm = np.asarray(geometry.spacing_mm)
    along_mm = geometry.to_index(points_mm) * spacing_mm
    low, high = along_mm.min(axis=0), along_mm.max(axis=0)
    return Ellipsoid((low + high) / 2, (high - low) / 2 + np.maximum(beyond_mm, spacing_mm / 2))


class EllipsoidSegmenter:
    """Fills the ellipsoid that the clicks imply; see `ellipsoid_of`.

    The clicks themselves always belong to the mask.
    """

    def segment(self, request: SegmentationRequest) -> Segmentation:
        """Segment by the clicks alone.

        Raises
        ------
        ClickError
            There are no clicks, or they cannot be used on this image.
        """
        start = time.perf_counter()
        geometry = grid_of(request)
        clicks = clicks_on_grid(require_clicks(request, "ellipsoid"), geometry)
        box = volume_of_interest(clicks, geometry)
        part = geometry.crop(box.start_xyz, box.size_xyz)
        x, y, z = ellipsoid_of(clicks.outline_mm, part).normalised_offsets(part)
        inside = x * x + y * y + z * z <= 1.0
        inside[tuple(voxels_at(clicks.seeds_mm, part).T)] = True
        voxels = paste(inside, box, geometry).astype(np.bool_, copy=False)
        return Segmentation(
            Mask(voxels, geometry),
            maker="ellipsoid",
            history=(f"ellipsoid through {len(clicks.outline_mm)} points, image not used",),
            warnings=clicks.warnings,
            seconds={"ellipsoid": time.perf_counter() - start},
        )
