"""Pre-processing: one image, with its mask and its body, through one step after another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oncotrace.curate import preprocess_settings as settings
from oncotrace.curate.prepared_image import PreparedImage, region_of, required_mask
from oncotrace.curate.preprocess_fit import FittedSteps, Parameters, ReferenceValues
from oncotrace.curate.preprocess_settings import Preprocessing, Step, is_fitted
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan, require_finite
from oncotrace.errors import InputError, SettingsError
from oncotrace.imaging.bias_field import without_bias_field
from oncotrace.imaging.clahe import clahe
from oncotrace.imaging.denoise import curvature_flowed, median_filtered
from oncotrace.imaging.foreground import foreground_of
from oncotrace.imaging.frequency import with_energies
from oncotrace.imaging.grid_size import (
    box_of_size,
    centre_of_box,
    centre_of_grid,
    mask_in_box,
    scan_in_box,
)
from oncotrace.imaging.histogram_equalise import equalised
from oncotrace.imaging.histogram_match import matched
from oncotrace.imaging.non_local_means import without_noise
from oncotrace.imaging.nyul import StandardScale, on_standard_scale
from oncotrace.imaging.percentile_scale import (
    clipped_to,
    mapped_to,
    percentile_range,
    shifted_to_positive,
)
from oncotrace.imaging.reference_tissue import in_units_of, region_intensity, tissue_intensity
from oncotrace.imaging.resample import Interpolation, resample_scan, with_spacing
from oncotrace.imaging.resample_mask import resample_mask
from oncotrace.imaging.white_stripe import Contrast, find_stripe, white_stripe
from oncotrace.imaging.z_score import Moments, moments, z_score

_CONTRAST: Mapping[Modality, Contrast] = {
    "mr-t1": "t1",
    "mr-t1gd": "t1",
    "mr-t1fs": "t1",
    "mr-t2": "t2",
    "mr-t2fs": "t2",
}


@dataclass(frozen=True, eq=False)
class StepDone:
    """An image after a step; ``number`` counts from 0."""

    number: int
    step: Step
    image: PreparedImage


def as_it_comes(
    preprocessing: Preprocessing,
    scan: Scan,
    mask: Mask | None,
    grids: Mapping[str, Geometry] | None = None,
) -> PreparedImage:
    """Image before the first step; its body is found if a step looks at it.

    Parameters
    ----------
    grids
        Of other images, by what the steps call them.

    Raises
    ------
    InputError
        The image holds a value that is not finite, or is blank.
    GeometryMismatchError
        The mask lies on another grid.
    SettingsError
        A step looks at the mask, and there is none; or at a grid that is not given.
    """
    _require_grids(preprocessing, grids or {})
    require_finite(scan, "the image")
    if mask is not None:
        mask.geometry.require_match(scan.geometry, this="mask", that="image")
    elif preprocessing.needs_mask:
        required_mask(PreparedImage(scan))
    needs_body = any(_looks_at_body(step) for step in preprocessing.steps)
    return PreparedImage(scan, mask, foreground_of(scan) if needs_body else None, grids or {})


def _require_grids(preprocessing: Preprocessing, grids: Mapping[str, Geometry]) -> None:
    for name in preprocessing.grids:
        if name not in grids:
            raise SettingsError(
                f"a step needs the grid of {name}, which is not there.",
                hint="One image knows no other sequences: give a volume file as grid, or a cohort.",
                code="grid-needed",
            )


def preprocessed(
    preprocessing: Preprocessing,
    image: PreparedImage,
    fitted: FittedSteps,
    *,
    until: int | None = None,
) -> Iterator[StepDone]:
    """Yield the image after every step, or after the first ``until`` of them.

    Raises
    ------
    InputError
        A step cannot work on this image.
    SettingsError
        A step that is fitted has no parameters.
    """
    steps = preprocessing.steps[:until]
    _require_parameters(steps, fitted)
    for number, step in enumerate(steps):
        image = after_step(step, image, fitted.get(number))
        require_finite(image.scan, f"the image after step {number + 1} ({step.step})")
        yield StepDone(number, step, image)


def after_step(step: Step, image: PreparedImage, parameters: Parameters | None) -> PreparedImage:
    """Image after one step.

    Raises
    ------
    InputError
        The step cannot work on this image.
    """
    match step:
        case settings.Resample():
            return _resampled(step, image, with_spacing(image.scan.geometry, step.spacing_mm))
        case settings.ResampleTo():
            return _resampled(step, image, _grid_of_another(step, image))
        case settings.CropPad():
            return _cropped(step, image)
        case _:
            return replace(image, scan=_new_intensities(step, image, parameters))


def _require_parameters(steps: Sequence[Step], fitted: FittedSteps) -> None:
    """Refuse at the beginning what would fail in the middle."""
    for number, step in enumerate(steps):
        if is_fitted(step) and number not in fitted:
            raise SettingsError(
                f"step {number + 1} ({step.step}) needs parameters of a training cohort.",
                hint="Give --parameters FILE, fit them with --fit FILE on a cohort, or give one "
                "image with --reference.",
                code="parameters-needed",
            )


def _looks_at_body(step: Step) -> bool:
    if isinstance(step, settings.TissueReference):
        return step.tissue != "region"
    return getattr(step, "within", "") == "body"


def _grid_of_another(step: settings.ResampleTo, image: PreparedImage) -> Geometry:
    """Grid of another image, which must share some place with this one."""
    target, own = image.grids[step.grid], image.scan.geometry
    corners = target.to_index(own.corners_mm())
    beyond = np.array(target.size_xyz) - 0.5
    if (corners.max(axis=0) < -0.5).any() or (corners.min(axis=0) > beyond).any():
        raise InputError(
            f"the image and the grid of {step.grid} share no place: {own.describe()}; "
            f"{target.describe()}.",
            hint="Images of different frames of reference must be registered first.",
            code="no-overlap",
        )
    return target


def _resampled(
    step: settings.Resample | settings.ResampleTo, image: PreparedImage, target: Geometry
) -> PreparedImage:
    """Image and masks on another grid; as they are where it is their own."""
    if target == image.scan.geometry:
        return image
    lowest = float(image.scan.voxels.min())
    scan = resample_scan(image.scan, target, interpolation=step.interpolation, outside=lowest)
    return replace(
        image,
        scan=scan,
        mask=_on_grid(image.mask, target, step.mask_interpolation, step.mask_threshold),
        body=_on_grid(image.body, target, "nearest", 0.5),
    )


def _on_grid(
    mask: Mask | None, target: Geometry, interpolation: Interpolation, threshold: float
) -> Mask | None:
    if mask is None:
        return None
    return resample_mask(mask, target, interpolation=interpolation, threshold=threshold)


def _cropped(step: settings.CropPad, image: PreparedImage) -> PreparedImage:
    scan = image.scan
    if step.around == "mask":
        centre = centre_of_box(required_mask(image))
    else:
        centre = centre_of_grid(scan.geometry)
    box = box_of_size(step.size_xyz, centre)
    fill = float(scan.voxels.min()) if step.fill == "minimum" else step.fill
    return replace(
        image,
        scan=scan_in_box(scan, box, fill=fill),
        mask=None if image.mask is None else mask_in_box(image.mask, box),
        body=None if image.body is None else mask_in_box(image.body, box),
    )


def _new_intensities(step: Step, image: PreparedImage, parameters: Parameters | None) -> Scan:
    """Scan after a step that leaves the grid as it is: by its parameters, or by itself."""
    if parameters is None:
        return _by_itself(step, image)
    return _by_reference(step, image, parameters)


def _by_reference(step: Step, image: PreparedImage, parameters: Parameters) -> Scan:
    scan = image.scan
    region = region_of(image, getattr(step, "within", "image"))
    match step, parameters:
        case settings.ZScore(), Moments():
            return z_score(scan, parameters, scale=step.scale)
        case settings.Nyul(), StandardScale():
            return on_standard_scale(scan, region, parameters)
        case settings.ReferenceRange(), ReferenceValues(values=(low, high)):
            return mapped_to(scan, percentile_range(scan, region, step.percentiles), (low, high))
        case settings.Match(), ReferenceValues():
            return matched(scan, region, parameters.values)
        case settings.Frequency(), ReferenceValues():
            return with_energies(
                scan,
                region,
                step.scales_mm,
                parameters.values,
                iterations=step.iterations,
                strongest=step.strongest,
            )
        case _:
            raise SettingsError(
                f"the parameters are not those of the step {step.step}.", code="damaged-parameters"
            )


def _by_itself(step: Step, image: PreparedImage) -> Scan:
    scan = image.scan
    region = region_of(image, getattr(step, "within", "image"))
    match step:
        case settings.N4():
            return _without_bias(step, scan, region)
        case settings.ZScore():
            return z_score(scan, moments(scan, region), scale=step.scale)
        case settings.WhiteStripe():
            return _white_striped(step, scan, region)
        case settings.TissueReference():
            return _in_units(step, image)
        case settings.ClipPercentiles():
            return clipped_to(scan, percentile_range(scan, region, step.percentiles))
        case settings.MinMax():
            return mapped_to(scan, percentile_range(scan, region, step.percentiles), step.range)
        case settings.ShiftToPositive():
            return shifted_to_positive(scan, region)
        case settings.Equalise():
            return equalised(scan, region)
        case _:
            return _of_all_voxels(step, scan)


def _of_all_voxels(step: Step, scan: Scan) -> Scan:
    """Scan after a step that knows no region."""
    match step:
        case settings.Window():
            return clipped_to(scan, step.limits)
        case settings.Clahe():
            return clahe(scan, tiles_xyz=step.tiles_xyz, clip_limit=step.clip_limit, bins=step.bins)
        case settings.Median():
            return median_filtered(scan, step.radius_xyz)
        case settings.CurvatureFlow():
            return curvature_flowed(scan, iterations=step.iterations, time_step=step.time_step)
        case settings.NonLocalMeans():
            return without_noise(
                scan,
                patch_radius_xyz=step.patch_radius_xyz,
                search_radius_xyz=step.search_radius_xyz,
                strength=step.strength,
            )
        case _:
            raise SettingsError(f"the step {step.step} needs parameters.", code="parameters-needed")


def _without_bias(step: settings.N4, scan: Scan, region: Mask | None) -> Scan:
    return without_bias_field(
        scan,
        _everything(scan) if region is None else region,
        working_mm=step.working_mm,
        iterations=step.iterations,
        convergence=step.convergence,
    )


def _white_striped(step: settings.WhiteStripe, scan: Scan, region: Mask | None) -> Scan:
    brain = _everything(scan) if region is None else region
    contrast = _contrast_of(step, scan)
    return white_stripe(scan, find_stripe(scan, brain, contrast=contrast, width=step.width))


def _in_units(step: settings.TissueReference, image: PreparedImage) -> Scan:
    if step.tissue == "region":
        intensity = region_intensity(image.scan, required_mask(image))
    else:
        body = image.body or foreground_of(image.scan)
        intensity = tissue_intensity(image.scan, body, step.tissue)
    return in_units_of(image.scan, intensity, value=step.value)


def _contrast_of(step: settings.WhiteStripe, scan: Scan) -> Contrast:
    if step.contrast != "by-modality":
        return step.contrast
    if scan.modality is not None and scan.modality in _CONTRAST:
        return _CONTRAST[scan.modality]
    raise SettingsError(
        f"WhiteStripe cannot tell white matter on {scan.modality or 'an image of no modality'}.",
        hint=f"Give --modality, one of {', '.join(_CONTRAST)}, or set contrast in the TOML.",
        code="modality-unknown",
    )


def _everything(scan: Scan) -> Mask:
    return Mask(np.ones(scan.geometry.shape_zyx, dtype=np.bool_), scan.geometry)
