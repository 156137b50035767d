"""A cohort, case by case: parallel, interruptible, resumable."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from joblib import Parallel, delayed

from oncotrace.atomic import refused_writes
from oncotrace.domain.case import Case, Cohort
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.run.case_run import RESULT_FILE, CaseFailure, CaseOutcome, run_case
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.pipeline.run.folder import read_json, remove_partial, require_new, write_json
from oncotrace.pipeline.run.provenance import as_json, now, provenance
from oncotrace.pipeline.run.task import CaseTask, input_digest

RUN_FILE = "run.json"
_FAILURE_COLUMNS = ("case_id", "stage", "code", "message")


@dataclass(frozen=True)
class CohortRun:
    """A cohort run under way: how many cases, and each outcome as it comes."""

    cases: int
    outcomes: Iterator[CaseOutcome]


def run_cohort(
    task: CaseTask,
    table: Path,
    cohort: Cohort,
    out: Path,
    *,
    seed: int,
    resume: bool,
    jobs: int,
) -> CohortRun:
    """Begin or resume a run folder; its cases are done as their outcomes are taken.

    The folder's table and list of failures are written at the end, however it ends, unless the
    process is killed; resuming writes them then.

    Raises
    ------
    OutputError
        ``out`` holds something else, or cannot be written.
    SettingsError
        A run is resumed with other settings or changed inputs.
    """
    if jobs < 1:
        raise SettingsError(f"--jobs must be at least 1, found {jobs}.")
    settings = {"journey": task.journey, "cohort": str(table.resolve()), **task.settings()}
    if not (resume and (out / RUN_FILE).is_file()):
        begin_run(out, settings, seed=seed)
    done = _take_up(task, table, cohort, out, settings)
    return CohortRun(len(cohort.cases), _recorded_outcomes(task, cohort, out, done, jobs))


def _recorded_outcomes(
    task: CaseTask, cohort: Cohort, out: Path, done: set[str], jobs: int
) -> Iterator[CaseOutcome]:
    failures: list[CaseFailure] = []
    try:
        for outcome in _outcomes(task, cohort, out, done, jobs):
            if outcome.failure is not None:
                failures.append(outcome.failure)
            if outcome.case_id not in done:
                _log_outcome(out, outcome)
            yield outcome
    finally:
        _close_run(cohort, out, failures)


def begin_run(
    out: Path, settings: Mapping[str, object], *, seed: int, command: Sequence[str] | None = None
) -> None:
    """Start a run folder; no case of it has been begun.

    Parameters
    ----------
    command
        What the record calls the command, if not by all its arguments.

    Raises
    ------
    OutputError
        ``out`` holds something, or cannot be written.
    """
    require_new(out)
    record = as_json(provenance(settings, seed=seed, input_digests={}, start=now()))
    given = {} if command is None else {"command": list(command)}
    # The record first: whatever else is there after a crash, the run can be resumed.
    write_json(out / RUN_FILE, {**record, **given, "resumed": []})


def require_same_settings(out: Path, settings: Mapping[str, object]) -> None:
    """Refuse to go on with a run that was begun with other settings.

    Raises
    ------
    SettingsError
        It was; the message names them.
    """
    earlier = read_json(out / RUN_FILE)["settings"]
    if earlier != settings:
        raise SettingsError(
            f"{out.name} was begun with other settings: {_difference(earlier, settings)}.",
            hint="Resume with the settings in its run.json, or choose a new --out.",
            code="settings-changed",
        )


def _take_up(
    task: CaseTask, table: Path, cohort: Cohort, out: Path, settings: Mapping[str, object]
) -> set[str]:
    """Take up a run folder, be it new or old; returns the ids of the cases already done."""
    require_same_settings(out, settings)
    with refused_writes(out.name):
        (out / "cases").mkdir(exist_ok=True)
    remove_partial(out / "cases")
    done = {case.case_id for case in cohort.cases if _is_done(task, case, out)}
    earlier = read_json(out / RUN_FILE)
    resumed = earlier["resumed"] if isinstance(earlier["resumed"], list) else []
    if earlier["input_digests"]:  # its cases had been begun
        resumed = [*resumed, now()]
    taken_up = {"input_digests": {"cohort": file_digest(table)}, "resumed": resumed, "end": None}
    write_json(out / RUN_FILE, {**earlier, **taken_up}, replace=True)
    return done


def _difference(earlier: object, current: Mapping[str, object]) -> str:
    before = earlier if isinstance(earlier, dict) else {}
    changed = sorted(n for n in {*before, *current} if before.get(n) != current.get(n))
    return ", ".join(f"{n} was {before.get(n)!r}, now {current.get(n)!r}" for n in changed)


def _is_done(task: CaseTask, case: Case, out: Path) -> bool:
    folder = out / "cases" / case.case_id
    if not folder.exists():
        return False
    recorded = read_json(folder / RESULT_FILE).get("input_digest")
    try:
        current = input_digest(task, task.input_digests(case))
    except InputError:
        current = "unreadable"
    if recorded != current:
        raise SettingsError(
            f"case {case.case_id} was done with other inputs than it has now.",
            hint="Put the old inputs back, or choose a new --out.",
            code="inputs-changed",
        )
    return True


def _outcomes(
    task: CaseTask, cohort: Cohort, out: Path, done: set[str], jobs: int
) -> Iterator[CaseOutcome]:
    waiting = [case for case in cohort.cases if case.case_id not in done]
    for case in cohort.cases:
        if case.case_id in done:
            yield CaseOutcome(case.case_id, read_json(out / "cases" / case.case_id / RESULT_FILE))
    calls = [(task, case, out / "cases" / case.case_id) for case in waiting]
    if jobs == 1:
        # No worker processes: the numba code is compiled once and Ctrl-C arrives here.
        for call in calls:
            yield run_case(*call)
        return
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    outcomes: Iterable[CaseOutcome] = parallel(delayed(run_case)(*call) for call in calls)
    yield from outcomes


def _log_outcome(out: Path, outcome: CaseOutcome) -> None:
    event: dict[str, object] = {"case_id": outcome.case_id}
    if outcome.failure is None:
        event |= {"event": "done", "seconds": (outcome.result or {}).get("seconds")}
    else:
        event |= {"event": "failed", **asdict(outcome.failure)}
    log_event(out, event)


def write_results(cohort: Cohort, out: Path) -> None:
    """Write the table of a run's results anew, from what the folders of its cases hold.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    results = [
        read_json(folder / RESULT_FILE)
        for folder in (out / "cases" / case.case_id for case in cohort.cases)
        if folder.is_dir()
    ]
    write_table([_flat(result) for result in results], out / "table.csv", replace=True)


def log_event(out: Path, event: Mapping[str, object]) -> None:
    """Append what happened to a case to the run's log."""
    line = json.dumps({"at": now(), **event})
    with refused_writes("log.jsonl"), (out / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def _close_run(cohort: Cohort, out: Path, failures: list[CaseFailure]) -> None:
    write_results(cohort, out)
    rows = [asdict(failure) for failure in failures]
    write_table(rows, out / "failures.csv", columns=_FAILURE_COLUMNS, replace=True)
    record = read_json(out / RUN_FILE)
    write_json(out / RUN_FILE, {**record, "end": now()}, replace=True)


def _flat(result: dict[str, object]) -> dict[str, object]:
    """Return the result's single values; lists and objects stay in ``result.json``."""
    return {
        name: value
        for name, value in result.items()
        if name != "format" and not isinstance(value, list | dict)
    }
