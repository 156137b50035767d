"""What a run folder says of itself: its task and its cases, so that they can be done again."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from oncotrace.domain.case import Case
from oncotrace.domain.scan import modality_named
from oncotrace.errors import InputError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.pipeline.evaluate import evaluate_task
from oncotrace.pipeline.evaluate_lungs import recorded_lung_evaluation
from oncotrace.pipeline.import_case import ImportTask
from oncotrace.pipeline.measure import MeasureTask
from oncotrace.pipeline.nnunet_import import recorded_nnunet_import
from oncotrace.pipeline.prepare import recorded_preparation
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.folder import read_json
from oncotrace.pipeline.run.task import CaseTask, input_digest
from oncotrace.pipeline.segment_task import SegmentTask, recorded_segment_task
from oncotrace.pipeline.segmented_case import CLICKS_FILE

_RELATIVE_TOLERANCE = 1e-9
_NOT_REPEATED = {
    "preprocess": "this is a pre-processed cohort",
    "contact-sheet": "this is a folder of pictures",
}


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """A run folder, of one case or of a cohort, with the task that its ``run.json`` records."""

    folder: Path
    settings: Mapping[str, object]
    task: CaseTask

    @property
    def table(self) -> Path | None:
        """Table of the cohort; none if the folder is that of a single case."""
        return None if "image" in self.settings else Path(str(self.settings.get("cohort")))

    def cases(self) -> Iterator[tuple[Case, Path]]:
        """Cases that have a result, each with its folder.

        Raises
        ------
        InputError
            The cohort's table, or the result of the single case, cannot be read.
        """
        if self.table is None:
            result = read_json(self.folder / RESULT_FILE)
            name = str(result.get("case_id"))
            first = modality_named(str(self.settings.get("modality")))
            images = {first: Path(str(self.settings["image"]))}
            if isinstance(self.task, SegmentTask):
                images |= zip(self.task.channels, self.task.channel_files, strict=True)
            yield Case(name, name, images, clicks=self.folder / CLICKS_FILE), self.folder
            return
        for case in read_cohort(self.table).cases:
            folder = self.folder / "cases" / case.case_id
            if folder.is_dir():
                yield case, folder

    def as_used(self, case: Case, result: Mapping[str, object]) -> Case:
        """Case with the clicks that its result was made from: its own once it was corrected.

        A corrected case keeps the digest of what the run asked for, beside those of what was used.
        """
        inputs = result.get("inputs")
        used = {k: str(v) for k, v in inputs.items()} if isinstance(inputs, dict) else {}
        is_as_asked = result.get("input_digest") == input_digest(self.task, used)
        if is_as_asked or not isinstance(self.task, SegmentTask) or self.table is None:
            return case
        return replace(case, clicks=self.folder / "cases" / case.case_id / CLICKS_FILE)

    def changed_settings(self) -> Iterator[str]:
        """Say which settings are not what they were, as the digest of a model that was replaced."""
        for name, value in self.task.settings().items():
            if not agree(self.settings.get(name), value):
                yield f"{name}: recorded {self.settings.get(name)!r}, now {value!r}"


def recorded_run(folder: Path) -> RecordedRun:
    """Read what a run folder records.

    Raises
    ------
    InputError
        The folder does not hold a run, or its record is damaged.
    """
    record = read_json(folder / RUN_FILE)
    settings = record.get("settings")
    if not isinstance(settings, dict):
        raise InputError("run.json holds no settings.", code="damaged-run")
    return RecordedRun(folder, settings, _task(settings))


def agree(before: object, after: object) -> bool:
    """Whether two JSON values are the same, numbers to nine digits."""
    if isinstance(before, float | int) and isinstance(after, float | int):
        return math.isclose(before, after, rel_tol=_RELATIVE_TOLERANCE)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(agree, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(agree(before[k], after[k]) for k in before)
    return before == after


def _task(settings: Mapping[str, object]) -> CaseTask:
    journey = str(settings.get("journey"))
    if journey == "workflow":
        raise InputError(
            "this is the folder of a workflow, whose steps are runs of their own.",
            hint="Give RUN/steps/CASE/STEP.",
            code="workflow-steps",
        )
    if journey in _NOT_REPEATED:
        raise InputError(
            f"{_NOT_REPEATED[journey]}, which is not made again.",
            hint="Give a run of prepare, segment, measure, evaluate or import.",
            code="not-recorded",
        )
    if journey == "prepare":
        return recorded_preparation(settings)
    modality = modality_named(str(settings.get("modality")))
    if journey == "measure":
        return MeasureTask(modality)
    if journey == "evaluate":
        return evaluate_task(modality, settings)
    series, segment = _text(settings, "series_uid"), _text(settings, "segment")
    if journey == "import":
        return ImportTask(Path(str(settings.get("mask"))), modality, segment, series)
    if journey == "nnunet-import":
        return recorded_nnunet_import(modality, settings)
    if journey == "evaluate-lungs":
        return recorded_lung_evaluation(settings)
    if journey == "segment":
        return recorded_segment_task(modality, settings)
    raise InputError(f"run.json names the unknown journey {journey!r}.", code="damaged-run")


def _text(settings: Mapping[str, object], name: str) -> str | None:
    value = settings.get(name)
    return None if value is None else str(value)
