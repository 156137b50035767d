"""The responding journey: lesions over time in, response by RECIST 1.1 and by volume out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.lesion import LesionCourse, LesionRow
from oncotrace.domain.scan import Modality
from oncotrace.errors import SettingsError, TableError
from oncotrace.imaging.lesion_matching import MatchingLimits
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.lesion_table import read_lesion_table
from oncotrace.io.value_table import read_value_table
from oncotrace.measure.best_response import ResponseRules, patient_response
from oncotrace.measure.lesion_courses import lesion_courses
from oncotrace.measure.recist import Quantity, burden
from oncotrace.measure.recist_baseline import departures, with_chosen_targets
from oncotrace.measure.response import (
    RECIST,
    VOLUME,
    VOLUMETRIC_RECIST,
    Criterion,
    time_point_responses,
)
from oncotrace.pipeline.analysis_folder import Analysis, write_analysis
from oncotrace.pipeline.cohort import chosen_sequence
from oncotrace.pipeline.lesions_from_masks import lesions_from_masks
from oncotrace.pipeline.response_tables import (
    AssessedCourse,
    departure_rows,
    lesion_rows,
    patient_rows,
    response_rows,
)
from oncotrace.pipeline.response_text import (
    counts,
    responders,
    response_drawings,
    summary_text,
)
from oncotrace.stats.usable import listed


@dataclass(frozen=True)
class RespondSettings:
    """How response is assessed.

    Parameters
    ----------
    volume_decrease_percent, volume_increase_percent
        From which change of the sum of volumes there is a partial response (from baseline) or a
        progression (from the nadir); see `oncotrace.measure.response.VOLUME`.
    matching
        When pieces of masks are the same lesion; for cohorts.
    """

    rules: ResponseRules = field(default_factory=ResponseRules)
    volume_decrease_percent: float = VOLUME.decrease_percent
    volume_increase_percent: float = VOLUME.increase_percent
    matching: MatchingLimits = field(default_factory=MatchingLimits)

    def criteria(self) -> tuple[Criterion, ...]:
        """Criteria by which every patient is classified, RECIST 1.1 first."""
        volume = Criterion("volume", self.volume_decrease_percent, self.volume_increase_percent)
        return RECIST, volume, VOLUMETRIC_RECIST

    def require_possible(self) -> None:
        """Refuse limits that nothing can reach.

        Raises
        ------
        SettingsError
            A decrease is not between 0 and 100 %, or another limit is negative.
        """
        if not 0 < self.volume_decrease_percent <= 100 or self.volume_increase_percent <= 0:
            raise SettingsError(
                "a volume must shrink by more than 0 and at most 100 % for a response and grow by "
                f"more than 0 % for progression, found {self.volume_decrease_percent:g} and "
                f"{self.volume_increase_percent:g}.",
                code="response-limits",
            )
        days = (self.rules.least_confirmation_days, self.rules.least_stable_days)
        limits = (self.matching.least_overlap, self.matching.farthest_mm)
        if min(*days, *limits) < 0:
            raise SettingsError(
                "days, overlap and distance cannot be negative.", code="response-limits"
            )


@dataclass(frozen=True)
class _Lesions:
    """Lines of a table of lesions, the files that they were made from, and what was left out."""

    rows: tuple[LesionRow, ...]
    inputs: Mapping[str, Path]
    said: tuple[str, ...]
    notes: tuple[str, ...] = ()


def respond(
    table: Path,
    out: Path | None,
    *,
    settings: RespondSettings,
    separator: str = ",",
    decimal: str = ".",
    modality: Modality | None = None,
    to_first: Mapping[str, NDArray[np.float64]] | None = None,
) -> Analysis:
    """Classify the response of every patient of a table of lesions, or of a cohort with masks.

    Parameters
    ----------
    table
        A table of lesions (`oncotrace.io.lesion_table`), or a ``cohort.csv`` with time points and
        masks.
    out
        New folder for tables, figures and text; none to write nothing.
    modality
        Which mask column of a cohort.
    to_first
        For a cohort whose masks are not in one frame of reference; see `lesions_from_masks`.

    Raises
    ------
    TableError
        The table cannot be used; the message names the line.
    InputError
        A mask cannot be read.
    SettingsError
        Limits that nothing can reach, or options that do not go with the table.
    OutputError
        ``out`` exists and is not empty, or cannot be written.
    """
    settings.require_possible()
    is_cohort = _is_cohort(table, separator, decimal)
    if is_cohort:
        lesions = _from_cohort(table, modality, settings.matching, to_first)
    else:
        if modality is not None:
            raise SettingsError("--modality cannot be used with a table of lesions.")
        lesions = _from_table(table, separator, decimal)
    courses = [with_chosen_targets(course) for course in lesion_courses(lesions.rows)]
    without = [course.title for course in courses if not _has_disease(course)]
    assessed = [_assessed(course, settings) for course in courses if _has_disease(course)]
    if not assessed:
        raise TableError(
            f"{table.name} has no patient with a lesion at baseline or later.",
            hint="Check the states of the lesions, or the masks.",
            code="no-lesion",
        )
    said = list(lesions.said)
    if without:
        said.append(f"{len(without)} left out, no lesion at any time ({listed(without)}).")
    analysis = _analysis(assessed, settings, said, lesions.notes)
    if out is not None:
        recorded = {
            **asdict(settings),
            "table": str(table.resolve()),
            "separator": separator,
            "decimal": decimal,
            "modality": modality,
            "to_first": None if to_first is None else {n: m.tolist() for n, m in to_first.items()},
        }
        write_analysis(out, analysis, journey="respond", settings=recorded, inputs=lesions.inputs)
    return analysis


def _is_cohort(table: Path, separator: str, decimal: str) -> bool:
    """Whether the table has masks instead of lesions."""
    columns = read_value_table(table, required=[], separator=separator, decimal=decimal).rows[0]
    return "lesion" not in columns and any(column.startswith("mask_") for column in columns)


def _from_table(table: Path, separator: str, decimal: str) -> _Lesions:
    read = read_lesion_table(table, separator=separator, decimal=decimal)
    return _Lesions(read.rows, {"table": table}, read.sentences())


def _from_cohort(
    table: Path,
    modality: Modality | None,
    limits: MatchingLimits,
    to_first: Mapping[str, NDArray[np.float64]] | None,
) -> _Lesions:
    cohort = read_cohort(table)
    sequence = chosen_sequence(cohort, modality, of="mask")
    found = lesions_from_masks(cohort, sequence, limits=limits, to_first=to_first)
    said = [
        f"{len(names)} {what} ({listed(names)})."
        for names, what in (
            (found.without_time, "left out, no time point"),
            (found.without_mask, "without a mask, not evaluable"),
            (found.without_lesion, "left out, no lesion at any time"),
        )
        if names
    ]
    masks = {
        f"mask of {case.case_id}": case.masks[sequence]
        for case in cohort.cases
        if sequence in case.masks and case.time_point
    }
    return _Lesions(found.rows, {"cohort": table, **masks}, (*said, *found.notes), found.notes)


def _has_disease(course: LesionCourse) -> bool:
    return any(
        reading is not None and reading.state not in ("absent", "merged")
        for lesion in course.lesions
        for reading in lesion.readings
        if lesion.kind != "normal"
    )


def _assessed(course: LesionCourse, settings: RespondSettings) -> AssessedCourse:
    targets = course.of_kind("target")
    has_volumes = bool(targets) and burden(targets, 0, "volume").is_complete
    time_points = {
        criterion.quantity: time_point_responses(course, criterion)
        for criterion in settings.criteria()
        if criterion.quantity == "diameter" or has_volumes
    }
    return AssessedCourse(
        course=course,
        time_points=time_points,
        patient={
            quantity: patient_response(responses, settings.rules)
            for quantity, responses in time_points.items()
        },
        departures=departures(course),
    )


def _analysis(
    assessed: Sequence[AssessedCourse],
    settings: RespondSettings,
    said: Sequence[str],
    notes: Sequence[str],
) -> Analysis:
    tables = {
        "patients": patient_rows(assessed),
        "responses": response_rows(assessed),
        "lesions": lesion_rows(assessed),
        "departures": departure_rows(assessed),
    }
    return Analysis(
        tables={name: rows for name, rows in tables.items() if rows},
        text=summary_text(assessed, settings.rules, said),
        result=_result(assessed, settings, said, notes),
        figures=response_drawings(assessed, settings.criteria()),
    )


def _result(
    assessed: Sequence[AssessedCourse],
    settings: RespondSettings,
    said: Sequence[str],
    notes: Sequence[str],
) -> Mapping[str, object]:
    by_quantity: dict[Quantity, dict[str, object]] = {
        criterion.quantity: asdict(criterion) for criterion in settings.criteria()
    }
    return {
        "patients": len({one.course.patient_id for one in assessed}),
        "courses": len(assessed),
        "time_points": sum(len(one.course.time_points) for one in assessed),
        "best_response": counts(assessed),
        "objective_responses": responders(assessed),
        "criteria": by_quantity,
        "left_out": list(said),
        "notes": list(notes),
        "departures": [dict(row) for row in departure_rows(assessed)],
        "by_patient": [dict(row) for row in patient_rows(assessed)],
    }
