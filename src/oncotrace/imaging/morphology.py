"""Binary volumes grown, shrunk and filled, with radii in millimetres."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

from oncotrace.domain.geometry import Geometry

_IN_PLANE = np.zeros((3, 3, 3), dtype=np.bool_)
_IN_PLANE[1] = generate_binary_structure(2, 1)


def ball_xyz(radius_mm: float, geometry: Geometry) -> tuple[int, int, int]:
    """Radius of a ball in voxels along x, y, z, rounded to whole ones."""
    x, y, z = (round(radius_mm / spacing) for spacing in geometry.spacing_mm)
    return x, y, z


def disc_xyz(radius_mm: float, geometry: Geometry) -> tuple[int, int, int]:
    """Radius of a disc within a slice in voxels along x, y, z; none along z."""
    x, y, _ = ball_xyz(radius_mm, geometry)
    return x, y, 0


def eroded(voxels: NDArray[np.bool_], radius_xyz: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Voxels around which the whole ellipsoid is set; what lies beyond the array counts as set."""
    image = sitk.GetImageFromArray(voxels.astype(np.uint8))
    return _set(sitk.BinaryErode(image, radius_xyz, sitk.sitkBall, 0, 1, True))


def dilated(voxels: NDArray[np.bool_], radius_xyz: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Voxels within an ellipsoid around a set one."""
    image = sitk.GetImageFromArray(voxels.astype(np.uint8))
    return _set(sitk.BinaryDilate(image, radius_xyz, sitk.sitkBall, 0, 1, False))


def closed(voxels: NDArray[np.bool_], radius_xyz: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Voxels together with the gaps that the ellipsoid does not fit into."""
    margin = [(r, r) for r in reversed(radius_xyz)]
    grown = dilated(np.pad(voxels, margin), radius_xyz)
    z, y, x = (slice(r, -r or None) for r in reversed(radius_xyz))
    return eroded(grown, radius_xyz)[z, y, x] | voxels


def depth_mm(voxels: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.float32]:
    """Distance to the surface in mm, positive inside and negative outside.

    The surface runs along the set voxels' centres (ITK's convention for integer images), half a
    voxel inside their faces.

    References
    ----------
    Maurer, Qi and Raghavan, IEEE Trans Pattern Anal Mach Intell 2003;25:265-270,
    doi:10.1109/TPAMI.2003.1177156.
    """
    image = sitk.GetImageFromArray(voxels.astype(np.uint8))
    image.SetSpacing(geometry.spacing_mm)
    return sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(
            image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
        )
    )


def filled_slices(voxels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels together with the holes of every slice [z].

    A hole is background that no path over faces within the slice joins to the slice's edge.
    """
    labels, count = label(~voxels, _IN_PLANE)
    outside = np.zeros(count + 1, dtype=np.bool_)
    for side in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[side] = True
    outside[0] = False
    return ~outside[labels]


def _set(image: sitk.Image) -> NDArray[np.bool_]:
    return np.asarray(sitk.GetArrayViewFromImage(image) != 0)
