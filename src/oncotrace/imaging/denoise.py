"""Noise taken out of an image while its edges stay.

ITK does both on the voxels' own grid (unit spacing): noise is a matter of voxels, and the stability
of the flow would otherwise depend on millimetres.
"""

import numpy as np
import SimpleITK as sitk

from oncotrace.domain.scan import Scan


def median_filtered(scan: Scan, radius_xyz: tuple[int, int, int]) -> Scan:
    """Scan of the medians of boxes that reach ``radius_xyz`` voxels to every side."""
    return _filtered(scan, sitk.Median(sitk.GetImageFromArray(scan.voxels), radius_xyz))


def curvature_flowed(scan: Scan, *, iterations: int, time_step: float) -> Scan:
    """Scan whose iso-intensity surfaces have moved by their curvature.

    Parameters
    ----------
    time_step
        At most 0.0625, or the flow is not stable in three dimensions.

    References
    ----------
    Sethian, Level Set Methods and Fast Marching Methods, 1999, chapter 16 (as in ITK's
    CurvatureFlowImageFilter).
    """
    image = sitk.GetImageFromArray(scan.voxels)
    return _filtered(
        scan, sitk.CurvatureFlow(image, timeStep=time_step, numberOfIterations=iterations)
    )


def _filtered(scan: Scan, image: sitk.Image) -> Scan:
    voxels = sitk.GetArrayFromImage(image).astype(np.float32)
    return Scan(voxels, scan.geometry, scan.modality)
