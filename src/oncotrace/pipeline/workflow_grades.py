"""What readers do in a workflow: see what is due for them, grade a mask, take a grade back."""

from dataclasses import dataclass
from pathlib import Path

from oncotrace.errors import InputError, OutputError, SettingsError
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.pipeline.run.lock import alone
from oncotrace.pipeline.run.provenance import now
from oncotrace.pipeline.segmented_case import MASK_FILE
from oncotrace.pipeline.workflow_accepted import accept
from oncotrace.pipeline.workflow_folder import RUN_LOCK, WorkflowFolder, case_of, open_workflow
from oncotrace.review.events import Graded, Segmented, Withdrawn
from oncotrace.review.grade import Grade
from oncotrace.review.routing import CaseState
from oncotrace.review.worklist import WorklistEntry, entries_for, worklist

_LONGEST_NAME = 100
_LONGEST_COMMENT = 2000


@dataclass(frozen=True)
class DueWork:
    """What waits for people, or for one reader, and the cases' files.

    ``masks`` are the masks to be looked at, by case id; ``torn_lines`` counts events that a crash
    left unfinished, which do not count.
    """

    entries: tuple[WorklistEntry, ...]
    masks: dict[str, Path]
    torn_lines: int


def due_work(folder: Path, reader: str | None = None) -> DueWork:
    """Return what is due next, the most urgent first.

    Parameters
    ----------
    reader
        Whoever asks: masks that this reader has graded are left out, and the predicted quality too.

    Raises
    ------
    InputError
        The folder is not that of a workflow, or is damaged.
    SettingsError
        The reader's name is empty.
    """
    run = open_workflow(folder)
    entries = worklist(run.states().values())
    if reader is not None:
        entries = entries_for(entries, reader_name(reader))
    masks = {
        entry.case_id: run.steps_folder(entry.case_id) / entry.folder / MASK_FILE
        for entry in entries
        if entry.folder is not None
    }
    return DueWork(tuple(entries), masks, run.torn_lines())


def grade_case(
    folder: Path, case_id: str, grade: Grade, *, reader: str, comment: str = ""
) -> CaseState:
    """Write down a reader's grade of the mask that a case has now, and return the case's state.

    Raises
    ------
    InputError
        There is no such case, no grade of it is due, the reader has graded this mask already, or
        its file is not what was segmented; or the folder is not that of a workflow.
    SettingsError
        The reader has no name, or it or the comment cannot be kept.
    OutputError
        The grade cannot be written.
    """
    name, said = reader_name(reader), _one_text(comment, _LONGEST_COMMENT, "the comment")
    run = open_workflow(folder)
    mask = case_of(run.states(), case_id).mask
    digest = "" if mask is None else _unchanged(run, case_id, mask)
    return run.record(Graded(case_id, grade, name, digest, now(), said))


def withdraw_grade(folder: Path, case_id: str, *, reader: str, reason: str) -> CaseState:
    """Take back the grade that a reader gave the mask a case has now; returns the case's state.

    The grade stays in the log, with time and reason of its withdrawal. If the mask was accepted by
    it, it is moved from ``cases/`` to ``withdrawn/``, and what another reader's grade accepts takes
    its place; by the call of the workflow that is at work, if there is one.

    Raises
    ------
    InputError
        There is no such case, the reader has given its mask no grade that counts, or later work
        stands on the grade; or the folder is not that of a workflow.
    SettingsError
        The reader has no name, or there is no reason, or one of them cannot be kept.
    OutputError
        The withdrawal cannot be written, or the mask not be moved.
    """
    name, why = reader_name(reader), _one_text(reason, _LONGEST_COMMENT, "the comment")
    if not why:
        raise SettingsError(
            "a grade is taken back for a reason.",
            hint="Give --comment TEXT.",
            code="withdrawal-without-reason",
        )
    run = open_workflow(folder)
    mask = case_of(run.states(), case_id).mask
    digest = "" if mask is None else mask.mask_digest
    state = run.record(Withdrawn(case_id, name, digest, now(), why))
    try:
        with alone(run.folder / RUN_LOCK, wait_s=0):
            accept(run, run.states()[case_id])
    except OutputError as error:
        if error.code != "in-use":
            raise
        # The workflow is at work and does so before it ends.
    return state


def reader_name(text: str) -> str:
    """Name of a reader without blanks around it.

    Raises
    ------
    SettingsError
        It is empty, too long, or holds control characters.
    """
    name = _one_text(text, _LONGEST_NAME, "a reader's name")
    if not name:
        raise SettingsError(
            "a reader needs a name.", hint="Give --reader NAME.", code="reader-without-name"
        )
    return name


def _one_text(text: str, longest: int, what: str) -> str:
    stripped = text.strip()
    if len(stripped) > longest or any(not (c.isprintable() or c in "\n\t") for c in stripped):
        raise SettingsError(f"{what} has at most {longest} characters, all of them printable.")
    return stripped


def _unchanged(run: WorkflowFolder, case_id: str, mask: Segmented) -> str:
    """Digest of the mask's file, which must be what the workflow knows."""
    file = run.steps_folder(case_id) / mask.folder / MASK_FILE
    if not file.is_file() or file_digest(file) != mask.mask_digest:
        raise InputError(
            "the mask is not what the workflow has taken in: it was corrected or edited since.",
            hint="Call `oncotrace workflow COHORT.csv --out RUN --resume` first.",
            case_id=case_id,
            code="mask-changed",
        )
    return mask.mask_digest
