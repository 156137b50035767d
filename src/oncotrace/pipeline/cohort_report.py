"""The report of a prepared cohort: its tables and cases in, one HTML page out."""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from oncotrace.atomic import write_text
from oncotrace.domain.case import Case
from oncotrace.errors import InputError, TableError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.io.table_rows import read_named_rows
from oncotrace.pipeline.check import WORDS
from oncotrace.pipeline.cohort_report_case import Checks, prepared_case
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.folder import read_json
from oncotrace.report.cohort_content import (
    CheckOutcome,
    CohortContent,
    ExclusionStep,
    FailedCase,
    LeftOutImage,
)
from oncotrace.report.cohort_page import cohort_page

REPORT_FILE = "report.html"
CHECKS_FILE, LEFT_OUT_FILE = "checks.csv", "left_out.csv"
CHECK_COLUMNS = ("case_id", "image", "check", "passed", "value", "rule")
_LEFT_OUT_COLUMNS = ("case_id", "image", "reason")
_TABLE_FILE, _FLOW_FILE, _FAILURES_FILE = "cohort.csv", "flow.csv", "failures.csv"
_FLOW_COLUMNS = ("step", "cases")
_FAILURE_COLUMNS = ("case_id", "stage", "code", "message")
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,12}", re.ASCII)

_Part = TypeVar("_Part")


def write_cohort_report(cohort: Path) -> Path:
    """Write ``report.html`` into a prepared cohort, in place of an earlier one; return its path.

    It is made from ``cohort.csv``, ``cases/``, ``checks.csv``, ``flow.csv``, ``left_out.csv``,
    ``failures.csv`` and ``run.json`` alone, and needs none of them but the first or the last: a
    cohort of which no case is finished yet has no table. A part that cannot be read is named on
    the page.

    Raises
    ------
    TableError
        The folder is no prepared cohort, or its ``cohort.csv`` is malformed.
    OutputError
        The page cannot be written.
    """
    page = cohort / REPORT_FILE
    write_text(page, cohort_page(cohort_content(cohort)), replace=True)
    return page


def cohort_content(cohort: Path) -> CohortContent:
    """Read what the page of a prepared cohort shows.

    Raises
    ------
    TableError
        The folder is no prepared cohort, or its ``cohort.csv`` is malformed.
    """
    notes: list[str] = []
    record = _unless_unreadable(lambda: read_json(cohort / RUN_FILE), cohort / RUN_FILE, notes)
    version, date = _made(record or {})
    checks = _unless_unreadable(lambda: _checks(cohort), cohort / CHECKS_FILE, notes) or {}
    return CohortContent(
        cases=tuple(
            prepared_case(case, cohort / "cases" / case.case_id, checks) for case in _cases(cohort)
        ),
        left_out=_unless_unreadable(lambda: _left_out(cohort), cohort / LEFT_OUT_FILE, notes) or (),
        failures=_unless_unreadable(lambda: _failures(cohort), cohort / _FAILURES_FILE, notes)
        or (),
        flow=_unless_unreadable(lambda: _flow(cohort), cohort / _FLOW_FILE, notes) or (),
        version=version,
        date=date,
        notes=tuple(notes),
    )


def _cases(cohort: Path) -> tuple[Case, ...]:
    table = cohort / _TABLE_FILE
    if not table.is_file() and (cohort / RUN_FILE).is_file():
        return ()
    try:
        return read_cohort(table).cases
    except TableError as error:
        if error.code == "empty-table":
            return ()
        raise


def _unless_unreadable(read: Callable[[], _Part], file: Path, notes: list[str]) -> _Part | None:
    """Return what is read, or nothing: silently where there is no file, else with a note."""
    if not file.is_file():
        return None
    try:
        return read()
    except InputError as error:
        notes.append(error.message)
        return None


def _made(record: dict[str, object]) -> tuple[str, str]:
    """Version of oncotrace and day of a run, as its record says them; of the end if it is there."""
    version, start, end = (record.get(name) for name in ("version", "start", "end"))
    day = next((when for when in (end, start) if isinstance(when, str)), "")
    return version if isinstance(version, str) else "", day.partition("T")[0]


def _failures(cohort: Path) -> tuple[FailedCase, ...]:
    rows = read_named_rows(cohort / _FAILURES_FILE, required=_FAILURE_COLUMNS)
    return tuple(FailedCase(**{name: row[name] for name in _FAILURE_COLUMNS}) for row in rows)


def _left_out(cohort: Path) -> tuple[LeftOutImage, ...]:
    rows = read_named_rows(cohort / LEFT_OUT_FILE, required=_LEFT_OUT_COLUMNS)
    return tuple(LeftOutImage(row["case_id"], row["image"], row["reason"]) for row in rows)


def _checks(cohort: Path) -> Checks:
    passed = {word: value for value, word in WORDS.items()}
    found: dict[tuple[str, str], list[CheckOutcome]] = defaultdict(list)
    for row in read_named_rows(cohort / CHECKS_FILE, required=CHECK_COLUMNS):
        outcome = CheckOutcome(row["check"], passed.get(row["passed"]), row["value"], row["rule"])
        found[row["case_id"], row["image"]].append(outcome)
    return {key: tuple(outcomes) for key, outcomes in found.items()}


def _flow(cohort: Path) -> tuple[ExclusionStep, ...]:
    rows = read_named_rows(cohort / _FLOW_FILE, required=_FLOW_COLUMNS)
    return tuple(ExclusionStep(row["step"], _count(row["cases"])) for row in rows)


def _count(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise TableError(
            f"{_FLOW_FILE}: a count of cases is no whole number.", code="malformed-row"
        )
    return int(text)
