"""Random changes of a sample, each drawn from one generator."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oncotrace.learning.augmentation import Augmentation, Draw
from oncotrace.learning.sample import Sample
from oncotrace.learning.train import intensity
from oncotrace.learning.train.deform import Deformation, deformed, rotation_matrix

_Voxels = NDArray[np.float32]
_Change = Callable[[_Voxels, float, np.random.Generator], _Voxels]

_AXES = ("z", "y", "x")
_INTENSITY: tuple[tuple[str, _Change], ...] = (
    ("bias_field", intensity.with_bias_field),
    ("low_resolution", intensity.at_low_resolution),
    ("blur", intensity.blurred),
    ("noise", intensity.with_noise),
    ("scale", intensity.scaled),
    ("brightness", intensity.brightened),
    ("contrast", intensity.with_contrast),
    ("gamma", intensity.with_gamma),
)


def augmented(
    sample: Sample, settings: Augmentation, images: int, rng: np.random.Generator
) -> Sample:
    """Sample with the random changes that the settings ask for.

    Parameters
    ----------
    images
        So many of the first channels hold image values; the others are cues.
    """
    moved = _flipped(_deformed(sample, settings, rng), settings, rng)
    channels = moved.channels.copy()
    for channel in channels[:images]:
        for name, change in _INTENSITY:
            strength = _strength(getattr(settings, name), rng)
            if strength is not None:
                channel[...] = change(channel, strength, rng)
    return Sample(channels, moved.target, moved.spacing_zyx_mm)


def _deformed(sample: Sample, settings: Augmentation, rng: np.random.Generator) -> Sample:
    degrees = [
        (_strength(settings.rotation, rng) or 0.0) if axis in settings.rotation_axes else 0.0
        for axis in _AXES
    ]
    zoom = 1.0
    if rng.random() < settings.zoom.probability:
        zoom = float(np.exp(rng.uniform(*np.log(settings.zoom.range))))
    elastic = _strength(settings.elastic, rng) or 0.0
    shift = (0.0, _shift(settings.shift, rng), _shift(settings.shift, rng))
    if not any((*degrees, *shift)) and zoom == 1 and elastic == 0:
        return sample
    points = (3, *(settings.elastic_control_points,) * 3)
    deformation = Deformation(
        matrix_zyx=rotation_matrix(degrees) / zoom,
        control=elastic * rng.standard_normal(points) if elastic else None,
        shift_zyx=shift,
    )
    return deformed(sample, deformation)


def _shift(draw: Draw, rng: np.random.Generator) -> float:
    """Shift along an axis; nothing is drawn where there never is one, so that all else stays."""
    return (_strength(draw, rng) or 0.0) if draw.probability else 0.0


def _flipped(sample: Sample, settings: Augmentation, rng: np.random.Generator) -> Sample:
    drawn = {axis for axis in settings.flip_axes if rng.random() < 0.5}
    axes = tuple(i for i, name in enumerate(_AXES) if name in drawn)
    return Sample(
        np.flip(sample.channels, tuple(axis + 1 for axis in axes)),
        np.flip(sample.target, tuple(axis - len(_AXES) for axis in axes)),
        sample.spacing_zyx_mm,
    )


def _strength(draw: Draw, rng: np.random.Generator) -> float | None:
    """Strength of a change, or none if it does not happen this time."""
    if rng.random() >= draw.probability:
        return None
    return float(rng.uniform(*draw.range))
