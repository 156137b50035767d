"""The evaluating journey for lungs: outlines and detection, also on CTs without tumour."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import ModelError, SettingsError
from oncotrace.imaging.patient_pose import patient_pose
from oncotrace.io.cohort_table import read_cohort, write_table
from oncotrace.io.volume_file import write_mask
from oncotrace.pipeline.evaluate import known_folds
from oncotrace.pipeline.lung_cases import read_lung_case
from oncotrace.pipeline.lung_results import write_lung_results
from oncotrace.pipeline.mask_agreement import SURFACES, mask_agreement
from oncotrace.pipeline.predictions import OutOfFold
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import json_digest, source_digest
from oncotrace.pipeline.run.folder import read_json, write_json
from oncotrace.pipeline.segment_task import SegmentTask, recorded_segment_task
from oncotrace.pipeline.segmented_case import MASK_FILE
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.evaluation_tables import SummaryRow
from oncotrace.report.lung_comparisons import StratumComparison, stratum_comparisons
from oncotrace.report.lung_strata import detection_json, lung_detection, stratified_rows
from oncotrace.segment.lung import LungSegmentation, with_lung_settings
from oncotrace.segment.lung_findings import SIDES, sides_with_tumour
from oncotrace.segment.lung_input import lung_input
from oncotrace.segment.lung_location import LOCATIONS, location_of
from oncotrace.segment.lung_settings import LungSettings
from oncotrace.segment.segmenters import is_for_lungs, segmenter
from oncotrace.stats.detection import Detection

SUMMARY_FILE, SUMMARY_TABLE = "summary.json", "summary.csv"
COMPARISON_TABLE = "strata_comparison.csv"


@dataclass(frozen=True)
class EvaluateLungsTask:
    """Finding the tumours of every case and comparing with its reference, which may be empty.

    Parameters
    ----------
    segment
        How the cases are segmented.
    folds
        Each case by the one network that never saw its patient; all averaged unless given.
    location
        Column ``clinical_...`` that says where the tumour lies; derived where it is empty, and for
        all cases unless given.
    """

    segment: SegmentTask
    folds: OutOfFold | None = None
    location: str | None = None
    journey: ClassVar[str] = "evaluate-lungs"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        folds = {"folds": str(self.folds.table.resolve())} if self.folds else {}
        location = {"location": self.location} if self.location else {}
        return {**self.segment.settings(), **folds, **location, **SURFACES}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of image, reference, fold and named location."""
        fold = {"fold": json_digest({"fold": self.folds.fold(case)})} if self.folds else {}
        named = self._named_location(case)
        place = {"location": json_digest({"location": named})} if named else {}
        files = {"image": case.images.get("ct"), "reference_mask": case.masks.get("ct")}
        return {
            **{role: source_digest(file) for role, file in files.items() if file is not None},
            **fold,
            **place,
        }

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Segment the case, write masks, and return measures and scores."""
        with clock.stage("read"):
            scan, reference = read_lung_case(case)
        with clock.stage("open"):
            fold = self.folds.fold(case) if self.folds else None
            chosen = with_lung_settings(segmenter(self.segment.model, fold), self._chosen)
        with clock.stage("segment"):
            made = chosen.segment(SegmentationRequest({"ct": scan}, None, self.segment.seed))
        if not isinstance(made, LungSegmentation):
            raise _not_for_lungs(self.segment.model)
        with clock.stage("write"):
            write_mask(made.mask, folder / MASK_FILE)
            found = write_lung_results(made, folder)
        with clock.stage("evaluate"):
            compared = self._compared(case, scan, made, reference)
        said = {} if fold is None else {"fold": fold}
        return {
            "modality": "ct",
            "model": made.maker,
            **said,
            **compared,
            **found,
            "warnings": [*made.warnings],
        }

    @property
    def _chosen(self) -> LungSettings:
        return self.segment.lung or LungSettings()

    def _named_location(self, case: Case) -> str | None:
        """Where the cohort says that the tumour lies; nothing where it does not say.

        A published location is taken in upper or lower case, as it is derived for other cases.
        """
        if not self.location:
            return None
        said = case.clinical.get(_clinical(self.location), "").strip()
        return next((known for known in LOCATIONS if known == said.casefold()), said) or None

    def _compared(
        self, case: Case, scan: Scan, made: LungSegmentation, reference: Mask
    ) -> dict[str, object]:
        """Return measures of GTV-1 against the reference, and in which lungs there is tumour."""
        spacing_mm = patient_pose(scan.geometry).turned.spacing_mm[2]
        common: dict[str, object] = {
            "has_tumour": not reference.is_empty,
            "slice_spacing_mm": spacing_mm,
            "lesions_found": len(made.findings.lesions_ml),
        }
        if reference.is_empty:
            return {**common, **{f"{side}_lung_ill": False for side, _ in SIDES}}
        seen = lung_input(scan)
        ill = sides_with_tumour(seen.field, reference)
        named = self._named_location(case)
        return {
            **common,
            **mask_agreement(made.mask, reference),
            **{f"{side}_lung_ill": side in ill for side, _ in SIDES},
            "location": named or location_of(reference, seen.lungs),
            "location_from": "cohort" if named else "derived",
        }


@dataclass(frozen=True, eq=False)
class LungSummary:
    """What the cases say together.

    Parameters
    ----------
    rows
        Every measure over all cases with tumour, under the name "", and by each way to group them.
    comparisons
        Pairs of groups of the same way.
    detection
        By lung; none without a case.
    """

    rows: dict[str, list[SummaryRow]]
    comparisons: list[StratumComparison]
    detection: Detection | None


@dataclass(frozen=True, eq=False)
class LungEvaluation:
    """An evaluation under way: take the outcomes of its run, then ask for the summary."""

    run: CohortRun
    cohort: Cohort
    out: Path
    threshold: float

    def summarise(self) -> LungSummary:
        """Write tables and ``summary.json`` over all cases that are done, and return what they say.

        Raises
        ------
        OutputError
            They cannot be written.
        """
        cases = [
            EvaluatedCase(case.case_id, case.patient_id, read_json(folder / RESULT_FILE))
            for case in self.cohort.cases
            if (folder := self.out / "cases" / case.case_id).is_dir()
        ]
        summary = LungSummary(
            stratified_rows(cases),
            stratum_comparisons(cases),
            lung_detection(cases, self.threshold),
        )
        cells = [row.cells(name) for name, of in summary.rows.items() for row in of]
        compared = [row.cells() for row in summary.comparisons]
        write_table(cells, self.out / SUMMARY_TABLE, replace=True)
        write_table(compared, self.out / COMPARISON_TABLE, columns=("by", "measure"), replace=True)
        content = {
            "format": 1,
            "cases": len(self.cohort.cases),
            "evaluated": len(cases),
            "with_tumour": sum(bool(case.result.get("has_tumour")) for case in cases),
            "measures": cells,
            "comparisons": compared,
            "detection": detection_json(summary.detection),
        }
        write_json(self.out / SUMMARY_FILE, content, replace=True)
        return summary


def evaluate_lungs(
    table: Path,
    model: str,
    out: Path,
    *,
    folds: Path | None = None,
    location: str | None = None,
    threshold: float = 0.5,
    lung: LungSettings | None = None,
    seed: int = 0,
    resume: bool,
    jobs: int,
) -> LungEvaluation:
    """Evaluate a model of the recipe ``lung``; cases are done as the run's outcomes are taken.

    Parameters
    ----------
    folds
        The table that the model was trained with: every case is segmented by the one network that
        never saw its patient.
    location
        Column of the cohort that says where the tumour lies; derived where it is empty.
    threshold
        Score from which on a lung counts as ill.

    Raises
    ------
    InputError
        The table cannot be used.
    ModelError
        There is no such model, or it is not of the recipe ``lung``.
    SettingsError
        There is no such column, or see `oncotrace.pipeline.run.cohort_run.run_cohort`.
    """
    cohort = read_cohort(table)
    out_of_fold = known_folds(folds, cohort, model) if folds else None
    if not is_for_lungs(model):
        raise _not_for_lungs(model)
    if location:
        _require_locations(cohort, location)
    task = EvaluateLungsTask(SegmentTask("ct", model, seed, lung=lung), out_of_fold, location)
    run = run_cohort(task, table, cohort, out, seed=seed, resume=resume, jobs=jobs)
    return LungEvaluation(run, cohort, out, threshold)


def recorded_lung_evaluation(settings: Mapping[str, object]) -> EvaluateLungsTask:
    """Task with the settings that a run folder records, to verify it.

    Raises
    ------
    TableError
        The table of folds cannot be read any more.
    """
    folds, location = settings.get("folds"), settings.get("location")
    return EvaluateLungsTask(
        recorded_segment_task("ct", settings),
        None if folds is None else OutOfFold.read(Path(str(folds))),
        None if location is None else str(location),
    )


def _clinical(column: str) -> str:
    """Name under which a case holds the column."""
    return column.removeprefix("clinical_")


def _require_locations(cohort: Cohort, column: str) -> None:
    name = _clinical(column)
    if name == column or not any(case.clinical.get(name) for case in cohort.cases):
        raise SettingsError(
            f"the cohort has no column {column!r} with a value in it.",
            hint="Name a column clinical_<name>, or leave --location out.",
            code="unknown-column",
        )


def _not_for_lungs(model: str) -> ModelError:
    return ModelError(
        f"the model {Path(model).name} is not of the recipe lung.",
        hint="Evaluate it with `oncotrace evaluate`.",
        code="unsuitable-model",
    )
