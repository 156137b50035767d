"""Outlines of several structures: read alike from every format, and the same in every case.

In a volume a structure is told by its value, in a DICOM SEG, an RTSTRUCT or a segmentation of 3D
Slicer by its name, whatever number it has there. A volume with values that are not listed is
refused, since nobody knows what they mean; named structures that are not listed are left aside.
Where structures overlap, as contours may, the one that is listed first counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.labels import LabelVolume
from oncotrace.domain.scan import Modality
from oncotrace.errors import EmptyMaskError, InputError, OncotraceError
from oncotrace.io.volume_file import read_labels
from oncotrace.learning.labels import Label, described
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import load_mask, load_scan, mask_kind

_ABSENT = ("region-not-found", "segment-not-found")
_HINT = (
    "Correct these masks, or name what they hold: --label NAME=VALUE for what every case has, "
    "--optional-label NAME=VALUE for what some are without."
)


@dataclass(frozen=True, eq=False)
class _Read:
    """Structures of a case, and what is wrong with them, if anything is."""

    volume: LabelVolume
    complaint: str | None


def load_case_labels(case: Case, modality: Modality, labels: Sequence[Label]) -> LabelVolume:
    """Structures of a case, outlined on its image of that sequence.

    Raises
    ------
    InputError
        A file is missing or cannot be read. With the code ``other-labels``: it holds a value that
        is not listed, or lacks a structure that is not optional.
    """
    found = _read(case, modality, labels)
    if found.complaint is not None:
        raise InputError(
            f"{found.complaint}; expected are {described(labels)}.",
            hint=_HINT,
            code="other-labels",
        )
    return found.volume


def require_same_labels(
    cohort: Cohort, sequences: Sequence[Modality], labels: Sequence[Label]
) -> None:
    """Read all outlines before anything is done with them, and tell of all that differ at once.

    Raises
    ------
    InputError
        Cases hold other labels than are listed (``other-labels``); every one is named. Or no case
        has a label, also an optional one, or an outline cannot be read.
    """
    complaints = []
    absent = {label.value: label.name for label in labels}
    outlined = [
        (case, name)
        for case in cohort.cases
        for name in sequences
        if name in case.images and name in case.masks
    ]
    for case, name in outlined:
        try:
            found = _read(case, name, labels)
        except OncotraceError as error:
            raise error.for_case(case.case_id) from error
        if found.complaint is not None:
            complaints.append(f"\n  case {case.case_id}: {found.complaint}")
        for value in _values_in(found.volume.voxels):
            absent.pop(value, None)
    if complaints:
        raise InputError(
            f"{len(complaints)} of {len(outlined)} masks hold other labels than "
            f"{described(labels)}:{''.join(complaints)}",
            hint=_HINT,
            code="other-labels",
        )
    if outlined and absent:
        raise InputError(
            f"no mask holds {' or '.join(absent.values())}, so it cannot be learnt.",
            hint="Leave the label out, or add cases that have it.",
            code="other-labels",
        )


def _read(case: Case, modality: Modality, labels: Sequence[Label]) -> _Read:
    source = file_of(case, case.masks, modality, "mask")
    values = {label.name: label.value for label in labels}
    if mask_kind(source) == "volume":
        voxels, geometry = read_labels(source)
        found, names = LabelVolume(voxels, geometry, values), ""
    else:
        found, names = _named(case, modality, labels)
    there = _values_in(found.voxels)
    unlisted = sorted(there - set(values.values()))
    missing = [one.name for one in labels if one.value not in there and not one.optional]
    said = [f"holds {', '.join(map(str, unlisted))}"] if unlisted else []
    said += [f"has no {' and no '.join(missing)}{names}"] if missing else []
    return _Read(found, f"the {modality} mask {' and '.join(said)}" if said else None)


def _values_in(voxels: NDArray[np.uint8]) -> set[int]:
    return {int(value) for value in np.flatnonzero(np.bincount(voxels.ravel())) if value}


def _named(case: Case, modality: Modality, labels: Sequence[Label]) -> tuple[LabelVolume, str]:
    """Structures by their names, empty where the file has none of a name; then what it has."""
    source = file_of(case, case.masks, modality, "mask")
    source_image = file_of(case, case.images, modality, "image")
    image = load_scan(source_image, modality, pet_units="stored")
    geometry = image.scan.geometry
    inside = np.zeros((len(labels), *geometry.shape_zyx), dtype=np.bool_)
    names = ""
    for place, label in enumerate(labels):
        try:
            inside[place] = load_mask(source, image=image, region=label.name).mask.voxels
        except EmptyMaskError:
            pass  # which is as if it were not there
        except InputError as error:
            if error.code not in _ABSENT:
                raise
            names = f" ({error.hint.rstrip('.')})" if error.hint else ""
    values = {label.name: label.value for label in labels}
    return LabelVolume.from_stack(inside, geometry, values), names
