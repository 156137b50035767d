"""The slow shading that receiver coils lay over magnetic resonance images, estimated and removed.

References
----------
Tustison et al. (N4ITK), IEEE Trans Med Imaging 2010;29:1310-1320, doi:10.1109/TMI.2010.2046908.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.one_thread import one_thread
from oncotrace.imaging.region_values import region_values, require_contrast
from oncotrace.imaging.sitk import to_sitk

_LEAST_VOXELS = 4  # along an axis, of the shrunken image: what ITK's cubic spline spans


def without_bias_field(
    scan: Scan,
    region: Mask,
    *,
    working_mm: float,
    iterations: Sequence[int],
    convergence: float,
) -> Scan:
    """Scan divided by its bias field, which N4 estimates from the region's positive voxels.

    The field's geometric mean over those voxels is 1, so that the tissue keeps its level. ITK runs
    on one thread: the same input gives the same bits, whatever the machine.

    Parameters
    ----------
    working_mm
        Voxels about so far apart are looked at (ITK's shrink factor, by axis: 4 at 1 mm voxels for
        4 mm). The field itself is evaluated at every voxel.
    iterations
        At most so many at each resolution of the field, coarse to fine.
    convergence
        Coefficient of variation between two fields at which a resolution is left.

    Raises
    ------
    InputError
        The region holds no positive voxels, or only one value.
    """
    require_contrast(region_values(scan, region), "bias field correction")
    inside = region.voxels & (scan.voxels > 0)
    if not inside.any():
        raise InputError(
            "bias field correction takes logarithms, and the region has no voxel above 0.",
            hint="Correct the bias field before intensities are normalised or shifted.",
            code="no-signal",
        )
    log_field = _log_bias_field(scan, inside, working_mm, iterations, convergence)
    log_field -= log_field[inside].mean()
    corrected = (scan.voxels / np.exp(log_field)).astype(np.float32)
    return Scan(corrected, scan.geometry, scan.modality)


def _log_bias_field(
    scan: Scan,
    inside: NDArray[np.bool_],
    working_mm: float,
    iterations: Sequence[int],
    convergence: float,
) -> NDArray[np.float64]:
    """Natural logarithm of the field, [z, y, x]."""
    image = to_sitk(scan.voxels, scan.geometry)
    factors = _shrink_factors(scan.geometry, working_mm)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(iterations))
    n4.SetConvergenceThreshold(convergence)
    with one_thread():
        n4.Execute(
            sitk.Shrink(image, factors), sitk.Shrink(to_sitk(inside, scan.geometry), factors)
        )
        field = n4.GetLogBiasFieldAsImage(image)
    return sitk.GetArrayFromImage(field).astype(np.float64)


def _shrink_factors(geometry: Geometry, working_mm: float) -> list[int]:
    """Factors along x, y, z that bring the axes to the wanted spacing and leave enough voxels."""
    return [
        max(1, min(round(working_mm / spacing), size // _LEAST_VOXELS))
        for spacing, size in zip(geometry.spacing_mm, geometry.size_xyz, strict=True)
    ]
