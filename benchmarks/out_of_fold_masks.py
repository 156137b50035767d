"""Masks of held-out patients, from every draw of clicks, with the seconds that they took.

The clock is that of the product's contract: scan in memory, everything compiled and loaded; it ends
with the mask on the source grid and its volume and diameters.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import SegmentationRequest, Segmenter
from oncotrace.measure.tumour_size import tumour_size
from out_of_fold_files import DRAWS, Cell, record_seconds, write_cell
from six_clicks import load_case


@dataclass(frozen=True)
class Patients:
    """Patients by id, the folder that holds theirs, and where their masks go.

    ``again``: masks that are there are made again.
    """

    ids: Sequence[str]
    folder: Path
    out: Path
    again: bool = False


def make_masks(
    method: str, segmenters: Mapping[Modality, Segmenter], patients: Patients
) -> Iterator[str]:
    """Segment the patients; yields what was done, case by case. Masks that are there are kept."""
    for modality, segmenter in segmenters.items():
        is_warm = False
        for patient in patients.ids:
            cells = [Cell(method, modality, draw, patient) for draw in DRAWS]
            if not patients.again:
                cells = [cell for cell in cells if not cell.mask_file(patients.out).exists()]
            if not cells:
                continue
            scan, outline = load_case(patients.folder / patient, modality)
            if not is_warm:
                segmented(segmenter, scan, cells[0].draw.of(outline))
                is_warm = True
            yield _made(segmenter, cells, scan, outline, patients.out)


def _made(segmenter: Segmenter, cells: Sequence[Cell], scan: Scan, outline: Mask, out: Path) -> str:
    """Segment one image from all its clicks; the seconds are written before the masks."""
    made, seconds = {}, {}
    for cell in cells:
        clicks = cell.draw.of(outline)
        mask, seconds[cell] = segmented(segmenter, scan, clicks)
        made[cell] = clicks, mask
    record_seconds(seconds, out)
    for cell, (clicks, mask) in made.items():
        write_cell(cell, clicks, mask, out)
    first, worst = cells[0], max(seconds.values())
    return (
        f"{first.method} {first.modality} {first.patient}: {len(made)} masks, worst {worst:.2f} s"
    )


def segmented(segmenter: Segmenter, scan: Scan, clicks: Clicks) -> tuple[Mask, float]:
    """Mask, and the seconds that it and its measurements took."""
    request = SegmentationRequest({scan.modality or "ct": scan}, clicks, seed=0)
    start = time.perf_counter()
    mask = segmenter.segment(request).mask
    if not mask.is_empty:
        tumour_size(mask)
    return mask, time.perf_counter() - start
