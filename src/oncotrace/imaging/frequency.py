"""Spatial frequencies normalised: as much detail of every size as a reference has.

DuneAI's patent extras name a "normalisation of spatial frequency" without a formula (Primakov,
thesis 2023, chapter 9, doi:10.26481/dis.20231205sp). This is the published method of that name
that evens out scanners and kernels: energy bands.

References
----------
Philipsen et al., IEEE Trans Med Imaging 2015;34:1965-1975, doi:10.1109/TMI.2015.2418031. There in
two dimensions and relative to local windows; here in three, in millimetres and over one region.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.region_values import blank_image, region_values, require_contrast

_SILENT = 1e-6  # of the strongest band: rounding, which must not be raised to a signal
_TRUNCATE = 3.0


def band_energies(scan: Scan, region: Mask | None, scales_mm: Sequence[float]) -> tuple[float, ...]:
    """Return the standard deviation of every band within the region, from fine to coarse.

    Band i is what a Gaussian of ``scales_mm[i]`` takes away from what the one before left.

    Raises
    ------
    InputError
        The region is blank.
    """
    require_contrast(region_values(scan, region), "frequency normalisation")
    return tuple(_spread(band, region) for band in _bands(scan, scales_mm))


def mean_energies(cohort: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Band by band, the mean over a cohort."""
    return tuple(float(value) for value in np.mean(cohort, axis=0))


def with_energies(
    scan: Scan,
    region: Mask | None,
    scales_mm: Sequence[float],
    reference: Sequence[float],
    *,
    iterations: int,
    strongest: float,
) -> Scan:
    """Scan whose bands have the reference's energies.

    Bands overlap, so scaling one changes the next; it is therefore done several times over. What
    lies below all bands (the slowest part) is left as it is.

    Parameters
    ----------
    strongest
        No band is raised or lowered by more than this factor in one round: noise where there is
        no detail must not become detail.

    Raises
    ------
    InputError
        The region is blank, or an image's band is silent that should not be.
    """
    current = scan
    for _ in range(iterations):
        current = _scaled_once(current, region, scales_mm, reference, strongest)
    return current


def _scaled_once(
    scan: Scan,
    region: Mask | None,
    scales_mm: Sequence[float],
    reference: Sequence[float],
    strongest: float,
) -> Scan:
    require_contrast(region_values(scan, region), "frequency normalisation")
    rest = scan.voxels.astype(np.float64)
    total = np.zeros_like(rest)
    for band, wanted in zip(_bands(scan, scales_mm), reference, strict=True):
        own = _spread(band, region)
        if own <= _SILENT * max(reference):
            raise blank_image("frequency normalisation", "a band of its frequencies is empty")
        rest = rest - band
        total += band * np.clip(wanted / own, 1 / strongest, strongest)
    return Scan((total + rest).astype(np.float32), scan.geometry, scan.modality)


def _bands(scan: Scan, scales_mm: Sequence[float]) -> Iterator[NDArray[np.float64]]:
    """Differences between the image and ever stronger blurs of it, [z, y, x]."""
    before = scan.voxels.astype(np.float64)
    for scale_mm in scales_mm:
        sigma_zyx = [scale_mm / spacing for spacing in scan.geometry.spacing_zyx_mm]
        after = gaussian_filter(scan.voxels.astype(np.float64), sigma_zyx, truncate=_TRUNCATE)
        yield before - after
        before = after


def _spread(band: NDArray[np.float64], region: Mask | None) -> float:
    return float(band.std() if region is None else band[region.voxels].std())
