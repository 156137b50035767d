"""What a segmentation of the lungs adds to a case: all lesions as labels, scores, volumes."""

from pathlib import Path

from oncotrace.domain.segmentation import Segmentation
from oncotrace.io.volume_file import write_labels
from oncotrace.segment.lung import LungSegmentation
from oncotrace.segment.lung_findings import LungFindings

LESIONS_FILE = "lesions.nii.gz"


def write_lung_results(made: Segmentation, folder: Path) -> dict[str, object]:
    """Write the label volume of all lesions and return what ``result.json`` says of them.

    Nothing is written or said of a segmentation of other kinds.

    Raises
    ------
    OutputError
        The volume cannot be written.
    """
    if not isinstance(made, LungSegmentation):
        return {}
    write_labels(made.findings.lesions, made.findings.geometry, folder / LESIONS_FILE)
    return lung_json(made.findings)


def lung_json(found: LungFindings) -> dict[str, object]:
    """Return findings as plain JSON values."""
    return {
        "lesions": len(found.lesions_ml),
        "lesions_ml": list(found.lesions_ml),
        **{f"{lung.side}_lung_ml": lung.volume_ml for lung in found.lungs},
        **{f"{lung.side}_lung_score": lung.score for lung in found.lungs},
        **{f"solid_by_{part.by}_ml": part.solid_ml for part in found.substances},
        **{f"ground_glass_by_{part.by}_ml": part.ground_glass_ml for part in found.substances},
        **{f"artefact_{name}_ml": volume for name, volume in found.artefacts_ml.items()},
        "metal_in_field_ml": found.metal_in_field_ml,
        "slice_confidence": [
            {"slice": of.slice, "confidence": of.confidence, "voxels": of.voxels}
            for of in found.slices
        ],
    }
