"""What a segmentation shows of its own quality, in a few named numbers.

Of the probabilities:

``expected_dice``
    Dice that the mask would have if every voxel were tumour as often as its probability says, with
    the sums of numerator and denominator taken by themselves: 2 sum_mask(p) / (sum(p) + |mask|).
``mass_outside``
    Sum of the probabilities outside the mask, as a share of the mask.

Of the clicks, which a reader puts some 4 mm inside the border:

``ellipsoid_dice``, ``ellipsoid_ratio``
    Dice of the mask with the ellipsoid that the clicks imply (``ellipsoid``), and the log ratio of
    the two volumes.
``click_depth_mm``
    Mean depth of the clicks below the mask's border.
``beyond_clicks_mm``
    Mean of what the mask's box goes on beyond the clicks' box, over its six sides.

Of the mask's form:

``log_volume``
    Log of the volume in ml.
``sphericity``
    Surface of the ball of the same volume over the mask's own.

Of the image, on the scale on which its volume of interest has the standard deviation 1:

``border_contrast``
    Difference of the mean intensities up to 5 mm inside and outside the border, in standard
    deviations of either side.
``intensity_spread``
    Standard deviation of the intensities in the mask.
``is_ct``
    1 on CT, 0 elsewhere.

All are taken on the working grid. What is said of probabilities is said of each network and its own
mask, where its probability is above one half, and then averaged: the mean of several networks is
vaguer than any of them, and the quality of a model is learnt from its networks one by one, each on
patients whom it has not seen.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.components import filled
from oncotrace.imaging.crop import Box
from oncotrace.imaging.intensity import clipped, standardised
from oncotrace.imaging.surface_elements import surface_elements
from oncotrace.segment.ellipsoid import ellipsoid_of
from oncotrace.segment.finish import with_clicks
from oncotrace.segment.marks import BACKGROUND, TUMOUR, hard_marks
from oncotrace.segment.voi import GridClicks

FEATURES = (
    "expected_dice",
    "mass_outside",
    "ellipsoid_dice",
    "ellipsoid_ratio",
    "click_depth_mm",
    "beyond_clicks_mm",
    "log_volume",
    "sphericity",
    "border_contrast",
    "intensity_spread",
    "is_ct",
)

WITHOUT_CLICKS = tuple(
    name
    for name in FEATURES
    if name not in ("ellipsoid_dice", "ellipsoid_ratio", "click_depth_mm", "beyond_clicks_mm")
)
"""Those of `FEATURES` that need no clicks."""

_CONTRAST_MM = 5.0
_LEAST_SPREAD = 0.05


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a segmenter knew when it made a mask, on its working grid.

    Parameters
    ----------
    log_odds
        Log-odds of tumour [z, y, x]; the mask is where they are positive.
    member_probabilities
        Probability of tumour [m, z, y, x] of every network in every orientation.
    image
        Intensities as they were read, resampled.
    clicks
        The clicks, checked against the source grid.
    box
        Place of the working grid's volume in the source grid.
    """

    log_odds: NDArray[np.float32]
    member_probabilities: NDArray[np.float32]
    image: Scan
    clicks: GridClicks
    box: Box

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Mask [z, y, x] on the working grid: pieces with clicks, without holes."""
        marks = hard_marks(self.clicks, self.image.geometry)
        tumour = ((self.log_odds > 0) | (marks == TUMOUR)) & (marks != BACKGROUND)
        kept: NDArray[np.bool_] = filled(with_clicks(tumour, marks)) & (marks != BACKGROUND)
        return kept


def quality_features(evidence: Evidence) -> dict[str, float]:
    """All `FEATURES` of a segmentation whose mask is not empty; finite.

    Raises
    ------
    EmptyMaskError
        The mask is empty on the working grid.
    """
    mask = Mask(evidence.inside, evidence.image.geometry)
    mask.require_not_empty()
    depth_mm = _depth_mm(mask)
    values = {
        **_of_probabilities(evidence.member_probabilities),
        **_of_clicks(evidence.clicks, mask, depth_mm),
        **_of_form(mask),
        **_of_image(evidence.image, mask.voxels, depth_mm),
    }
    return {name: values[name] for name in FEATURES}


def features_without_clicks(
    members: NDArray[np.float32], mask: Mask, image: Scan
) -> dict[str, float]:
    """All `WITHOUT_CLICKS` of a mask without clicks, which is not empty; finite.

    Parameters
    ----------
    members
        Probability of tumour [m, z, y, x] of every network in every orientation.
    image
        Intensities on the mask's grid.

    Raises
    ------
    EmptyMaskError
        The mask is empty.
    """
    mask.require_not_empty()
    values = {
        **_of_probabilities(members),
        **_of_form(mask),
        **_of_image(image, mask.voxels, _depth_mm(mask)),
    }
    return {name: values[name] for name in WITHOUT_CLICKS}


def _depth_mm(mask: Mask) -> NDArray[np.float64]:
    """Distance of each voxel's centre from the mask's border; negative outside the mask."""
    spacing_mm = mask.geometry.spacing_zyx_mm
    half_mm = min(spacing_mm) / 2  # from the centres of the nearest voxels across to the border
    around = np.pad(mask.voxels, 1)
    within: NDArray[np.float64] = distance_transform_edt(around, spacing_mm)[1:-1, 1:-1, 1:-1]
    without: NDArray[np.float64] = distance_transform_edt(~mask.voxels, spacing_mm)
    return np.where(mask.voxels, within - half_mm, half_mm - without)


def _of_probabilities(members: NDArray[np.float32]) -> dict[str, float]:
    """Of each network's own mask, which is where its probability is above one half."""
    own = members > 0.5
    size = np.maximum(np.count_nonzero(own, axis=(1, 2, 3)), 1)
    whole = members.sum(axis=(1, 2, 3), dtype=np.float64)
    within = np.where(own, members, 0).sum(axis=(1, 2, 3), dtype=np.float64)
    return {
        "expected_dice": float(np.mean(2 * within / (whole + size))),
        "mass_outside": float(np.mean((whole - within) / size)),
    }


def _of_clicks(clicks: GridClicks, mask: Mask, depth_mm: NDArray[np.float64]) -> dict[str, float]:
    geometry = mask.geometry
    x, y, z = ellipsoid_of(clicks.outline_mm, geometry).normalised_offsets(geometry)
    ellipsoid = x * x + y * y + z * z <= 1.0
    size, there, shared = (
        int(np.count_nonzero(voxels))
        for voxels in (mask.voxels, ellipsoid, mask.voxels & ellipsoid)
    )
    index_zyx = geometry.to_index(clicks.outline_mm)[:, ::-1]
    depth_of_clicks_mm = map_coordinates(depth_mm, index_zyx.T, order=1, mode="nearest")
    return {
        "ellipsoid_dice": 2 * shared / (size + there),
        "ellipsoid_ratio": float(np.log(size / max(there, 1))),
        "click_depth_mm": float(depth_of_clicks_mm.mean()),
        "beyond_clicks_mm": _beyond_mm(index_zyx, mask),
    }


def _beyond_mm(clicks_zyx: NDArray[np.float64], mask: Mask) -> float:
    """Mean distance of the six sides of the mask's box from the clicks' box, outwards."""
    box = mask.box_zyx()
    low = clicks_zyx.min(axis=0) - [side.start - 0.5 for side in box]
    high = [side.stop - 0.5 for side in box] - clicks_zyx.max(axis=0)
    return float(((low + high) / 2 * mask.geometry.spacing_zyx_mm).mean())


def _of_form(mask: Mask) -> dict[str, float]:
    volume_mm3 = np.count_nonzero(mask.voxels) * mask.geometry.voxel_volume_mm3
    surface_mm2 = float(surface_elements(mask).area_mm2.sum())
    ball_mm2 = np.pi ** (1 / 3) * (6 * volume_mm3) ** (2 / 3)
    return {
        "log_volume": float(np.log(volume_mm3 / 1000)),
        "sphericity": float(ball_mm2 / surface_mm2),
    }


def _of_image(
    image: Scan, inside: NDArray[np.bool_], depth_mm: NDArray[np.float64]
) -> dict[str, float]:
    even = standardised(clipped(image.voxels, image.modality))
    return {
        "border_contrast": _contrast(
            even[inside & (depth_mm <= _CONTRAST_MM)], even[~inside & (depth_mm >= -_CONTRAST_MM)]
        ),
        "intensity_spread": float(even[inside].std()),
        "is_ct": float(image.modality == "ct"),
    }


def _contrast(inside: NDArray[np.float32], outside: NDArray[np.float32]) -> float:
    if inside.size == 0 or outside.size == 0:
        return 0.0
    spread = np.sqrt((inside.var() + outside.var()) / 2) + _LEAST_SPREAD
    return float(abs(inside.mean() - outside.mean()) / spread)
