"""From the masks of a cohort's time points to the lines of a table of lesions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.lesion import LesionReading, LesionRow, LesionState
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, OncotraceError, TableError
from oncotrace.imaging.lesion_matching import (
    FollowedTimePoint,
    LesionPiece,
    MatchingLimits,
    follow_lesions,
)
from oncotrace.imaging.planes import patient_axes
from oncotrace.io.lesion_table import days_of
from oncotrace.measure.diameter import axial_diameters
from oncotrace.measure.recist import MEASURABLE_MM
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.measure import load_case_mask


@dataclass(frozen=True)
class MaskedLesions:
    """Lines of a table of lesions made from masks, and what was left out or has to be known.

    ``without_time`` and ``without_mask`` name cases, ``without_lesion`` patients in whose masks
    there is never a voxel; ``notes`` say how lesions were followed.
    """

    rows: tuple[LesionRow, ...]
    without_time: tuple[str, ...]
    without_mask: tuple[str, ...]
    without_lesion: tuple[str, ...]
    notes: tuple[str, ...]


def lesions_from_masks(
    cohort: Cohort,
    modality: Modality,
    *,
    limits: MatchingLimits,
    to_first: Mapping[str, NDArray[np.float64]] | None = None,
) -> MaskedLesions:
    """Follow and measure the lesions in the masks of every patient.

    All pieces of a mask are lesions, none of them known to be a node. A piece that is there for
    the first time after the first time point is a new lesion, an equivocal one while its longest
    diameter is under 10 mm. A mask without a voxel says that every lesion is absent; a case
    without a mask, that they are not evaluable. The first case with a mask is the baseline.

    Parameters
    ----------
    to_first
        By case id the 4 x 4 matrix from its LPS millimetres to those of the patient's first time
        point; without it, the masks of a patient are in one frame of reference.

    Raises
    ------
    TableError
        A time point is neither a date nor a number, or a patient has two cases of one.
    InputError
        A mask cannot be read, or a case has no matrix; the message names it.
    """
    without_time = tuple(case.case_id for case in cohort.cases if not case.time_point)
    by_patient: dict[str, list[tuple[float, Case]]] = defaultdict(list)
    for case in cohort.cases:
        if case.time_point:
            days, _ = days_of(case.time_point, where=f"case {case.case_id}")
            by_patient[case.patient_id].append((days, case))
    rows: list[LesionRow] = []
    notes: list[str] = []
    without_mask: list[str] = []
    without_lesion: list[str] = []
    for patient_id, dated in by_patient.items():
        dated.sort(key=lambda pair: pair[0])
        _require_one_case_per_time(dated)
        masks = [_mask_of(case, modality) for _, case in dated]
        without_mask += [c.case_id for (_, c), m in zip(dated, masks, strict=True) if m is None]
        first = next((at for at, mask in enumerate(masks) if mask is not None), len(masks))
        dated, masks = dated[first:], masks[first:]
        moves = None if to_first is None else [_move_of(case, to_first) for _, case in dated]
        followed = follow_lesions(masks, limits=limits, to_first=moves)
        of_patient = _rows_of_patient(dated, masks, followed)
        rows += of_patient
        notes += _notes(dated, followed)
        if not of_patient:
            without_lesion.append(patient_id)
    return MaskedLesions(
        tuple(rows), without_time, tuple(without_mask), tuple(without_lesion), tuple(notes)
    )


def _require_one_case_per_time(dated: Sequence[tuple[float, Case]]) -> None:
    for (days, case), (next_days, next_case) in pairwise(dated):
        if days == next_days:
            raise TableError(
                f"cases {case.case_id} and {next_case.case_id} are of one patient and of one "
                f"time point, {case.time_point}.",
                hint="Keep one of them, or correct time_point.",
                code="duplicate-rows",
            )


def _mask_of(case: Case, modality: Modality) -> Mask | None:
    if modality not in case.masks:
        return None
    try:
        return load_case_mask(case, modality).mask
    except OncotraceError as error:
        raise error.for_case(case.case_id) from error


def _move_of(case: Case, to_first: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    if case.case_id not in to_first:
        raise InputError(
            "there is no matrix to the patient's first time point for this case.",
            hint="Give one for every case that has a mask or follows one; of the first it is the "
            "identity.",
            case_id=case.case_id,
            code="not-a-transform",
        )
    return to_first[case.case_id]


def _rows_of_patient(
    dated: Sequence[tuple[float, Case]],
    masks: Sequence[Mask | None],
    followed: Sequence[FollowedTimePoint],
) -> list[LesionRow]:
    names = _in_order([piece.split_from or piece.name for f in followed for piece in f.pieces])
    later = {name for time_point in followed for name in time_point.new}
    rows = []
    for (days, case), mask, time_point in zip(dated, masks, followed, strict=True):
        there = {piece.split_from or piece.name for piece in time_point.pieces}
        for piece in time_point.pieces:
            is_new = (piece.split_from or piece.name) in later
            rows.append(_row_of_piece(piece, days, case, is_new=is_new))
        for name in names:
            if name not in there:
                into = time_point.merged.get(name, "")
                state: LesionState = "merged" if into else "absent"
                if mask is None:
                    state, into = "not-evaluable", ""
                rows.append(
                    _row(name, LesionReading(state), days, case, name in later, merged_into=into)
                )
    return rows


def _in_order(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _row_of_piece(piece: LesionPiece, days: float, case: Case, *, is_new: bool) -> LesionRow:
    axial = axial_diameters(piece.mask)
    longest_mm = axial.longest.length_mm
    reading = LesionReading(
        "equivocal" if is_new and longest_mm < MEASURABLE_MM else "present",
        longest_diameter_mm=longest_mm,
        short_axis_mm=axial.perpendicular.length_mm,
        volume_ml=volume_ml(piece.mask),
    )
    geometry = piece.mask.geometry
    return _row(
        piece.name,
        reading,
        days,
        case,
        is_new,
        split_from=piece.split_from,
        slice_thickness_mm=geometry.spacing_mm[patient_axes(geometry)[2]],
    )


def _row(
    name: str,
    reading: LesionReading,
    days: float,
    case: Case,
    is_new: bool,
    *,
    split_from: str = "",
    merged_into: str = "",
    slice_thickness_mm: float | None = None,
) -> LesionRow:
    return LesionRow(
        where=f"case {case.case_id}",
        patient_id=case.patient_id,
        time_point=case.time_point,
        time=days,
        lesion=name,
        reading=reading,
        kind="new" if is_new else None,
        split_from=split_from,
        merged_into=merged_into,
        slice_thickness_mm=slice_thickness_mm,
    )


def _notes(dated: Sequence[tuple[float, Case]], followed: Sequence[FollowedTimePoint]) -> list[str]:
    """Say which lesions split, merged or were found again by distance alone."""
    notes = []
    merged_before: set[str] = set()
    for (_, case), time_point in zip(dated, followed, strict=True):
        split = _in_order([piece.split_from for piece in time_point.pieces if piece.split_from])
        said = [f"{name} has split" for name in split]
        said += [
            f"{name} has merged into {into}"
            for name, into in time_point.merged.items()
            if name not in merged_before
        ]
        merged_before |= set(time_point.merged)
        said += [
            f"{name} was found again {distance_mm:.0f} mm from where it was, without overlap"
            for name, distance_mm in time_point.moved_mm.items()
        ]
        if said:
            notes.append(f"case {case.case_id}: {'; '.join(said)}.")
    return notes
