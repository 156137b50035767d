"""Every measure of a mask against its reference, under the names that files and commands use."""

import math
from collections.abc import Mapping

from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.imaging.mask_agreement import MaskAgreement, compare_masks
from oncotrace.measure.tumour_size import tumour_size

SURFACE_TOLERANCE_MM = 2.0
SURFACES = {"surface_distances": "elements"}
"""Setting of a run that says between what distances are measured; older runs have none."""

_LENGTHS = ("longest_axial", "perpendicular", "longest_3d")
_AS_IN_RESULTS = {
    "hd_mm": "hausdorff_mm",
    "hd95_mm": "hausdorff95_mm",
    "hd_voxels_mm": "hausdorff_voxels_mm",
    "hd95_voxels_mm": "hausdorff95_voxels_mm",
    "tolerance_mm": "surface_tolerance_mm",
}
"""What an evaluation's ``result.json`` calls the measures that ``overlap`` names otherwise."""


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
    measures = measures_of(compare_masks(mask, reference, tolerance_mm=SURFACE_TOLERANCE_MM))
    return {
        **finite_json({_AS_IN_RESULTS.get(name, name): of for name, of in measures.items()}),
        **_sizes(None if mask.is_empty else tumour_size(mask), true_size),
    }


def measures_of(agreement: MaskAgreement) -> dict[str, float | None]:
    """Every measure by its name in ``overlap --json``; nothing where it has no meaning."""
    voxels, path, lesions = agreement.voxels, agreement.path, agreement.lesions
    return {
        "dice": voxels.dice,
        "jaccard": voxels.jaccard,
        "f2": voxels.f_beta(2),
        "sensitivity": voxels.sensitivity,
        "precision": voxels.precision,
        "volume_similarity": voxels.volume_similarity,
        "volume_ml": voxels.volume_ml,
        "reference_volume_ml": voxels.reference_volume_ml,
        "volume_error_ml": voxels.volume_error_ml,
        "volume_error_percent": voxels.volume_error_percent,
        "hd_mm": agreement.hd_mm,
        "hd95_mm": agreement.hd95_mm,
        "assd_mm": agreement.assd_mm,
        "masd_mm": agreement.masd_mm,
        "surface_dice": agreement.surface_dice,
        "tolerance_mm": agreement.tolerance_mm,
        "hd_voxels_mm": agreement.by_voxels.hd_mm,
        "hd95_voxels_mm": agreement.by_voxels.hd95_mm,
        "assd_voxels_mm": agreement.by_voxels.assd_mm,
        "added_path_length_mm": path.length_mm,
        "added_path_length_as_published_voxels": path.missing_voxels,
        "centre_distance_mm": agreement.centre_distance_mm,
        "reference_lesions": lesions.lesions,
        "found_lesions": lesions.found,
        "predicted_lesions": lesions.predicted,
        "false_positive_lesions": lesions.false_positives,
        "lesion_sensitivity": lesions.sensitivity,
        "lesion_precision": lesions.precision,
        "lesion_f1": lesions.f1,
    }


def finite_json(measures: Mapping[str, float | None]) -> dict[str, object]:
    """Measures as plain JSON values: null where infinite, and named in ``infinite_measures``."""
    infinite = [name for name, of in measures.items() if of is not None and math.isinf(of)]
    return {
        **{name: None if name in infinite else of for name, of in measures.items()},
        "infinite_measures": " ".join(infinite),
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
