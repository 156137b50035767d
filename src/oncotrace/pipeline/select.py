"""The selecting journey: an inventory in, one series per case and role out, and why."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from oncotrace.atomic import write_bytes
from oncotrace.curate.check_names import require_checks
from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.select_query import Query
from oncotrace.curate.selection import Dates, Selection, select
from oncotrace.errors import TableError
from oncotrace.io.cohort_table import write_table
from oncotrace.io.table_rows import read_named_rows
from oncotrace.pipeline.check import header_flags, read_flags
from oncotrace.pipeline.run.folder import require_new, whole_folder
from oncotrace.report.exclusion_chart import exclusion_chart

SELECTED = ("case", "patient_id", "study_date", "role", "series_uid", "folder", "why")
LEFT_OUT = ("case", "series_uid", "role", "reason")


def select_series(
    table: Path,
    out: Path,
    *,
    query: Query,
    checks: Path | None = None,
    dates: Path | None = None,
    dry_run: bool = False,
) -> Selection:
    """Select from an inventory and write what was chosen, what was left out, and a flow chart.

    Parameters
    ----------
    checks
        What `oncotrace.pipeline.check` wrote of the same inventory; without it the headers are
        checked by the usual rules.
    dates
        Table with ``patient_id`` and a column of dates (YYYY-MM-DD) per event.

    Raises
    ------
    TableError
        A table cannot be read.
    SettingsError
        The query asks for a check that there is not.
    OutputError
        ``out`` is not empty, or cannot be written.
    """
    require_new(out)
    series = read_inventory(table)
    flags = header_flags(series, CheckRules()) if checks is None else read_flags(checks)
    made = {flag.check for flags_of_one in flags.values() for flag in flags_of_one}
    require_checks(query.must_pass, made, to="asked for")
    events = None if dates is None else read_dates(dates)
    selection = select(series, query, flags=flags, dates=events)
    if not dry_run:
        with whole_folder(out) as folder:
            write_selection(selection, folder)
    return selection


def read_dates(path: Path) -> Dates:
    """Return the dates of events by patient.

    Raises
    ------
    TableError
        The table cannot be read, names a patient twice, or a date is none; empty cells are allowed.
    """
    dates: dict[str, dict[str, date]] = {}
    for row in read_named_rows(path, required=("patient_id",)):
        patient = row.pop("patient_id")
        if patient in dates:
            raise TableError(
                f"{path.name} names a patient twice.",
                hint="Give one line per patient, and a column per event.",
                code="duplicate-id",
            )
        dates[patient] = {event: _date(text, event, path) for event, text in row.items() if text}
    return dates


def _date(text: str, event: str, path: Path) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise TableError(
            f"{path.name}, column {event}: a cell is no date.",
            hint="Write dates as YYYY-MM-DD.",
            code="malformed-date",
        ) from None


def write_selection(selection: Selection, folder: Path) -> None:
    """Write what was chosen, what was left out, and the flow chart into a new folder."""
    selected = [
        {
            "case": case.name,
            "patient_id": case.patient_id,
            "study_date": case.study_date,
            "role": one.role,
            "series_uid": one.series.series_uid,
            "folder": one.series.folder,
            "outlines_uid": one.outlines.series_uid if one.outlines else "",
            "outlines_folder": one.outlines.folder if one.outlines else "",
            "structure": one.structure,
            "why": one.why,
        }
        for case in selection.cases
        for one in case.chosen
    ]
    left_out = [
        {"case": gone.case, "series_uid": gone.series_uid, "role": gone.role, "reason": gone.reason}
        for gone in selection.left_out
    ]
    write_table(selected, folder / "selected.csv", columns=SELECTED)
    write_table(left_out, folder / "left_out.csv", columns=LEFT_OUT)
    write_table(_flow_rows(selection), folder / "flow.csv", columns=("step", "cases"))
    write_bytes(folder / "flow.png", exclusion_chart(selection.considered, excluded(selection)))


def excluded(selection: Selection) -> Mapping[str, int]:
    """Cases that were left out, by why, the commonest first."""
    return dict(selection.excluded_cases.most_common())


def _flow_rows(selection: Selection) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [{"step": "considered", "cases": selection.considered}]
    rows += [{"step": why, "cases": -count} for why, count in excluded(selection).items()]
    return [*rows, {"step": "selected", "cases": len(selection.cases)}]
