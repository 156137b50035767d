"""The search for the pose of most mutual information, coarse to fine.

References
----------
Mattes et al., IEEE Trans Med Imaging 2003;22:120-128, doi:10.1109/TMI.2003.809072.
Rueckert et al., IEEE Trans Med Imaging 1999;18:712-721, doi:10.1109/42.796284 (B-splines).
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from oncotrace.domain.scan import Scan
from oncotrace.imaging.one_thread import one_thread
from oncotrace.imaging.register_settings import RegistrationSettings
from oncotrace.imaging.sitk import to_sitk

_LEAST_VOXELS = 8  # along an axis of an averaged image
_LINE_STEPS = 20
_CONVERGED = 1e-5
_SPLINE_STEPS = 15
_COMPARED_MM = 2.0
_CLIPPED = (0.1, 99.9)  # percentiles
_MOST_SAMPLED = 1_000_000


class Pyramid:
    """Two images, averaged to coarser voxels when they are asked for, each level once.

    The thousandth of the voxels that is darkest and that which is brightest are clipped, so that
    metal or an artefact leaves the tissues more than one class of the histogram.
    """

    def __init__(self, fixed: Scan, moving: Scan) -> None:
        self._images = (_clipped(fixed), _clipped(moving))
        self._made: dict[float, tuple[sitk.Image, sitk.Image]] = {}
        self._compared: tuple[sitk.Image, sitk.Image] | None = None

    def compared(self) -> tuple[sitk.Image, sitk.Image]:
        """Both images of about 2 mm, smoothed by a voxel: what poses are judged on.

        Interpolation smooths too. Without this, a pose in which the two grids coincide would be
        worth more, or less, than its neighbours.
        """
        if self._compared is None:
            fixed, moving = self.at(_COMPARED_MM)
            self._compared = (_smoothed(fixed), _smoothed(moving))
        return self._compared

    def at(self, level_mm: float) -> tuple[sitk.Image, sitk.Image]:
        """Return fixed and moving image, voxels of about ``level_mm``; coarser axes stay."""
        if level_mm not in self._made:
            fixed, moving = self._images
            self._made[level_mm] = (_averaged(fixed, level_mm), _averaged(moving, level_mm))
        return self._made[level_mm]


def rigid_from(
    pyramid: Pyramid,
    start: sitk.Euler3DTransform,
    levels_mm: Sequence[float],
    *,
    settings: RegistrationSettings,
    seed: int,
) -> sitk.Euler3DTransform | None:
    """Rigid transform reached from a start; none where the images lose each other on the way."""
    found = sitk.Euler3DTransform(start)
    return found if _climb(pyramid, found, levels_mm, settings, seed) else None


def affine_from(
    pyramid: Pyramid, rigid: sitk.Euler3DTransform, *, settings: RegistrationSettings, seed: int
) -> sitk.AffineTransform | None:
    """Affine transform reached from a rigid one; none where the images lose each other."""
    found = sitk.AffineTransform(3)
    found.SetCenter(rigid.GetCenter())
    found.SetMatrix(rigid.GetMatrix())
    found.SetTranslation(rigid.GetTranslation())
    levels_mm = settings.affine_levels_mm
    return found if _climb(pyramid, found, levels_mm, settings, seed) else None


def bspline_from(
    pyramid: Pyramid, affine: sitk.AffineTransform, *, settings: RegistrationSettings, seed: int
) -> sitk.CompositeTransform | None:
    """Affine transform after a B-spline; none where the images lose each other."""
    coarse, _ = pyramid.at(settings.bspline_levels_mm[0])
    extent_mm = np.multiply(coarse.GetSize(), coarse.GetSpacing())
    mesh = [max(1, round(float(mm) / settings.bspline_spacing_mm)) for mm in extent_mm]
    spline = sitk.BSplineTransformInitializer(coarse, mesh, order=3)
    for level_mm in settings.bspline_levels_mm:
        method = _method(pyramid.at(level_mm)[0], settings, seed, settings.bspline_samples)
        method.SetMovingInitialTransform(affine)
        method.SetInitialTransform(spline, inPlace=True)
        method.SetOptimizerAsLBFGSB(
            gradientConvergenceTolerance=1e-5,
            numberOfIterations=_SPLINE_STEPS,
            maximumNumberOfFunctionEvaluations=3 * _SPLINE_STEPS,
        )
        if not _executed(method, pyramid.at(level_mm)):
            return None
    whole = sitk.CompositeTransform(3)
    whole.AddTransform(affine)
    whole.AddTransform(spline)  # the last one is the first to be applied
    return whole


def _climb(
    pyramid: Pyramid,
    transform: sitk.Transform,
    levels_mm: Sequence[float],
    settings: RegistrationSettings,
    seed: int,
) -> bool:
    """Change the transform in place, level by level; say whether it came through.

    Every step searches along its line, so that none leads away: steps of a fixed length drift on
    images in which little tells one turn from another.
    """
    for level_mm in levels_mm:
        method = _method(pyramid.at(level_mm)[0], settings, seed)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetOptimizerAsConjugateGradientLineSearch(
            learningRate=1.0,
            numberOfIterations=_LINE_STEPS,
            convergenceMinimumValue=_CONVERGED,
            convergenceWindowSize=5,
        )
        method.SetInitialTransform(transform, inPlace=True)
        if not _executed(method, pyramid.at(level_mm)):
            return False
    return True


def _method(
    fixed: sitk.Image, settings: RegistrationSettings, seed: int, samples: int | None = None
) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(settings.bins)
    method.SetMetricSamplingStrategy(method.RANDOM)
    wanted = samples or settings.samples
    share = min(1.0, wanted / fixed.GetNumberOfPixels())
    method.SetMetricSamplingPercentage(share, seed + 1)  # 0 would mean the clock
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _executed(method: sitk.ImageRegistrationMethod, images: tuple[sitk.Image, sitk.Image]) -> bool:
    """Run the search on one thread, which fixes the order of its sums."""
    try:
        with one_thread():
            method.Execute(*images)
    except RuntimeError:  # ITK's way to say that too few samples lie within the moving image
        return False
    return True


def mutual_information(
    images: tuple[sitk.Image, sitk.Image], transform: sitk.Transform, *, bins: int
) -> float:
    """Mutual information, in nats, of all voxels of the fixed image that the moving one shares.

    Intensities are put into ``bins`` classes of equal width from the lowest to the highest; the
    moving image is interpolated linearly. 0 where the images share nothing.
    """
    fixed, moving = images
    with one_thread():
        moved = sitk.Resample(moving, fixed, transform, sitk.sitkLinear, float("nan"))
    there = sitk.GetArrayViewFromImage(moved).ravel()
    here = sitk.GetArrayViewFromImage(fixed).ravel()
    shared = np.isfinite(there)
    if not shared.any():
        return 0.0
    ranges = [_range_of(fixed), _range_of(moving)]
    counts, _, _ = np.histogram2d(here[shared], there[shared], bins=bins, range=ranges)
    return _entropy(counts.sum(axis=0)) + _entropy(counts.sum(axis=1)) - _entropy(counts.ravel())


def _range_of(image: sitk.Image) -> tuple[float, float]:
    values = sitk.GetArrayViewFromImage(image)
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1e-6)


def _entropy(counts: NDArray[np.float64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _clipped(scan: Scan) -> sitk.Image:
    some = scan.voxels.ravel()[:: max(1, scan.voxels.size // _MOST_SAMPLED)]
    low, high = np.percentile(some, _CLIPPED)
    return to_sitk(np.clip(scan.voxels, np.float32(low), np.float32(high)), scan.geometry)


def _smoothed(image: sitk.Image) -> sitk.Image:
    with one_thread():
        smooth: sitk.Image = sitk.SmoothingRecursiveGaussian(image, image.GetSpacing())
    return smooth


def _averaged(image: sitk.Image, level_mm: float) -> sitk.Image:
    factors = [
        max(1, min(int(level_mm / spacing + 1e-6), size // _LEAST_VOXELS))
        for spacing, size in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
    averaged: sitk.Image = sitk.BinShrink(image, factors)
    return averaged
