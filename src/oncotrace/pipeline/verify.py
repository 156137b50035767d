"""The verifying journey: do a run again and say whether the numbers are the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from oncotrace.domain.case import Case
from oncotrace.domain.scan import Scan
from oncotrace.errors import OncotraceError
from oncotrace.io.volume_file import read_scan
from oncotrace.pipeline.lung_results import LESIONS_FILE
from oncotrace.pipeline.recorded_run import RecordedRun, agree, recorded_run
from oncotrace.pipeline.run.case_run import RESULT_FILE, fill_folder
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.folder import read_json
from oncotrace.pipeline.run.replacement import is_half_replaced
from oncotrace.pipeline.segmented_case import LABELS_FILE, MASK_FILE

# What may differ between two runs that are the same: how long they took and who recorded them.
_NOT_COMPARED = {"seconds", "segment_seconds", "click_to_mask_s", "version", "input_digest"}
_VOLUMES = {"mask": MASK_FILE, "labels": LABELS_FILE, "lesions": LESIONS_FILE}


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
    recorded = recorded_run(run)
    changed = tuple(recorded.changed_settings())
    for case, folder in recorded.cases():
        verdict = _verify_case(recorded, case, folder)
        yield Verdict(verdict.case_id, (*changed, *verdict.differences))


def _verify_case(run: RecordedRun, case: Case, folder: Path) -> Verdict:
    if is_half_replaced(folder):
        return Verdict(
            case.case_id, ("a correction was interrupted; oncotrace refine finishes it",)
        )
    try:
        recorded = read_json(folder / RESULT_FILE)
        used = run.as_used(case, recorded)
        with TemporaryDirectory() as scratch:
            again = Path(scratch)
            recomputed = fill_folder(run.task, used, again, StageClock())
            differences = [*_changed_values(recorded, recomputed), *_changed_volumes(folder, again)]
    except OncotraceError as error:
        differences = [f"cannot be recomputed: {error.message}"]
    return Verdict(case.case_id, tuple(differences))


def _changed_values(
    recorded: Mapping[str, object], recomputed: Mapping[str, object]
) -> Iterator[str]:
    for name in {**recorded, **recomputed}:
        before, after = recorded.get(name), recomputed.get(name)
        if name not in _NOT_COMPARED and not agree(before, after):
            yield f"{name}: recorded {before!r}, recomputed {after!r}"


def _changed_volumes(folder: Path, again: Path) -> Iterator[str]:
    for name, file in _VOLUMES.items():
        if (again / file).exists():
            yield from _changed_volume(name, read_scan(folder / file), read_scan(again / file))


def _changed_volume(name: str, before: Scan, after: Scan) -> Iterator[str]:
    if not before.geometry.matches(after.geometry):
        yield f"{name}: recorded on {before.geometry.describe()}, now {after.geometry.describe()}"
    elif different := np.count_nonzero(before.voxels != after.voxels):
        yield f"{name}: {different} voxels differ"
