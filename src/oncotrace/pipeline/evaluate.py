"""The evaluating journey: predicted against reference masks, case by case and together."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Modality
from oncotrace.errors import SettingsError
from oncotrace.imaging.overlap import (
    dice,
    jaccard,
    precision,
    sensitivity,
    volume_error_ml,
    volume_error_percent,
)
from oncotrace.imaging.surface_distance import surface_agreement
from oncotrace.io.cohort_table import read_cohort
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.cohort import chosen_sequence
from oncotrace.pipeline.evaluation_summary import (
    EvaluationSummary,
    Questions,
    checked_questions,
    write_summary,
)
from oncotrace.pipeline.measure import MeasureTask, load_case_mask
from oncotrace.pipeline.predictions import PredictionFolder, PredictionModel, PredictionSource
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.segment import SegmentTask
from oncotrace.pipeline.worst_cases import worst_pictures
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.segment.segmenters import segmenter

SURFACE_TOLERANCE_MM = 2.0
_LENGTHS = ("longest_axial", "perpendicular", "longest_3d")


@dataclass(frozen=True)
class EvaluateTask:
    """Comparing one predicted mask of every case with its reference."""

    modality: Modality
    source: PredictionSource
    journey: ClassVar[str] = "evaluate"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {
            "modality": self.modality,
            **self.source.settings(),
            "surface_tolerance_mm": SURFACE_TOLERANCE_MM,
        }

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role; those of the reference as ``reference_...``."""
        reference = MeasureTask(self.modality).input_digests(case)
        return {
            **{f"reference_{role}": digest for role, digest in reference.items()},
            **self.source.input_digests(case),
        }

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Compare the case's masks; a model's mask and picture are written beside the result."""
        prediction = self.source.prediction(case, folder, clock)
        with clock.stage("read_reference"):
            reference = load_case_mask(case, self.modality)
        with clock.stage("evaluate"):
            agreement = mask_agreement(prediction.mask, reference.mask)
        warnings = prediction.said.get("warnings")
        return {
            "modality": self.modality,
            **agreement,
            **prediction.said,
            "warnings": [*(warnings if isinstance(warnings, list) else []), *reference.notes],
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """An evaluation under way: take the outcomes of its run, then ask for the summary."""

    run: CohortRun
    task: EvaluateTask
    cohort: Cohort
    out: Path
    questions: Questions

    def summarise(self) -> EvaluationSummary:
        """Write tables and figures over all cases that are done, and return the tables.

        Raises
        ------
        SettingsError
            The evaluation to compare with was made against other references.
        OutputError
            They cannot be written.
        """
        return write_summary(self.out, self.cohort, self.questions, self._worst_pictures)

    def _worst_pictures(self, cases: Sequence[EvaluatedCase]) -> Iterator[tuple[str, bytes]]:
        dice = {case.case_id: case.value("dice") for case in cases}
        located = [
            (case, self.task.source.mask_file(case, self.out / "cases" / case.case_id))
            for case in self.cohort.cases
            if case.case_id in dice
        ]
        entries = [(case, file, dice[case.case_id]) for case, file in located]
        return worst_pictures(entries, self.task.modality)


def evaluate_predictions(
    table: Path,
    predictions: Path,
    out: Path,
    *,
    modality: Modality | None,
    by: str | None = None,
    against: Path | None = None,
    resume: bool,
    jobs: int,
) -> Evaluation:
    """Evaluate masks that exist already; cases are done as the run's outcomes are taken.

    Parameters
    ----------
    predictions
        Folder of ``<case_id>.nii.gz``, or a run folder of ``segment``.
    by
        Column of the cohort by whose values the summary is broken down.
    against
        Run folder of another evaluation of the same cases, to compare with.

    Raises
    ------
    InputError
        The table or the other evaluation cannot be used.
    SettingsError
        No case has a prediction, there is no such column, or see
        `oncotrace.pipeline.run.cohort_run.run_cohort`.
    OutputError
        ``out`` holds something else, or cannot be written.
    """
    cohort = read_cohort(table)
    source = PredictionFolder(predictions)
    _require_a_prediction(source, cohort)
    task = EvaluateTask(chosen_sequence(cohort, modality, of="mask"), source)
    questions = checked_questions(cohort, by=by, against=against)
    run = run_cohort(task, table, cohort, out, seed=0, resume=resume, jobs=jobs)
    return Evaluation(run, task, cohort, out, questions)


def evaluate_model(
    table: Path,
    model: str,
    out: Path,
    *,
    modality: Modality | None,
    seed: int,
    by: str | None = None,
    against: Path | None = None,
    resume: bool,
    jobs: int,
) -> Evaluation:
    """Segment every case with a model and evaluate its masks; otherwise `evaluate_predictions`.

    Raises
    ------
    ModelError
        There is no such model.
    """
    cohort = read_cohort(table)
    chosen = chosen_sequence(cohort, modality, of="mask")
    segmenter(model)  # refused here, once, rather than for every case
    task = EvaluateTask(chosen, PredictionModel(SegmentTask(chosen, model, seed)))
    questions = checked_questions(cohort, by=by, against=against)
    run = run_cohort(task, table, cohort, out, seed=seed, resume=resume, jobs=jobs)
    return Evaluation(run, task, cohort, out, questions)


def evaluate_task(modality: Modality, settings: Mapping[str, object]) -> EvaluateTask:
    """Task with the settings that a run folder records, to verify it."""
    if settings.get("predictions") is not None:
        return EvaluateTask(modality, PredictionFolder(Path(str(settings["predictions"]))))
    segment = SegmentTask(modality, str(settings.get("model")), int(str(settings.get("seed"))))
    return EvaluateTask(modality, PredictionModel(segment))


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


def _require_a_prediction(source: PredictionFolder, cohort: Cohort) -> None:
    """Refuse a folder that is obviously another one, rather than fail in every case."""
    if any(source.has(case) for case in cohort.cases):
        return
    raise SettingsError(
        f"{source.folder.name} holds no prediction for any of the {len(cohort.cases)} cases.",
        hint="Give a folder of <case_id>.nii.gz, or a run folder that segment has written.",
        code="no-predictions",
    )
