"""The table of a cohort that a journey makes: its own files in place of those it was made from."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from oncotrace.domain.case import Case, Cohort
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.run.case_run import CaseOutcome


def listed_as_cohort(
    outcomes: Iterator[CaseOutcome], cohort: Cohort, out: Path
) -> Iterator[CaseOutcome]:
    """Pass outcomes on; at the end, however it comes, ``out/cohort.csv`` lists the cases done.

    The ``files`` of a case's result are its new columns; what is not a file stays as it was.
    """
    files: dict[str, Mapping[str, str]] = {}
    try:
        for outcome in outcomes:
            made = (outcome.result or {}).get("files")
            if isinstance(made, dict):
                files[outcome.case_id] = made
            yield outcome
    finally:
        rows = [_row(case, files[case.case_id]) for case in cohort.cases if case.case_id in files]
        write_table(rows, out / "cohort.csv", columns=("case_id",), replace=True)


def _row(case: Case, files: Mapping[str, str]) -> dict[str, object]:
    texts = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "time_point": case.time_point,
        "centre": case.centre,
        "split": case.split,
    }
    placed = {column: f"cases/{case.case_id}/{file}" for column, file in files.items()}
    outcome = {f"outcome_{name}": text for name, text in case.outcome.items()}
    clinical = {f"clinical_{name}": text for name, text in case.clinical.items()}
    return {**{k: v for k, v in texts.items() if v}, **placed, **outcome, **clinical}
