"""What of an image is the patient, whatever the modality."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import label

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.body import body_of
from oncotrace.imaging.morphology import filled_slices
from oncotrace.imaging.patient_pose import patient_pose
from oncotrace.imaging.region_values import region_values, require_contrast

_BRIGHTEST = 99.5  # percentile: vessels and coils must not decide where air ends
_BINS = 256
_SHARE_OF_LARGEST = 0.05  # the other leg is body, a speck of noise is not


def foreground_of(scan: Scan) -> Mask:
    """Return the patient's body: all that is not air, with what it encloses.

    CT has its own rule (`oncotrace.imaging.body.body_of`). Elsewhere voxels above the lower of two
    Otsu thresholds (air, dark and bright tissue) are taken, holes are filled in the planes nearest
    to axial, and pieces of at least a twentieth of the largest one are kept. The mask is the same
    for ``a * image + b`` with a > 0.

    Raises
    ------
    InputError
        The image is blank.
    EmptyMaskError
        A CT shows no body.

    References
    ----------
    Otsu, IEEE Trans Syst Man Cybern 1979;9:62-66, doi:10.1109/TSMC.1979.4310076.
    """
    require_contrast(region_values(scan, None), "finding the body")
    if scan.modality == "ct":
        body = body_of(scan)
        body.require_not_empty()
        return body
    pose = patient_pose(scan.geometry)
    filled = filled_slices(pose.turn(scan.voxels) > _end_of_air(scan.voxels))
    return Mask(pose.turn_back(_large_pieces(filled)), scan.geometry)


def _end_of_air(voxels: NDArray[np.float32]) -> float:
    """Lower of the two thresholds that part the intensities into three classes."""
    low, high = float(voxels.min()), float(np.percentile(voxels, _BRIGHTEST))
    if high <= low:
        return low
    levels = np.clip((voxels - low) / (high - low), 0, 1).astype(np.float32)
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.SetNumberOfHistogramBins(_BINS)
    otsu.Execute(sitk.GetImageFromArray(levels))
    return low + float(otsu.GetThresholds()[0]) * (high - low)


def _large_pieces(voxels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, _ = label(voxels)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = sizes >= max(1.0, _SHARE_OF_LARGEST * sizes.max())
    return np.asarray(kept[labels])
