"""Which values of an image are black and which are white, as its readers are used to see it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.scan import Modality

SOFT_TISSUE_HU = (-160.0, 240.0)
"""Level 40, width 400."""

_UNITS = {"ct": " HU", "pet": " SUV"}
_MR_PERCENTILES = (1.0, 99.0)
_PET_PERCENTILE = 99.5
_LEAST_PET_SUV = 5.0  # so that a scan without uptake looks empty instead of noisy
_MOST_SAMPLES = 200_000


@dataclass(frozen=True)
class GreyWindow:
    """Values between which the grey levels lie; inverted, high values are dark."""

    low: float
    high: float
    is_inverted: bool = False

    @property
    def background(self) -> int:
        """Grey level of the lowest values, and of what lies outside the image."""
        return 255 if self.is_inverted else 0

    def grey_levels(self, voxels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Grey levels 0 (black) to 255 of values; what is not a number is background."""
        share = (voxels - np.float32(self.low)) / np.float32(self.high - self.low)
        levels = np.rint(255 * np.clip(np.nan_to_num(share, nan=0.0), 0, 1))
        return np.asarray(255 - levels if self.is_inverted else levels, dtype=np.uint8)

    def describe(self, modality: Modality | None) -> str:
        """Return the window for people, with its unit where the modality has one."""
        decimals = 1 if self.high - self.low < 20 else 0
        ends = (f"{end + 0.0:.{decimals}f}".replace("-", "−") for end in (self.low, self.high))
        return f"window {' to '.join(ends)}{_UNITS.get(modality or '', '')}"


def grey_window(
    modality: Modality | None,
    shown: NDArray[np.float32],
    structure: NDArray[np.float32] | None = None,
) -> GreyWindow:
    """Window for the part of an image that is shown.

    CT in the soft-tissue window. PET from zero to the 99.5th percentile, at least 5 SUV, with
    uptake dark: the percentile of the outlined structure if there is one, since the bladder beside
    a tumour may be many times as bright. Anything else from the 1st to the 99th percentile of what
    is shown.

    Parameters
    ----------
    shown, structure
        Voxels, shape (n,). Of many an even selection is looked at.
    """
    if modality == "ct":
        return GreyWindow(*SOFT_TISSUE_HU)
    if modality == "pet":
        values = _some_of(shown if structure is None else structure)
        high = float(np.percentile(values, _PET_PERCENTILE)) if values.size else 0.0
        return GreyWindow(0.0, max(_LEAST_PET_SUV, high), is_inverted=True)
    values = _some_of(shown)
    if not values.size:
        return GreyWindow(0.0, 1.0)
    low, high = (float(end) for end in np.percentile(values, _MR_PERCENTILES))
    return GreyWindow(low, high if high > low else low + 1.0)


def _some_of(voxels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Finite values; every n-th where there are many."""
    some = voxels[:: max(1, voxels.size // _MOST_SAMPLES)]
    finite: NDArray[np.float32] = some[np.isfinite(some)]
    return finite
