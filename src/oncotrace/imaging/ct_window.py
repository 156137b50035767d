"""Hounsfield units seen through a window, in 256 grey levels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AIR_HU = -1024.0
"""What the outside of a scan is set to: the lowest value that 12 bits store, air and below."""


@dataclass(frozen=True)
class CtWindow:
    """A display window: middle and width in Hounsfield units."""

    level_hu: float
    width_hu: float

    def grey_levels(self, voxels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """256 bins of equal width over the window; values outside fall into the end bins.

        References
        ----------
        Primakov et al., Nat Commun 2022;13:3423, doi:10.1038/s41467-022-30841-3, Methods.
        """
        lowest = self.level_hu - self.width_hu / 2
        bins = np.floor((voxels - np.float32(lowest)) * np.float32(256 / self.width_hu))
        levels: NDArray[np.uint8] = np.clip(bins, 0, 255).astype(np.uint8)
        return levels


LUNG_WINDOW = CtWindow(level_hu=-600, width_hu=1500)
"""Published for the tumour network."""

BONE_WINDOW = CtWindow(level_hu=400, width_hu=1800)
"""Published for the search of the spine."""
