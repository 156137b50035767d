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
from oncotrace.pipeline.mask_agreement import mask_agreement
from oncotrace.pipeline.predictions import OutOfFold
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import CohortRun, run_cohort
from oncotrace.pipeline.run.digests import json_digest, source_digest
from oncotrace.pipeline.run.folder import read_json, write_json
from oncotrace.pipeline.segment import SegmentTask
from oncotrace.pipeline.segmented_case import MASK_FILE
from oncotrace.report.evaluated_case import EvaluatedCase
from oncotrace.report.evaluation_tables import SummaryRow
from oncotrace.report.lung_strata import detection_json, lung_detection, stratified_rows
from oncotrace.segment.lung import LungSegmentation, with_lung_settings
from oncotrace.segment.lung_findings import SIDES, sides_with_tumour
from oncotrace.segment.lung_input import lung_input
from oncotrace.segment.lung_location import location_of
from oncotrace.segment.lung_settings import LungSettings
from oncotrace.segment.segmenters import is_for_lungs, segmenter
from oncotrace.stats.detection import Detection

SUMMARY_FILE, SUMMARY_TABLE = "summary.json", "summary.csv"


@dataclass(frozen=True)
class EvaluateLungsTask:
    """Finding the tumours of every case and comparing with its reference, which may be empty.

    Parameters
    ----------
    segment
        How the cases are segmented.
    folds
        Each case by the one network that never saw its patient; all averaged unless given.
    locations
        Where the tumour lies, by case id, where the cohort says so; derived for the others.
    """

    segment: SegmentTask
    folds: OutOfFold | None
    locations: Mapping[str, str]
    journey: ClassVar[str] = "evaluate-lungs"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        folds = {"folds": str(self.folds.table.resolve())} if self.folds else {}
        return {**self.segment.settings(), **folds}

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of image, reference, fold and named location."""
        fold = {"fold": json_digest({"fold": self.folds.fold(case)})} if self.folds else {}
        named = self.locations.get(case.case_id)
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
        named = self.locations.get(case.case_id)
        return {
            **common,
            **mask_agreement(made.mask, reference),
            **{f"{side}_lung_ill": side in ill for side, _ in SIDES},
            "location": named or location_of(reference, seen.lungs),
            "location_from": "cohort" if named else "derived",
        }


@dataclass(frozen=True, eq=False)
class LungEvaluation:
    """An evaluation under way: take the outcomes of its run, then ask for the summary."""

    run: CohortRun
    cohort: Cohort
    out: Path
    threshold: float

    def summarise(self) -> tuple[dict[str, list[SummaryRow]], Detection | None]:
        """Write ``summary.csv`` and ``summary.json`` over all cases that are done; return both.

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
        rows, found = stratified_rows(cases), lung_detection(cases, self.threshold)
        cells = [row.cells(name) for name, of in rows.items() for row in of]
        write_table(cells, self.out / SUMMARY_TABLE, replace=True)
        content = {
            "format": 1,
            "cases": len(self.cohort.cases),
            "evaluated": len(cases),
            "with_tumour": sum(bool(case.result.get("has_tumour")) for case in cases),
            "measures": cells,
            "detection": detection_json(found),
        }
        write_json(self.out / SUMMARY_FILE, content, replace=True)
        return rows, found


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
    places = _named_locations(cohort, location) if location else {}
    task = EvaluateLungsTask(SegmentTask("ct", model, seed, lung=lung), out_of_fold, places)
    run = run_cohort(task, table, cohort, out, seed=seed, resume=resume, jobs=jobs)
    return LungEvaluation(run, cohort, out, threshold)


def _named_locations(cohort: Cohort, column: str) -> dict[str, str]:
    name = column.removeprefix("clinical_")
    found = {c.case_id: c.clinical[name] for c in cohort.cases if c.clinical.get(name)}
    if not found or name == column:
        raise SettingsError(
            f"the cohort has no column {column!r} with a value in it.",
            hint="Name a column clinical_<name>, or leave --location out.",
            code="unknown-column",
        )
    return found


def _not_for_lungs(model: str) -> ModelError:
    return ModelError(
        f"the model {Path(model).name} is not of the recipe lung.",
        hint="Evaluate it with `oncotrace evaluate`.",
        code="unsuitable-model",
    )
