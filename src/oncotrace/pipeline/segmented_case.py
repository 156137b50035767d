"""A segmented case on disk: mask, picture, clicks, and what its result says."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation
from oncotrace.io.clicks_file import write_clicks
from oncotrace.io.volume_file import write_labels, write_mask
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.inputs import LoadedScan, geometry_json
from oncotrace.pipeline.measure import size_json, size_warnings
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.report.case_picture import case_picture
from oncotrace.segment.automatic import places_in

MASK_FILE = "mask.nii.gz"
LABELS_FILE = "labels.nii.gz"
"""All structures with the values of the recipe, where there are several."""
CLICKS_FILE = "clicks.json"
PICTURE_FILE = "picture.png"


def write_segmentation(
    case: Case,
    folder: Path,
    loaded: LoadedScan,
    clicks: Clicks | None,
    made: Segmentation,
    clock: StageClock,
) -> dict[str, object]:
    """Write mask, picture and clicks of a case into ``folder`` and return its result.

    Of a mask that was made without clicks an empty file of clicks is written, for corrections.
    Several structures are written as labels besides; the first is the mask, and alone is measured.

    Raises
    ------
    EmptyMaskError
        The mask is empty, so there is nothing to measure.
    OutputError
        They cannot be written.
    """
    with clock.stage("measure"):
        size = tumour_size(made.mask)
    with clock.stage("write"):
        write_mask(made.mask, folder / MASK_FILE)
        if made.labels is not None:
            write_labels(made.labels.voxels, made.labels.geometry, folder / LABELS_FILE)
        write_clicks(clicks or Clicks(), folder / CLICKS_FILE)
    with clock.stage("picture"):
        title = _title(case, made, loaded.scan.modality)
        picture = case_picture(
            loaded.scan,
            made.mask,
            clicks=clicks,
            size=size,
            probability=made.probability,
            others=_others(made),
            title=title,
        )
        write_bytes(folder / PICTURE_FILE, picture)
    return _result(loaded, clicks, made, size) | labels_json(made)


def _others(made: Segmentation) -> dict[str, Mask]:
    """Structures besides the mask, by name."""
    if made.labels is None:
        return {}
    _, *names = made.labels.values
    return {name: made.labels.mask(name) for name in names}


def labels_json(made: Segmentation) -> dict[str, object]:
    """Return what a result says of several structures: their values and volumes in ml."""
    labels = made.labels
    if labels is None:
        return {}
    volumes = {f"label_{name}_ml": volume_ml(labels.mask(name)) for name in labels.values}
    return {"labels": dict(labels.values), **volumes}


def automatic_json(scans: Mapping[Modality, Scan], made: Segmentation) -> dict[str, object]:
    """Return what a result without clicks says besides: what was looked at, where to look first."""
    return {"channels": [*scans], **places_json(made)}


def places_json(made: Segmentation) -> dict[str, object]:
    """Return where to look first, which a result without predicted quality says too."""
    slices, ends = places_in(made)
    return {"slices_to_check": [*slices], "ends_to_check": [*ends]}


def _title(case: Case, made: Segmentation, modality: Modality | None) -> str:
    title = f"{case.case_id}   {modality}   {made.maker}"
    if made.quality is None:
        return title
    low, high = made.quality.predicted_dice_interval
    return f"{title}   predicted Dice {made.quality.predicted_dice:.2f} ({low:.2f}\u2013{high:.2f})"


def _result(
    loaded: LoadedScan, clicks: Clicks | None, made: Segmentation, size: TumourSize
) -> dict[str, object]:
    quality = made.quality
    return {
        "modality": loaded.scan.modality,
        "model": made.maker,
        **size_json(size),
        "predicted_dice": quality.predicted_dice if quality else None,
        "predicted_dice_interval": list(quality.predicted_dice_interval) if quality else None,
        "slices_to_check": list(quality.slices_to_check) if quality else None,
        "ends_to_check": list(quality.ends_to_check) if quality else None,
        "corrections": len(clicks.standing_corrections()) if clicks else 0,
        "warnings": [*loaded.notes, *made.warnings, *size_warnings(size)],
        "history": list(made.history),
        "segment_seconds": {name: round(value, 3) for name, value in made.seconds.items()},
        "series_uid": loaded.series_uid or None,
        "geometry": geometry_json(loaded.scan.geometry),
        "voxels": int(np.count_nonzero(made.mask.voxels)),
    }
