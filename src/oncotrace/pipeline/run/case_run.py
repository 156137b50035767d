"""One case, done once: its folder appears with its result or not at all."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import oncotrace
from oncotrace.domain.case import Case
from oncotrace.errors import OncotraceError, OutputError
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.folder import whole_folder, write_json
from oncotrace.pipeline.run.task import CaseTask, input_digest

_log = logging.getLogger(__name__)

RESULT_FILE = "result.json"


@dataclass(frozen=True)
class CaseFailure:
    """Why a case has no result, as ``failures.csv`` says it."""

    case_id: str
    stage: str
    code: str
    message: str


@dataclass(frozen=True)
class CaseOutcome:
    """A case's result, or its failure."""

    case_id: str
    result: Mapping[str, object] | None
    failure: CaseFailure | None = None


def fill_folder(task: CaseTask, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
    """Run the task on a case, writing its files and ``result.json`` into ``folder``."""
    with clock.stage("digest"):
        digests = task.input_digests(case)
    result = task.run(case, folder, clock)
    asked = input_digest(task, digests)
    return write_result(folder, case, result, clock, inputs=digests, asked=asked)


def write_result(
    folder: Path,
    case: Case,
    result: Mapping[str, object],
    clock: StageClock,
    *,
    inputs: Mapping[str, str],
    asked: str,
) -> dict[str, object]:
    """Write ``result.json`` of a case and return its content.

    Parameters
    ----------
    inputs
        Digests of what the result was made from, by role.
    asked
        Digest of journey, settings and inputs that the run asked for; see `input_digest`.
    """
    complete = {
        "format": 1,
        "case_id": case.case_id,
        **result,
        "seconds": clock.seconds(),
        "version": oncotrace.__version__,
        "inputs": dict(inputs),
        "input_digest": asked,
    }
    write_json(folder / RESULT_FILE, complete)
    return complete


def run_case(task: CaseTask, case: Case, folder: Path) -> CaseOutcome:
    """Do one case of a cohort; what goes wrong with it is returned, not raised.

    Raises
    ------
    OutputError
        Results cannot be written (disk full, no permission): the other cases would fail too.
    """
    clock = StageClock()
    try:
        with whole_folder(folder) as temporary:
            return CaseOutcome(case.case_id, fill_folder(task, case, temporary, clock))
    except OutputError as error:
        raise error.for_case(case.case_id) from error
    except OncotraceError as error:
        text = f"{error.message} {error.hint}" if error.hint else error.message
        return _failed(case, clock, error.code, text)
    except Exception as error:
        # One case that meets a bug must not take the cohort down with it.
        _log.exception("case %s: unexpected error", case.case_id)
        text = f"unexpected {type(error).__name__}: please report it with the log."
        return _failed(case, clock, "unexpected", text)


def _failed(case: Case, clock: StageClock, code: str, text: str) -> CaseOutcome:
    return CaseOutcome(case.case_id, None, CaseFailure(case.case_id, clock.current, code, text))
