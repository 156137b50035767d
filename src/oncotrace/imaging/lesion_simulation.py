"""Lesions planted into the lungs of a CT, to try a pipeline where real ones are not at hand.

A planted lesion is an ellipsoid whose surface a smooth random field pushes in and out. It is drawn
on voxels of at most 1 mm, averaged to the scan's (partial volume) and blurred in plane with the
point spread of a body kernel, so that its border is as soft as the scan's own. Within, a solid
lesion has the density of soft tissue and the scan's own noise, and covers what was there; ground
glass is laid over the lung, whose denser vessels stay; a part-solid one is ground glass with a
solid core of half its diameter. It reaches at most 3 mm into what is around the lungs.

Constants are of the literature on nodules, not fits: solid lesions 0 to 60 HU, ground glass -700 to
-400 HU. No lesion of this kind has spicules, cavities, calcium or fluid around it: what a network
does on planted lesions does not say what it does on patients.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.crop import Box, box_around
from oncotrace.imaging.morphology import depth_mm
from oncotrace.imaging.patient_pose import patient_pose

Kind = Literal["solid", "ground-glass", "part-solid"]
Place = Literal["parenchyma", "pleura", "mediastinum"]

SOLID_HU = (0.0, 60.0)
GROUND_GLASS_HU = (-700.0, -400.0)
BLUR_MM = 0.7
"""Standard deviation of the point spread in plane: 1.6 mm of full width at half maximum."""

_FINE_MM = 1.0
_AXES_RATIO = (0.8, 1.25)
_ROUGHNESS = 0.18  # standard deviation of the surface, as a fraction of the radius
_WAVE = 0.5  # distance of the surface's control points, as a fraction of the radius
_CORE = 0.5
_MARGIN_MM = 4.0
_INVASION_MM = 3.0  # into what is around the lungs
_TISSUE_HU = (0.0, 80.0)
_LEAST_SAMPLES = 100
_USUAL_NOISE_HU = 15.0


@dataclass(frozen=True)
class LesionWish:
    """What is to be planted.

    Parameters
    ----------
    place
        ``parenchyma``: at least its radius and 4 mm inside the lung. ``pleura``: its middle at most
        half its radius inside, on the outer side of the lung. ``mediastinum``: likewise, on the
        side of the other lung.
    """

    kind: Kind
    place: Place
    diameter_mm: float


@dataclass(frozen=True, eq=False)
class PlantedLesion:
    """What was planted: the voxels of which the lesion fills half or more, and its middle."""

    mask: Mask
    centre_mm: tuple[float, float, float]
    wish: LesionWish


def plant(
    ct: Scan, lungs: Mask, wish: LesionWish, *, rng: np.random.Generator
) -> tuple[Scan, PlantedLesion]:
    """Plant one lesion into the lungs of a CT.

    Parameters
    ----------
    lungs
        The lung, or both, in which its middle may lie; undilated, on the CT's grid.

    Raises
    ------
    GeometryMismatchError
        Lungs and CT lie on different grids.
    EmptyMaskError
        There are no lungs.
    InputError
        Nowhere in the lungs is there such a place, or the lesion fills half of no voxel.
    """
    lungs.geometry.require_match(ct.geometry, this="lungs", that="image")
    lungs.require_not_empty()
    depth = depth_mm(lungs.voxels, lungs.geometry)
    index_xyz = _place(lungs, depth, wish, rng)
    radius_mm = wish.diameter_mm / 2
    reach = np.full(3, 2.0 * radius_mm + 3 * BLUR_MM) / ct.geometry.spacing_mm + 2
    box = box_around(index_xyz[None].astype(float), reach, ct.geometry)
    part = ct.geometry.crop(box.start_xyz, box.size_xyz)
    centre_mm = ct.geometry.to_point_mm(index_xyz)
    share, core = _filled(part, centre_mm, radius_mm, wish.kind, rng)
    within = depth[box.slices_zyx] >= -_INVASION_MM
    share, core = share * within, core * within
    voxels = ct.voxels.copy()
    voxels[box.slices_zyx] = _laid_over(
        ct.voxels[box.slices_zyx], share, core, wish.kind, noise_hu(ct), rng
    )
    x, y, z = (float(value) for value in centre_mm)
    mask = Mask(_whole(share >= 0.5, box, ct.geometry), ct.geometry)
    if mask.is_empty:
        raise InputError(
            f"a lesion of {wish.diameter_mm:g} mm fills half of no voxel here, so it has no mask.",
            hint="Plant a larger one.",
            code="no-place",
        )
    return Scan(voxels, ct.geometry, ct.modality), PlantedLesion(mask, (x, y, z), wish)


def noise_hu(ct: Scan) -> float:
    """Return the standard deviation of a CT's noise in soft tissue, from neighbours in a slice.

    The median of their differences is hardly touched by edges. 15 HU where there is no tissue.
    """
    right, left = ct.voxels[:, :, 1:], ct.voxels[:, :, :-1]
    low, high = _TISSUE_HU
    both = (left > low) & (left < high) & (right > low) & (right < high)
    if np.count_nonzero(both) < _LEAST_SAMPLES:
        return _USUAL_NOISE_HU
    # 0.6745 is the third quartile of a normal variable; two voxels differ by sqrt(2) as much.
    return float(np.median(np.abs(right[both] - left[both])) / 0.6745 / np.sqrt(2))


def _place(
    lungs: Mask, depth: NDArray[np.float32], wish: LesionWish, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Index (x, y, z) of the middle of a lesion."""
    radius_mm = wish.diameter_mm / 2
    if wish.place == "parenchyma":
        fits = depth >= radius_mm + _MARGIN_MM
    else:
        fits = lungs.voxels & (depth <= radius_mm / 2)
        inner = _towards_the_middle(lungs)
        fits &= inner if wish.place == "mediastinum" else ~inner
    candidates = np.argwhere(fits)
    if not len(candidates):
        raise InputError(
            f"there is no place for a lesion of {wish.diameter_mm:g} mm in the {wish.place}.",
            hint="Plant a smaller one.",
            code="no-place",
        )
    return np.asarray(rng.choice(candidates)[::-1])


def _towards_the_middle(lungs: Mask) -> NDArray[np.bool_]:
    """Voxels [z, y, x] nearer to the patient's middle than to the lungs' outer end.

    Both are those of the box around the lungs; give both lungs, or the middle is not there.
    """
    pose = patient_pose(lungs.geometry)
    turned = pose.turn(lungs.voxels)
    columns = np.flatnonzero(turned.any(axis=(0, 1)))
    middle = (columns[0] + columns[-1]) / 2
    half = max(1.0, (columns[-1] - columns[0]) / 2)
    inner = np.abs(np.arange(turned.shape[2]) - middle) < half / 2
    return pose.turn_back(np.broadcast_to(inner, turned.shape))


def _filled(
    part: Geometry,
    centre_mm: NDArray[np.float64],
    radius_mm: float,
    kind: Kind,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Share of every voxel [z, y, x] that the lesion fills, and that its solid core fills."""
    factors = [max(1, int(np.ceil(s / _FINE_MM))) for s in part.spacing_mm]
    fine = np.multiply(part.size_xyz, factors)
    axes = [(np.arange(n) + 0.5) / f - 0.5 for n, f in zip(fine, factors, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    index = part.to_index(centre_mm).ravel()
    steps = [(a - i) * s for a, i, s in zip((x, y, z), index, part.spacing_mm, strict=True)]
    narrow, wide = (float(np.log(ratio)) for ratio in _AXES_RATIO)
    radii = radius_mm * np.exp(rng.uniform(narrow, wide, size=3))
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    local = [sum(row[i] * steps[i] for i in range(3)) for row in turn]
    distance = np.sqrt(sum((v / r) ** 2 for v, r in zip(local, radii, strict=True)))
    surface = 1 + _ROUGHNESS * _smooth_field(distance.shape, part, factors, radius_mm, rng)
    whole = distance <= surface
    core = distance <= _CORE * surface
    is_cored = kind == "part-solid"
    return _seen(whole, factors, part), _seen(core & is_cored, factors, part)


def _smooth_field(
    shape_xyz: tuple[int, ...],
    part: Geometry,
    factors: list[int],
    radius_mm: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Random field [x, y, z] of unit variance at its control points, a cubic spline between."""
    spacing = np.divide(part.spacing_mm, factors)
    extent_mm = np.multiply(shape_xyz, spacing)
    points = [max(4, int(np.ceil(mm / (_WAVE * radius_mm)))) for mm in extent_mm]
    control = rng.standard_normal(points)
    field: NDArray[np.float64] = zoom(
        control, np.divide(shape_xyz, points), order=3, mode="nearest", grid_mode=True
    )
    return np.clip(field, -3.0, 3.0)


def _seen(fine: NDArray[np.bool_], factors: list[int], part: Geometry) -> NDArray[np.float32]:
    """Share [z, y, x] as the scan sees it: averaged to its voxels, blurred in plane."""
    nx, ny, nz = part.size_xyz
    fx, fy, fz = factors
    groups = fine.reshape(nx, fx, ny, fy, nz, fz).mean(axis=(1, 3, 5)).transpose(2, 1, 0)
    sigma = [0.0, BLUR_MM / part.spacing_mm[1], BLUR_MM / part.spacing_mm[0]]
    return np.asarray(gaussian_filter(groups, sigma, mode="nearest"), dtype=np.float32)


def _laid_over(
    hu: NDArray[np.float32],
    share: NDArray[np.float32],
    core: NDArray[np.float32],
    kind: Kind,
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Hounsfield units [z, y, x] with the lesion in them."""
    solid = rng.uniform(*SOLID_HU) + noise * rng.standard_normal(hu.shape)
    if kind == "solid":
        return (hu * (1 - share) + share * solid).astype(np.float32)
    glass = rng.uniform(*GROUND_GLASS_HU) + noise * rng.standard_normal(hu.shape)
    veiled = hu * (1 - share) + share * np.maximum(hu, glass)
    return (veiled * (1 - core) + core * solid).astype(np.float32)


def _whole(part: NDArray[np.bool_], box: Box, geometry: Geometry) -> NDArray[np.bool_]:
    voxels = np.zeros(geometry.shape_zyx, dtype=np.bool_)
    voxels[box.slices_zyx] = part
    return voxels
