"""Images in units of a tissue that every patient has: fat or muscle.

Limbs and trunk have no white matter; their subcutaneous fat and their muscle are large and alike in
everybody. Division by the tissue's peak keeps the scanner's zero.
"""

from typing import Literal

import numpy as np

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError
from oncotrace.imaging.histogram_modes import Mode, histogram_modes
from oncotrace.imaging.region_values import region_values, require_contrast

Tissue = Literal["fat", "muscle"]

_LEAST_HEIGHT = 0.03  # a thin layer of fat around a thigh


def tissue_intensity(scan: Scan, body: Mask, tissue: Tissue) -> float:
    """Peak of a tissue in the histogram of the body on T1 without fat suppression.

    Fat is the brightest peak, muscle the highest below it.

    Raises
    ------
    InputError
        The body is blank, or has fewer than two peaks above 0: which tissue the one is cannot be
        told.
    """
    values = region_values(scan, body)
    require_contrast(values, f"{tissue} reference")
    modes = [m for m in histogram_modes(values, least_height=_LEAST_HEIGHT) if m.intensity > 0]
    if len(modes) < 2:
        raise _not_told_apart(tissue, modes)
    *darker, fat = modes
    chosen = fat if tissue == "fat" else max(darker, key=lambda mode: mode.height)
    return chosen.intensity


def region_intensity(scan: Scan, region: Mask) -> float:
    """Median of a region that somebody has drawn in the reference tissue.

    Raises
    ------
    InputError
        It is not above 0.
    """
    median = float(np.median(region_values(scan, region)))
    if median <= 0:
        raise InputError(
            f"the reference region has a median of {median:g}; a reference must be above 0.",
            hint="Draw the region in a tissue that gives signal, and do not shift intensities "
            "before.",
            code="no-signal",
        )
    return median


def in_units_of(scan: Scan, intensity: float, *, value: float) -> Scan:
    """Scan scaled so that ``intensity`` becomes ``value``."""
    voxels = scan.voxels * (value / intensity)
    return Scan(voxels.astype(np.float32), scan.geometry, scan.modality)


def _not_told_apart(tissue: Tissue, modes: list[Mode]) -> InputError:
    found = ", ".join(f"{mode.intensity:.4g}" for mode in modes) or "none"
    return InputError(
        f"the body's histogram has {len(modes)} peak(s) above 0 ({found}); to tell {tissue} from "
        "others it needs two.",
        hint="Give a region drawn in the reference tissue with --mask, and the setting "
        'tissue = "region"; fat reference is meant for T1 without fat suppression.',
        code="no-tissue-peak",
    )
