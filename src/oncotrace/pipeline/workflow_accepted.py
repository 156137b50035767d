"""The accepted masks of a workflow: copied out of their steps, and set aside if not accepted now.

What follows from the log is written anew; a mask that was accepted, and is not any more because a
reader took the grade back, is moved to ``withdrawn/`` of the run, so that nobody takes it for one.
"""

import shutil
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.pipeline.run.case_run import RESULT_FILE, CaseFailure
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.pipeline.run.folder import read_json, whole_folder, write_json
from oncotrace.pipeline.run.replacement import HISTORY
from oncotrace.pipeline.segmented_case import CLICKS_FILE, LABELS_FILE, MASK_FILE, PICTURE_FILE
from oncotrace.pipeline.workflow_folder import WorkflowFolder
from oncotrace.review.events import Segmented, Withdrawn
from oncotrace.review.routing import CaseState, due


def accept(run: WorkflowFolder, state: CaseState) -> CaseFailure | None:
    """Write the accepted mask of a case that is done, once; says if that mask is not there.

    Raises
    ------
    OutputError
        It cannot be written, or one that is not accepted any more not be set aside.
    """
    _set_aside(run, state)
    final = run.final_folder(state.case_id)
    if due(state) != "nothing" or state.mask is None or final.exists():
        return None
    source = _folder_of(run.steps_folder(state.case_id) / state.mask.folder, state.mask)
    if source is None:
        text = "the accepted mask is not where it was; put back a copy of the run folder."
        return CaseFailure(state.case_id, "accept", "mask-changed", text)
    with whole_folder(final) as folder, refused_writes(final.name):
        for name in (MASK_FILE, LABELS_FILE, PICTURE_FILE, CLICKS_FILE):
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
        result = read_json(source / RESULT_FILE)
        write_json(folder / RESULT_FILE, {**result, **_acceptance(state, state.mask)})
    return None


def _set_aside(run: WorkflowFolder, state: CaseState) -> None:
    """Move what was accepted and is not any more out of the accepted masks; nothing is deleted."""
    final = run.final_folder(state.case_id)
    if not any(isinstance(event, Withdrawn) for event in state.events) or not final.exists():
        return
    if due(state) == "nothing" and state.mask is not None and _is_of(final, state, state.mask):
        return
    with refused_writes(final.name):
        place = _unused(run.withdrawn_folder(state.case_id))
        place.parent.mkdir(exist_ok=True)
        final.rename(place)


def _acceptance(state: CaseState, mask: Segmented) -> dict[str, object]:
    readers = [graded.reader for graded in state.grades]
    return {"step": mask.step, "grade": state.verdict, "readers": readers}


def _is_of(final: Path, state: CaseState, mask: Segmented) -> bool:
    """Whether a folder holds the mask that is accepted now, as it is accepted now."""
    recorded = read_json(final / RESULT_FILE)
    is_same = all(recorded.get(name) == value for name, value in _acceptance(state, mask).items())
    return is_same and file_digest(final / MASK_FILE) == mask.mask_digest


def _unused(folder: Path) -> Path:
    number, place = 1, folder
    while place.exists():
        number += 1
        place = folder.with_name(f"{folder.name}-{number}")
    return place


def _folder_of(folder: Path, mask: Segmented) -> Path | None:
    """Folder with the mask that was graded: a step's own, or what a later correction kept of it."""
    for place in (folder, *sorted((folder / HISTORY).glob("*/"))):
        file = place / MASK_FILE
        if file.is_file() and file_digest(file) == mask.mask_digest:
            return place
    return None
