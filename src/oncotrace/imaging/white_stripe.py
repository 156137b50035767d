"""WhiteStripe: brain images in units of normal-appearing white matter.

References
----------
Shinohara et al., NeuroImage Clin 2014;6:9-19, doi:10.1016/j.nicl.2014.08.008.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.histogram_modes import histogram_modes
from oncotrace.imaging.region_values import blank_image, region_values, require_contrast

Contrast = Literal["t1", "t2"]

_RARE = 0.2  # as the authors' `rare.prop`: the tail behind the last tissue is no tissue


@dataclass(frozen=True)
class Stripe:
    """Mode of the white matter, the ends of the stripe around it, and its standard deviation."""

    mode: float
    low: float
    high: float
    sd: float


def find_stripe(scan: Scan, region: Mask, *, contrast: Contrast, width: float) -> Stripe:
    """White stripe of a brain.

    Parameters
    ----------
    region
        The brain. With skull and skin in it, fat may be taken for white matter.
    contrast
        White matter is the brightest peak of at least a fifth of the highest one's height on
        ``t1``, and the highest peak on ``t2`` (and FLAIR).
    width
        Half of the stripe's width as a share of the region's voxels (the paper's tau, 0.05).

    Raises
    ------
    InputError
        The region is blank, or so is the stripe.
    """
    values = region_values(scan, region)
    require_contrast(values, "WhiteStripe")
    modes = histogram_modes(values, least_height=_RARE)
    chosen = modes[-1] if contrast == "t1" else max(modes, key=lambda mode: mode.height)
    place = float((values <= chosen.intensity).mean())
    low, high = np.quantile(values, np.clip([place - width, place + width], 0, 1))
    inside = values[(values >= low) & (values <= high)]
    sd = float(inside.std())
    if sd <= 0:
        raise blank_image("WhiteStripe", f"every voxel of the stripe is {low:g}")
    return Stripe(chosen.intensity, float(low), float(high), sd)


def white_stripe(scan: Scan, stripe: Stripe) -> Scan:
    """Scan in which the stripe's mode is 0 and its standard deviation 1.

    The paper's equation 1, with the peak itself as the centre (the authors' R package subtracts
    the stripe's mean, which lies beside it).
    """
    voxels = (scan.voxels - stripe.mode) / stripe.sd
    return Scan(voxels.astype(np.float32), scan.geometry, scan.modality)
