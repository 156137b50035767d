"""The verifying journey: do a run again and say whether the numbers are the same."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from oncotrace.domain.case import Case
from oncotrace.domain.scan import modality_named
from oncotrace.errors import InputError, OncotraceError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.evaluate import evaluate_task
from oncotrace.pipeline.measure import MeasureTask
from oncotrace.pipeline.run.case_run import RESULT_FILE, fill_folder
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.folder import read_json
from oncotrace.pipeline.run.task import CaseTask
from oncotrace.pipeline.segment import CLICKS_FILE, MASK_FILE, SegmentTask

# What may differ between two runs that are the same: how long they took and who recorded them.
_NOT_COMPARED = {"seconds", "segment_seconds", "click_to_mask_s", "version", "input_digest"}
_RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Verdict:
    """Whether a case came out the same, and if not, what differs."""

    case_id: str
    differences: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def verify_run(run: Path) -> Iterator[Verdict]:
    """Recompute every case of a run folder, yielding a verdict for each.

    Raises
    ------
    InputError
        The folder does not hold a run, or its record is damaged.
    """
    record = read_json(run / RUN_FILE)
    settings = record.get("settings")
    if not isinstance(settings, dict):
        raise InputError("run.json holds no settings.", code="damaged-run")
    task = _task(settings)
    changed = tuple(_changed_settings(settings, task.settings()))
    for case, folder in _cases(run, settings):
        verdict = _verify_case(task, case, folder)
        yield Verdict(verdict.case_id, (*changed, *verdict.differences))


def _task(settings: Mapping[str, object]) -> CaseTask:
    modality = modality_named(str(settings.get("modality")))
    journey = settings.get("journey")
    if journey == "measure":
        return MeasureTask(modality)
    if journey == "evaluate":
        return evaluate_task(modality, settings)
    if journey == "segment":
        series, fold = settings.get("series_uid"), settings.get("fold")
        return SegmentTask(
            modality,
            str(settings.get("model")),
            int(str(settings.get("seed"))),
            str(series) if series is not None else None,
            int(str(fold)) if fold is not None else None,
        )
    raise InputError(f"run.json names the unknown journey {journey!r}.", code="damaged-run")


def _cases(run: Path, settings: Mapping[str, object]) -> Iterator[tuple[Case, Path]]:
    """Cases that have a result, each with its folder."""
    if "image" in settings:
        result = read_json(run / RESULT_FILE)
        name = str(result.get("case_id"))
        images = {modality_named(str(settings.get("modality"))): Path(str(settings["image"]))}
        yield Case(name, name, images, clicks=run / CLICKS_FILE), run
        return
    for case in read_cohort(Path(str(settings.get("cohort")))).cases:
        folder = run / "cases" / case.case_id
        if folder.is_dir():
            yield case, folder


def _changed_settings(
    recorded: Mapping[str, object], current: Mapping[str, object]
) -> Iterator[str]:
    """Say which settings are not what they were, as the digest of a model that was replaced."""
    for name, value in current.items():
        if not _agree(recorded.get(name), value):
            yield f"{name}: recorded {recorded.get(name)!r}, now {value!r}"


def _verify_case(task: CaseTask, case: Case, folder: Path) -> Verdict:
    try:
        recorded = read_json(folder / RESULT_FILE)
        with TemporaryDirectory() as scratch:
            again = Path(scratch)
            recomputed = fill_folder(task, case, again, StageClock())
            differences = [*_changed_values(recorded, recomputed), *_changed_mask(folder, again)]
    except OncotraceError as error:
        differences = [f"cannot be recomputed: {error.message}"]
    return Verdict(case.case_id, tuple(differences))


def _changed_values(
    recorded: Mapping[str, object], recomputed: Mapping[str, object]
) -> Iterator[str]:
    for name in {**recorded, **recomputed}:
        before, after = recorded.get(name), recomputed.get(name)
        if name not in _NOT_COMPARED and not _agree(before, after):
            yield f"{name}: recorded {before!r}, recomputed {after!r}"


def _agree(before: object, after: object) -> bool:
    if isinstance(before, float | int) and isinstance(after, float | int):
        return math.isclose(before, after, rel_tol=_RELATIVE_TOLERANCE)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_agree, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_agree(before[k], after[k]) for k in before)
    return before == after


def _changed_mask(folder: Path, again: Path) -> Iterator[str]:
    if not (again / MASK_FILE).exists():
        return
    before, after = read_mask(folder / MASK_FILE), read_mask(again / MASK_FILE)
    if not before.geometry.matches(after.geometry):
        yield f"mask: recorded on {before.geometry.describe()}, now {after.geometry.describe()}"
    elif different := np.count_nonzero(before.voxels != after.voxels):
        yield f"mask: {different} voxels differ"
