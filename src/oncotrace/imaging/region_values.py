"""Intensities of a region, and the refusal of images that show nothing."""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError

_CONSTANT = 1e-6  # of the largest absolute value: the rounding of float32, and then some


def region_values(scan: Scan, region: Mask | None) -> NDArray[np.float64]:
    """Intensities of the voxels of a region, of all voxels where there is none, shape (n,).

    Raises
    ------
    GeometryMismatchError
        The region lies on another grid.
    EmptyMaskError
        The region has no voxel.
    """
    if region is None:
        return scan.voxels.ravel().astype(np.float64)
    region.geometry.require_match(scan.geometry, this="region", that="image")
    region.require_not_empty()
    return scan.voxels[region.voxels].astype(np.float64)


def require_contrast(values: NDArray[np.float64], method: str) -> None:
    """Refuse intensities that are all the same: no method can say what they mean.

    Raises
    ------
    InputError
        The range is less than a millionth of the largest absolute value.
    """
    low, high = float(values.min()), float(values.max())
    if high - low <= _CONSTANT * max(abs(low), abs(high)):
        raise blank_image(method, f"every voxel looked at is {low:g}")


def blank_image(method: str, found: str) -> InputError:
    """Build the error for an image that gives ``method`` nothing to go by."""
    return InputError(
        f"{method} is not possible on a blank image: {found}.",
        hint="Look at the image, and at the mask if one is used.",
        code="blank-image",
    )
