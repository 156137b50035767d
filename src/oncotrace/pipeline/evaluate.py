"""The evaluating journey: predicted against reference masks, case by case and together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality
from oncotrace.errors import SettingsError, TableError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.folds_table import folds_digest
from oncotrace.learning.model_folder import read_plan
from oncotrace.pipeline.cohort import chosen_sequence
from oncotrace.pipeline.evaluation_summary import (
    EvaluationSummary,
    Questions,
    checked_questions,
    write_summary,
)
from oncotrace.pipeline.mask_agreement import SURFACE_TOLERANCE_MM, SURFACES, mask_agreement
from oncotrace.pipeline.measure import MeasureTask, load_case_mask
from oncotrace.pipeline.model_choice import other_sequences
from oncotrace.pipeline.predictions import (
    OutOfFold,
    PredictionFolder,
    PredictionModel,
    PredictionSource,
)
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.segment_task import SegmentTask, recorded_segment_task
from oncotrace.pipeline.train import FOLDS_DIGEST
from oncotrace.pipeline.worst_cases import worst_pictures
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.segment.segmenters import not_trained, segmenter, trained_model


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
            **SURFACES,
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
    folds: Path | None = None,
    by: str | None = None,
    against: Path | None = None,
    resume: bool,
    jobs: int,
) -> Evaluation:
    """Segment every case with a model and evaluate its masks; otherwise `evaluate_predictions`.

    Parameters
    ----------
    folds
        The table that the model was trained with: every case is segmented by the one network that
        never saw its patient. Without it all networks are averaged.

    Raises
    ------
    ModelError
        There is no such model, or it has no networks of folds.
    TableError
        The table of folds cannot be used, has none of the cohort's patients, or is not the one
        that the model was trained by.
    """
    cohort = read_cohort(table)
    chosen = chosen_sequence(cohort, modality, of="mask")
    out_of_fold = known_folds(folds, cohort, model) if folds else None
    if out_of_fold is None:
        segmenter(model)  # refused here, once, rather than for every case
    segment = SegmentTask(chosen, model, seed, channels=other_sequences(model, chosen))
    source = PredictionModel(segment, out_of_fold)
    task = EvaluateTask(chosen, source)
    questions = checked_questions(cohort, by=by, against=against)
    run = run_cohort(task, table, cohort, out, seed=seed, resume=resume, jobs=jobs)
    return Evaluation(run, task, cohort, out, questions)


def evaluate_task(modality: Modality, settings: Mapping[str, object]) -> EvaluateTask:
    """Task with the settings that a run folder records, to verify it."""
    if settings.get("predictions") is not None:
        return EvaluateTask(modality, PredictionFolder(Path(str(settings["predictions"]))))
    segment = recorded_segment_task(modality, settings)
    folds = settings.get("folds")
    out_of_fold = None if folds is None else OutOfFold.read(Path(str(folds)))
    return EvaluateTask(modality, PredictionModel(segment, out_of_fold))


def known_folds(table: Path, cohort: Cohort, model: str) -> OutOfFold:
    """Refuse a table that is obviously of other patients, or not that of the training."""
    folder = trained_model(model)
    if folder is None:
        raise not_trained(model)
    folds = OutOfFold.read(table)
    if not any(folds.has(case) for case in cohort.cases):
        raise TableError(
            f"{table.name} has no fold for any patient of the cohort.",
            hint="Give the table that the model was trained with; it goes by patient_id.",
            code="patient-without-fold",
        )
    trained_by = read_plan(folder).preparation.get(FOLDS_DIGEST)
    if trained_by not in (None, folds_digest(folds.fold_of)):
        raise TableError(
            f"{table.name} is not the table of folds that {model} was trained by: patients would "
            "be scored by networks that have seen them.",
            hint="Give the table of the training, unchanged.",
            code="other-folds",
        )
    return folds


def _require_a_prediction(source: PredictionFolder, cohort: Cohort) -> None:
    """Refuse a folder that is obviously another one, rather than fail in every case."""
    if any(source.has(case) for case in cohort.cases):
        return
    raise SettingsError(
        f"{source.folder.name} holds no prediction for any of the {len(cohort.cases)} cases.",
        hint="Give a folder of <case_id>.nii.gz, or a run folder that segment has written.",
        code="no-predictions",
    )
