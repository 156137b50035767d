"""A coarse mask as an automatic network would make it, simulated from the outline.

A network that delineates what another one has found must not be trained on what the other says of
patients whom both have seen: there it is nearly right, on new patients it is not. Here its errors
are drawn at random instead: the surface is displaced smoothly, the whole is too large or too small,
a piece beside the tumour is taken along or a part of it is missed.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, zoom
from scipy.special import expit

from oncotrace.imaging.components import largest_component

DISPLACEMENT = 0.6
"""Largest standard deviation of the surface's displacement, as a fraction of the radius."""
WAVE_LENGTH_MM = 50.0
"""Distance of the control points between which the displacement changes smoothly."""
BIAS = 0.2
"""Standard deviation of the displacement that is the same everywhere, as a fraction as well."""
PIECE_SHARE = 0.5
"""How often a piece is taken along, and how often one is missed."""
PIECE_RADIUS = (0.4, 1.0)
"""Radius of such a piece, as a fraction of the tumour's."""
SOFTNESS_MM = (2.0, 8.0)
"""Distance from the surface at which the log-odds are 1."""

_DRAWS = 10

_Field = NDArray[np.float64]
_ZYX = tuple[float, float, float]


def simulated_coarse_probability(
    outline: NDArray[np.bool_], spacing_zyx_mm: _ZYX, *, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Probability of tumour [z, y, x] that a coarse network might give.

    Its largest piece at 0.5 or more always meets the tumour.

    Parameters
    ----------
    outline
        [z, y, x], not empty.
    """
    depth = _depth_mm(outline, spacing_zyx_mm)
    volume_mm3 = np.count_nonzero(outline) * float(np.prod(spacing_zyx_mm))
    radius_mm = float((volume_mm3 * 3 / (4 * np.pi)) ** (1 / 3))
    for _ in range(_DRAWS):
        changed = _displaced(depth, radius_mm, spacing_zyx_mm, rng)
        softness_mm = rng.uniform(*SOFTNESS_MM)
        if (largest_component(changed >= 0) & outline).any():  # else it is another object's mask
            return np.asarray(expit(changed / softness_mm), dtype=np.float32)
    return outline.astype(np.float32)


def _depth_mm(outline: NDArray[np.bool_], spacing_zyx_mm: _ZYX) -> _Field:
    """Distance from the surface, positive within."""
    within = distance_transform_edt(outline, sampling=spacing_zyx_mm)
    beyond = distance_transform_edt(~outline, sampling=spacing_zyx_mm)
    return np.asarray(within - beyond)


def _displaced(
    depth: _Field, radius_mm: float, spacing_zyx_mm: _ZYX, rng: np.random.Generator
) -> _Field:
    sd_mm = radius_mm * rng.uniform(0, DISPLACEMENT)
    changed = depth + sd_mm * _waves(depth.shape, spacing_zyx_mm, rng)
    changed += radius_mm * BIAS * rng.standard_normal()
    if rng.random() < PIECE_SHARE:
        changed = np.maximum(changed, _piece(depth, radius_mm, spacing_zyx_mm, rng))
    if rng.random() < PIECE_SHARE:
        changed = np.minimum(changed, -_piece(depth, radius_mm, spacing_zyx_mm, rng))
    return changed


def _waves(shape: tuple[int, ...], spacing_zyx_mm: _ZYX, rng: np.random.Generator) -> _Field:
    """Smooth field of standard deviation 1, about."""
    extent_mm = np.multiply(shape, spacing_zyx_mm)
    points = np.maximum(2, np.ceil(extent_mm / WAVE_LENGTH_MM) + 1).astype(int)
    control = rng.standard_normal(points)
    return np.asarray(zoom(control, np.divide(shape, points), order=1, grid_mode=False))


def _piece(
    depth: _Field, radius_mm: float, spacing_zyx_mm: _ZYX, rng: np.random.Generator
) -> _Field:
    """Depth within a ball around a random place of the tumour's surface."""
    near = np.argwhere(np.abs(depth) <= max(spacing_zyx_mm))
    place = rng.choice(near)
    axes = [
        (np.arange(n) - at) * mm
        for n, at, mm in zip(depth.shape, place, spacing_zyx_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(radius_mm * rng.uniform(*PIECE_RADIUS) - np.sqrt(z * z + y * y + x * x))
