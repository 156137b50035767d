"""Pictures of the cases that an evaluation found worst, with both outlines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from oncotrace.domain.case import Case
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.inputs import load_scan
from oncotrace.pipeline.measure import load_case_mask
from oncotrace.report.case_picture import case_picture

_COUNT = 4


def worst_pictures(
    cases: Sequence[tuple[Case, Path, float]], modality: Modality
) -> Iterator[tuple[str, bytes]]:
    """Draw up to four cases of the lowest Dice: name and PNG of each, the worst first.

    Parameters
    ----------
    cases
        Each case with the file of its predicted mask and its Dice. Cases without an image that
        can be read are passed over: their masks can be compared, but not be shown.
    """
    drawn = 0
    for case, mask_file, dice in sorted(cases, key=lambda entry: entry[2]):
        if drawn == _COUNT:
            return
        try:
            png = _picture(case, mask_file, dice, modality)
        except InputError:
            continue
        drawn += 1
        yield f"worst_{drawn}.png", png


def _picture(case: Case, mask_file: Path, dice: float, modality: Modality) -> bytes:
    if modality not in case.images:
        raise InputError(f"the column image_{modality} is empty.", code="missing-file")
    return case_picture(
        load_scan(case.images[modality], modality).scan,
        read_mask(mask_file),
        reference=load_case_mask(case, modality).mask,
        title=f"{case.case_id}   {modality}   Dice {dice:.3f}",
    )
