"""The correcting journey: what a reader says is wrong in a segmented case changes there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from oncotrace import __version__
from oncotrace.domain.case import Case
from oncotrace.domain.clicks import Clicks, Correction
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.clicks_file import clicks_json, read_clicks
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.volume_file import read_mask
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.export_formats import FILE_OF_FORMAT
from oncotrace.pipeline.recorded_run import RecordedRun, recorded_run
from oncotrace.pipeline.run.case_run import RESULT_FILE, write_result
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import RUN_FILE, log_event, write_results
from oncotrace.pipeline.run.digests import json_digest
from oncotrace.pipeline.run.folder import read_json, write_json
from oncotrace.pipeline.run.provenance import now
from oncotrace.pipeline.run.replacement import (
    finish_replacement,
    is_half_replaced,
    replacement,
)
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.pipeline.segmented_case import CLICKS_FILE, MASK_FILE
from oncotrace.segment.refine import Corrector, corrector, replayed

_REFINED = "refined"
_HINT = "Give a folder that oncotrace segment or demo has written, or RUN/cases/CASE of a cohort."


@dataclass(frozen=True, eq=False)
class Refinement:
    """A case after its corrections.

    Parameters
    ----------
    result
        Content of ``result.json``.
    finished
        Whether an earlier refinement, which was interrupted, was finished first.
    stale
        Exports in the folder, by name, which hold the mask as it was before.
    """

    result: dict[str, object]
    finished: bool
    stale: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _SegmentedCase:
    """A case that the segmenting journey wrote, alone or in a cohort's run."""

    folder: Path
    run: RecordedRun
    task: SegmentTask
    case: Case
    result: dict[str, object]

    @property
    def image(self) -> Path:
        return file_of(self.case, self.case.images, self.task.modality, "image")


def refine_case(case_folder: Path, corrections: Sequence[Correction]) -> Refinement:
    """Correct the mask of a segmented case, where it lies, and return what it is now.

    The case is segmented again from its first clicks, with the corrections that stand; only if that
    is the mask in the folder, the new ones are made. Clicks, mask, picture and result, and of a
    single case the run's record, are replaced together; no other file is touched.

    Parameters
    ----------
    case_folder
        What `oncotrace.pipeline.segment.segment_case` wrote, or ``cases/<case_id>`` of a run.
    corrections
        Made one after the other; undo and redo are corrections too. With none, an earlier
        refinement that was interrupted is finished.

    Raises
    ------
    SettingsError
        There is no correction, and nothing to be finished; or the model is not the one that was
        used.
    ClickError
        A correction lies outside the image, or there is nothing to undo or redo.
    InputError
        The folder holds no segmented case, or image, clicks or mask are not what they were.
    EmptyMaskError
        Nothing is left of the tumour.
    OutputError
        The folder cannot be written, or was changed by somebody else at the same time.
    """
    folder = case_folder.resolve()
    run = _run_of(folder)
    finished = is_half_replaced(folder)
    finish_replacement(folder, partial(_tell_run, run, folder))
    found = _segmented_case(run, folder)
    if corrections:
        return Refinement(_refined(found, corrections), finished, _exports(folder))
    if not finished:
        raise SettingsError(
            "no correction is asked for.",
            hint="Give --positive, --negative or --stroke, or --undo or --redo.",
            code="no-corrections",
        )
    return Refinement(found.result, finished, _exports(folder))


def _run_of(folder: Path) -> RecordedRun:
    """Run that a case folder belongs to: its own, or the cohort's two folders above."""
    above = folder.parent.parent
    if (folder / RUN_FILE).is_file():
        run = recorded_run(folder)
        if run.table is not None:
            raise _not_a_case(f"{folder.name} is the run of a whole cohort")
    elif folder.parent.name == "cases" and (above / RUN_FILE).is_file():
        run = recorded_run(above)
    else:
        raise _not_a_case(f"{folder.name} holds no case that oncotrace segmented")
    if not isinstance(run.task, SegmentTask):
        raise _not_a_case(f"{folder.name} was not segmented, but made by {run.task.journey}")
    return run


def _not_a_case(what: str) -> InputError:
    return InputError(f"{what}.", hint=_HINT, code="not-a-case")


def _segmented_case(run: RecordedRun, folder: Path) -> _SegmentedCase:
    for name in (RESULT_FILE, MASK_FILE, CLICKS_FILE):
        if not (folder / name).is_file():
            raise _not_a_case(f"{folder.name} holds no segmented case: there is no {name}")
    case = next((case for case, place in run.cases() if place == folder), None)
    if case is None or not isinstance(run.task, SegmentTask):
        raise _not_a_case(f"the run's cohort table has no case {folder.name} any more")
    return _SegmentedCase(folder, run, run.task, case, read_json(folder / RESULT_FILE))


def _refined(found: _SegmentedCase, corrections: Sequence[Correction]) -> dict[str, object]:
    folder, clock = found.folder, StageClock()
    tell_run = partial(_tell_run, found.run, folder)
    with replacement(folder, guard=CLICKS_FILE, after=tell_run) as temporary:
        before = read_clicks(folder / CLICKS_FILE)
        after = before
        for correction in corrections:
            after = after.with_correction(replace(correction, at=correction.at or now()))
        with clock.stage("digest"):
            image_digests = _unchanged_images(found)
        with clock.stage("read"):
            loaded, scans = found.task.read(found.case)
            mask = read_mask(folder / MASK_FILE)
        with clock.stage("open"):
            chosen = found.task.segmenter_joining(loaded)
            by = corrector(found.task.corrector_fold)
        with clock.stage("segment"):
            bare = replace(before, corrections=()) if before.has_first else None
            first = chosen.segment(SegmentationRequest(scans, bare, found.task.seed))
        with clock.stage("correct"):
            old, made = _before_and_after(loaded.scan, first, (before, after), by)
        _require_same(old.mask, mask, found.result.get("version"))
        result = found.task.write(found.case, temporary, (loaded, scans), after, made, clock)
        complete = write_result(
            temporary,
            found.case,
            result,
            clock,
            inputs={**image_digests, "clicks": json_digest(clicks_json(after))},
            asked=str(found.result["input_digest"]),
        )
        if found.run.folder == folder:
            _write_run(folder, temporary)
    return complete


def _unchanged_images(found: _SegmentedCase) -> dict[str, str]:
    """Digests of the images; images, model and clicks must be those the mask was made from."""
    for name in found.task.sequences_of(found.case):  # others need not be there
        image = file_of(found.case, found.case.images, name, "image")
        if not image.exists():
            raise InputError(
                f"the image {image.name} is not where it was when it was segmented.",
                hint="Put it back where run.json or the cohort table says, or segment it where it "
                f"is now, with --clicks {CLICKS_FILE} of this folder, which holds all corrections.",
                code="image-gone",
            )
    if changed := next(found.run.changed_settings(), None):
        raise SettingsError(
            f"{found.folder.name} was segmented with other settings ({changed}).",
            hint="Put the model back that was used, or segment into a new folder.",
            code="settings-changed",
        )
    inputs = found.result.get("inputs")
    recorded = inputs if isinstance(inputs, dict) else {}
    current = found.task.input_digests(replace(found.case, clicks=found.folder / CLICKS_FILE))
    for role, digest in current.items():
        if recorded.get(role) != digest:
            raise InputError(
                f"{_name_of(role, found)} is not what the mask in {found.folder.name} was made "
                "from.",
                hint="Put the old one back, or segment into a new folder.",
                code="inputs-changed",
            )
    return {role: digest for role, digest in current.items() if role != "clicks"}


def _name_of(role: str, found: _SegmentedCase) -> str:
    """Name of the file of a digest: ``clicks``, ``image``, ``image_<seq>`` or ``view_<n>``."""
    if role == "clicks":
        return CLICKS_FILE
    if role == "image":
        return found.image.name
    others = {f"image_{name}": file for name, file in found.case.images.items()}
    others |= {f"view_{n}": view.image for n, view in enumerate(found.task.views, start=1)}
    return others[role].name


def _before_and_after(
    scan: Scan, first: Segmentation, clicks: tuple[Clicks, Clicks], by: Corrector
) -> tuple[Segmentation, Segmentation]:
    """Segmentations by the one clicks and by the other; what both have in common is made once."""
    before, after = (c.standing_corrections() for c in clicks)
    common = 0
    while common < min(len(before), len(after)) and before[common] is after[common]:
        common += 1
    start = replace(clicks[0], corrections=before[:common])
    shared = replayed(scan, first, start, by)
    return (
        _continued(scan, shared, start, before[common:], by),
        _continued(scan, shared, start, after[common:], by),
    )


def _continued(
    scan: Scan, made: Segmentation, clicks: Clicks, more: Sequence[Correction], by: Corrector
) -> Segmentation:
    for correction in more:
        made = by.corrected(scan, made, clicks, correction)
        clicks = clicks.with_correction(correction)
    return made


def _require_same(made: Mask, mask: Mask, version: object) -> None:
    """Refuse a mask that is not what was made from its clicks: somebody has worked on it."""
    is_on_grid = mask.geometry.matches(made.geometry)
    different = np.count_nonzero(mask.voxels != made.voxels) if is_on_grid else "all"
    if different == 0:
        return
    other = "" if version == __version__ else f" or made by oncotrace {version}"
    raise InputError(
        f"{MASK_FILE} is not what its clicks give, {different} voxels differ: it was edited"
        f"{other}, which a correction would lose.",
        hint="Keep the mask as it is, or segment again into a new folder with --clicks "
        f"{CLICKS_FILE} of this folder and correct it there.",
        code="mask-changed",
    )


def _write_run(folder: Path, temporary: Path) -> None:
    record = read_json(folder / RUN_FILE)
    earlier = record.get(_REFINED)
    times = [*(earlier if isinstance(earlier, list) else []), now()]
    write_json(temporary / RUN_FILE, {**record, _REFINED: times})


def _tell_run(run: RecordedRun, folder: Path) -> None:
    """Write into a cohort's run that one of its cases was corrected."""
    if run.table is not None:
        write_results(read_cohort(run.table), run.folder)
        log_event(run.folder, {"case_id": folder.name, "event": _REFINED})


def _exports(folder: Path) -> tuple[str, ...]:
    exports = (name for name in FILE_OF_FORMAT.values() if name != MASK_FILE)
    return tuple(name for name in exports if (folder / name).is_file())
