"""Every measure of a predicted mask against its reference."""

import math

from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.imaging.overlap import (
    dice,
    jaccard,
    precision,
    sensitivity,
    volume_error_ml,
    volume_error_percent,
)
from oncotrace.imaging.surface_distance import surface_agreement
from oncotrace.measure.tumour_size import tumour_size

SURFACE_TOLERANCE_MM = 2.0
_LENGTHS = ("longest_axial", "perpendicular", "longest_3d")


def mask_agreement(mask: Mask, reference: Mask) -> dict[str, object]:
    """Every measure of a predicted mask against its reference, under its name in ``result.json``.

    A measure that is infinite, because the predicted mask is empty, is null and named in
    ``infinite_measures``; the diameters of an empty mask are null.

    Raises
    ------
    GeometryMismatchError
        The masks lie on different grids.
    EmptyMaskError
        The reference is empty.
    """
    mask.geometry.require_match(reference.geometry, this="prediction", that="reference mask")
    true_size = tumour_size(reference)
    surface = surface_agreement(mask, reference, tolerance_mm=SURFACE_TOLERANCE_MM)
    measures = {
        "dice": dice(mask, reference),
        "jaccard": jaccard(mask, reference),
        "sensitivity": sensitivity(mask, reference),
        "precision": precision(mask, reference),
        "surface_dice": surface.surface_dice,
        "hausdorff95_mm": surface.hausdorff95_mm,
        "assd_mm": surface.assd_mm,
        "volume_error_ml": volume_error_ml(mask, reference),
        "volume_error_percent": volume_error_percent(mask, reference),
    }
    infinite = [name for name, value in measures.items() if math.isinf(value)]
    return {
        **{name: None if name in infinite else value for name, value in measures.items()},
        **_sizes(None if mask.is_empty else tumour_size(mask), true_size),
        "infinite_measures": " ".join(infinite),
        "surface_tolerance_mm": SURFACE_TOLERANCE_MM,
    }


def _sizes(size: TumourSize | None, true_size: TumourSize) -> dict[str, object]:
    """Volume and diameters of both masks, and the errors of the diameters."""
    sizes: dict[str, object] = {
        "volume_ml": size.volume_ml if size else 0.0,
        "reference_volume_ml": true_size.volume_ml,
    }
    for name in _LENGTHS:
        true_mm: float = getattr(true_size, name).length_mm
        length_mm: float | None = getattr(size, name).length_mm if size else None
        sizes[f"{name}_diameter_mm"] = length_mm
        sizes[f"reference_{name}_diameter_mm"] = true_mm
        sizes[f"{name}_diameter_error_mm"] = None if length_mm is None else length_mm - true_mm
    return sizes
