"""What the published six-click network sees: the volume of interest at one spacing.

1. The volume of interest is the clicks' box widened on either side by 10 % of its extent, rounded
   up to whole voxels, but by at least 8 voxels (3 along the coarsest axis of an anisotropic image),
   clipped at the image. The voxels are those of the target spacing.
2. The image is resampled to that spacing with cubic splines; if it is anisotropic, which is a ratio
   of the coarsest to the finest spacing of 3 or more, then slice by slice in plane and from the
   nearest slice along the coarsest axis. An image that has the spacing already stays as it is.
3. CT is clipped to the 0.5 and 99.5 percentiles of the training lesions, whose mean is subtracted
   and by whose standard deviation it is divided. Other images are scaled so that their voxels that
   are not 0 have mean 0 and standard deviation 1 within the volume of interest; a 0 stays 0.
4. The guidance is exp(-D), D the geodesic distance from the clicks on the normalised image after
   four sweeps; on CT the image is not clipped for it.

Channels by name are ``image`` and ``guidance``. What the network's strides need is padded with
zeros later, by the engine.

Where this differs from the published program: it resamples the whole image and then crops; here the
volume of interest is cut out first, with as many voxels around it as the spline reaches, which
gives the same values. It widens the volume of interest further to multiples of the strides where
the image allows it, and leaves out the last voxel along each axis. It trains on volumes around the
outline and predicts on volumes around the clicks; here both are around the clicks.

References
----------
Spaanderman et al., Eur Radiol 2024, doi:10.1007/s00330-024-11167-8, and its program InteractiveNet.
"""

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.crop import Box, box_around, crop_scan
from oncotrace.imaging.geodesic import geodesic_guidance
from oncotrace.imaging.resample import resample_scan, with_spacing
from oncotrace.learning.fingerprint import ANISOTROPIC_RATIO, Fingerprint
from oncotrace.segment.network_input import NetworkInput, stacked
from oncotrace.segment.voi import GridClicks, clicks_on_grid, voxels_at
from oncotrace.segment.working_grid import require_finite_around_clicks

MARGIN_FRACTION = 0.1
MARGIN_VOXELS = 8
MARGIN_VOXELS_COARSE = 3

SAME_SPACING_MM = 1e-3
"""Spacings closer than this are the same."""

SPLINE_REACH = 8
"""So many voxels away, a voxel moves a cubic spline by less than 0.0001 of its own value."""

_XYZ = tuple[float, float, float]


def published_input(
    scan: Scan, clicks: Clicks, names: tuple[str, ...], spacing_mm: _XYZ, lesions: Fingerprint
) -> NetworkInput:
    """Channels of the given names around the clicks, at the given spacing (x, y, z).

    Parameters
    ----------
    lesions
        Of the training cases; only CT needs it.

    Raises
    ------
    ClickError
        The clicks cannot be used on this image.
    InputError
        The voxels around the clicks are not finite.
    ModelError
        A name is not one of the module's.
    """
    source = scan.geometry
    checked = clicks_on_grid(clicks, source)
    whole = _at_spacing(source, spacing_mm)
    voi = published_volume_of_interest(checked, whole)
    working = whole.crop(voi.start_xyz, voi.size_xyz)
    reach = 0 if whole is source else SPLINE_REACH
    near = crop_scan(scan, _covering(working, source, reach=reach))
    require_finite_around_clicks(near)
    seen = near if whole is source else _resampled(near, working)
    box = _covering(working, source, reach=0)
    part = source.crop(box.start_xyz, box.size_xyz)
    channels = stacked(
        names,
        {
            "image": lambda: normalised(seen, lesions, clip=True),
            "guidance": lambda: _guidance(seen, checked, lesions),
        },
    )
    return NetworkInput(channels, seen, part, box, checked)


def published_volume_of_interest(clicks: GridClicks, geometry: Geometry) -> Box:
    """Box of voxels around the clicks by the published rule, on a grid of the target spacing."""
    voxels = voxels_at(clicks.outline_mm, geometry)[:, ::-1].astype(np.float64)
    least = np.full(3, MARGIN_VOXELS)
    if is_anisotropic(geometry.spacing_mm):
        least[np.argmax(geometry.spacing_mm)] = MARGIN_VOXELS_COARSE
    # Rounded first: a tenth of 30 is 3, not a little more.
    margin = np.ceil(np.round(MARGIN_FRACTION * np.ptp(voxels, axis=0), 6))
    # A quarter of a voxel less than whole ones, since a box takes in every voxel that it touches.
    return box_around(voxels, np.maximum(margin, least) - 0.25, geometry)


def is_anisotropic(spacing_mm: _XYZ) -> bool:
    """Whether the coarsest spacing is three times the finest, or more."""
    return max(spacing_mm) / min(spacing_mm) >= ANISOTROPIC_RATIO


def normalised(scan: Scan, lesions: Fingerprint, *, clip: bool) -> NDArray[np.float32]:
    """Intensities [z, y, x] by the published rule for CT, or for all other images.

    Parameters
    ----------
    clip
        Whether CT is clipped to the lesions' percentiles.
    """
    if scan.modality == "ct":
        values = scan.voxels
        if clip:
            values = np.clip(values, lesions.lesion_percentile_0_5, lesions.lesion_percentile_99_5)
        return _scaled(values, lesions.lesion_mean, lesions.lesion_sd)
    there = scan.voxels != 0
    if not there.any():
        return np.zeros_like(scan.voxels)
    values = scan.voxels[there].astype(np.float64)
    scaled = _scaled(scan.voxels, float(values.mean()), float(values.std()))
    return np.where(there, scaled, np.float32(0))


def _scaled(values: NDArray[np.float32], mean: float, sd: float) -> NDArray[np.float32]:
    return ((values - mean) / (sd if sd > 0 else 1.0)).astype(np.float32)


def _guidance(scan: Scan, clicks: GridClicks, lesions: Fingerprint) -> NDArray[np.float32]:
    seeds = voxels_at(clicks.outline_mm, scan.geometry)
    return geodesic_guidance(
        normalised(scan, lesions, clip=False), seeds, scan.geometry.spacing_zyx_mm
    )


def _at_spacing(geometry: Geometry, spacing_mm: _XYZ) -> Geometry:
    """Grid of the whole image at a spacing; the image's own if that is the same."""
    if np.abs(np.subtract(geometry.spacing_mm, spacing_mm)).max() <= SAME_SPACING_MM:
        return geometry
    return with_spacing(geometry, spacing_mm)


def _covering(working: Geometry, source: Geometry, *, reach: int) -> Box:
    """Box of the source voxels whose centres lie in the working grid, and some more around."""
    ends = np.array([(-0.5, -0.5, -0.5), np.asarray(working.size_xyz) - 0.5])
    index = source.to_index(working.to_point_mm(ends))
    # Half a voxel less, and rounding errors, so that a voxel that is only touched stays out.
    return box_around(index, np.full(3, reach - 0.5 - 1e-6), source)


def _resampled(scan: Scan, working: Geometry) -> Scan:
    """Scan on the working grid, cubic, but nearest along the coarsest axis if anisotropic."""
    source = scan.geometry
    coarse = next((g for g in (source, working) if is_anisotropic(g.spacing_mm)), None)
    if coarse is None:
        return resample_scan(scan, working, interpolation="cubic", outside=0.0)
    axis = int(np.argmax(coarse.spacing_mm))
    # At the slices' own positions, the spline in space is the spline within each slice.
    slices = resample_scan(
        scan, _with_slices_of(source, working, axis), interpolation="cubic", outside=0.0
    )
    return resample_scan(slices, working, interpolation="nearest", outside=0.0)


def _with_slices_of(source: Geometry, working: Geometry, axis: int) -> Geometry:
    """Return the working grid with the source's voxels along one axis."""
    size, spacing_mm, first = list(working.size_xyz), list(working.spacing_mm), np.zeros(3)
    size[axis], spacing_mm[axis] = source.size_xyz[axis], source.spacing_mm[axis]
    first[axis] = working.to_index(source.origin_mm)[axis]
    nx, ny, nz = size
    sx, sy, sz = spacing_mm
    ox, oy, oz = (float(mm) for mm in working.to_point_mm(first))
    return Geometry((nx, ny, nz), (sx, sy, sz), (ox, oy, oz), working.direction)
