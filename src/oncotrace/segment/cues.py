"""How much each voxel looks like tumour: five cues from the clicks and the image.

The log-odds of a voxel are a weighted sum of

``ellipsoid``
    1 - r, where r is the distance from the centre of the ellipsoid along the grid's axes that the
    clicks' extent implies, in units of the ellipsoid's own radius: 0 on its surface.
``hull``
    Depth in mm below a surface 5 mm outside the convex hull of the clicks (the distance from the
    nearest facet's plane), divided by the ellipsoid's mean half axis. The hull knows how the tumour
    is tilted, which the ellipsoid does not.
``likelihood``
    Log ratio of how often the voxel's intensity occurs inside the hull and outside the tumour,
    blurred by 2 mm. Outside is what lies more than 8 mm beyond the clicks' box.
``typical``
    Minus the distance of the intensity from the median inside the hull, in standard deviations of
    the volume of interest, blurred by 2 mm.
``geodesic``
    (B - F) / (B + F), where F and B are the geodesic distances from the hull and from outside the
    tumour, 26 neighbours, in which a step costs its length times the difference of intensity;
    exact, so that it does not depend on how the grid is stored
    (Criminisi, Sharp and Blake, GeoS, ECCV 2008, doi:10.1007/978-3-540-88682-2_9).

The weights make the mean soft Dice of a voxelwise logistic model largest; they were fitted on the
CT and T1 of 40 sarcoma patients together (``benchmarks/fit_cue_weights.py``). Fitted on any four
fifths of the patients, those of shape and of the geodesic cue stay within 13 %, those of the two
appearance cues, which say much the same, trade against each other; the figures in
``benchmarks/results`` are of the fifths left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import ConvexHull

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.imaging.geodesic import geodesic_distance
from oncotrace.imaging.intensity import clipped, log_likelihood_ratio, standardised
from oncotrace.segment.ellipsoid import ellipsoid_of
from oncotrace.segment.marks import BACKGROUND, TUMOUR, hard_marks
from oncotrace.segment.voi import GridClicks

BEYOND_CLICKS_MM = 5.0
"""How far the tumour goes on beyond the clicks."""

OUTSIDE_MM = 8.0
"""Farther than this beyond the clicks' box is outside the tumour."""

ELLIPSOID_REACH = 1.5
"""Beyond this multiple of the ellipsoid is outside the tumour."""

APPEARANCE_BLUR_MM = 2.0


@dataclass(frozen=True)
class CueWeights:
    """What each cue counts in the log-odds."""

    constant: float = 1.68
    ellipsoid: float = 6.03
    hull: float = 9.71
    likelihood: float = 0.65
    typical: float = 2.97
    geodesic: float = 4.80


@dataclass(frozen=True, eq=False)
class Cues:
    """The five cues, each [z, y, x]; the module says what they are."""

    ellipsoid: NDArray[np.float32]
    hull: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    typical: NDArray[np.float32]
    geodesic: NDArray[np.float32]

    def log_odds(self, weights: CueWeights) -> NDArray[np.float32]:
        """Log-odds of tumour: the weighted sum."""
        odds = np.full(self.hull.shape, weights.constant, dtype=np.float32)
        odds += np.float32(weights.ellipsoid) * self.ellipsoid
        odds += np.float32(weights.hull) * self.hull
        odds += np.float32(weights.likelihood) * self.likelihood
        odds += np.float32(weights.typical) * self.typical
        odds += np.float32(weights.geodesic) * self.geodesic
        return odds


def tumour_cues(scan: Scan, clicks: GridClicks) -> Cues:
    """Cues for every voxel of a volume of interest."""
    geometry = scan.geometry
    ellipsoid = ellipsoid_of(clicks.outline_mm, geometry, beyond_mm=BEYOND_CLICKS_MM)
    x, y, z = ellipsoid.normalised_offsets(geometry)
    radius = np.sqrt(x * x + y * y + z * z).astype(np.float32)
    depth_mm = _hull_depth_mm(clicks.outline_mm, geometry)
    marks = hard_marks(clicks, geometry)
    inside = ((depth_mm > 0) | (radius == radius.min()) | (marks == TUMOUR)) & (marks != BACKGROUND)
    far = (radius > ELLIPSOID_REACH) | _beyond_box(clicks.outline_mm, geometry)
    outside = (far & ~inside) | (marks == BACKGROUND)
    intensities = clipped(scan.voxels, scan.modality)
    even = standardised(intensities)
    blur = APPEARANCE_BLUR_MM / np.asarray(geometry.spacing_zyx_mm)
    typical = np.median(even[inside]) if inside.any() else np.float32(0)
    return Cues(
        ellipsoid=1 - radius,
        hull=(depth_mm + np.float32(BEYOND_CLICKS_MM)) / np.float32(ellipsoid.mean_half_axis_mm),
        likelihood=gaussian_filter(log_likelihood_ratio(intensities, inside, outside), blur),
        typical=-gaussian_filter(np.abs(even - typical), blur),
        geodesic=_geodesic_cue(even, inside, outside, geometry),
    )


def _hull_depth_mm(points_mm: NDArray[np.float64], geometry: Geometry) -> NDArray[np.float32]:
    """Distance inside the convex hull from the nearest facet's plane; outside it is negative."""
    along_mm = geometry.to_index(points_mm) * geometry.spacing_mm
    z, y, x = (
        (np.arange(size) * spacing).astype(np.float32)
        for size, spacing in zip(geometry.shape_zyx, geometry.spacing_zyx_mm, strict=True)
    )
    beyond = np.full(geometry.shape_zyx, -np.inf, dtype=np.float32)
    for a, b, c, offset in ConvexHull(along_mm).equations.astype(np.float32):
        plane = a * x[None, None, :] + b * y[None, :, None] + (c * z + offset)[:, None, None]
        np.maximum(beyond, plane, out=beyond)
    return -beyond


def _beyond_box(points_mm: NDArray[np.float64], geometry: Geometry) -> NDArray[np.bool_]:
    """Voxels farther than `OUTSIDE_MM`, or one voxel, beyond the points' box along some axis."""
    index = geometry.to_index(points_mm)
    margin = np.maximum(OUTSIDE_MM / np.asarray(geometry.spacing_mm), 1.0)
    low, high = index.min(axis=0) - margin, index.max(axis=0) + margin
    x, y, z = (
        (np.arange(size) < low[axis]) | (np.arange(size) > high[axis])
        for axis, size in enumerate(geometry.size_xyz)
    )
    return np.asarray(x[None, None, :] | y[None, :, None] | z[:, None, None])


def _geodesic_cue(
    intensities: NDArray[np.float32],
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    geometry: Geometry,
) -> NDArray[np.float32]:
    if not inside.any() or not outside.any():
        return np.zeros_like(intensities)
    from_inside, from_outside = (
        geodesic_distance(intensities, np.argwhere(seeds), geometry.spacing_zyx_mm, sweeps=None)
        for seeds in (inside, outside)
    )
    return (from_outside - from_inside) / (from_outside + from_inside + np.float32(1e-6))
