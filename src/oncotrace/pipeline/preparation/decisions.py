"""What a preparation decides before a voxel is read: which series, under which names, and why."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from oncotrace.atomic import write_bytes
from oncotrace.curate.case_names import NamedCase, named_cases
from oncotrace.curate.selection import Selection
from oncotrace.curate.series import Series
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.check import Flags, write_flags
from oncotrace.pipeline.cohort_report import LEFT_OUT_FILE
from oncotrace.pipeline.deidentify_plan import read_patients
from oncotrace.pipeline.inventory import index_of
from oncotrace.pipeline.preparation.plan import TABLE, write_plans
from oncotrace.pipeline.preparation.privacy import Privacy, pseudonyms, told_text
from oncotrace.pipeline.run.folder import whole_folder
from oncotrace.pipeline.select import write_selection

DECISIONS = "selection"
FLOW = "flow.csv"
FLOW_CHART = "flow.png"


def decided_table(work: Path) -> Path:
    """Return the table of the decided cases; it is there when all of them are decided."""
    return work / DECISIONS / TABLE


def write_decisions(
    selection: Selection,
    series: Sequence[Series],
    flags: Flags,
    *,
    table: Path,
    work: Path,
    out: Path,
    privacy: Privacy | None,
) -> Iterator[int]:
    """Write checks, selection and plans, whole or not at all; yield how many cases are planned.

    The flow chart of exclusions, and which images a case could have had, go into the cohort.

    Parameters
    ----------
    table
        Inventory that was selected from.
    """
    named = _named(selection, privacy)
    with whole_folder(work / DECISIONS) as folder:
        write_flags(series, flags, folder / "checks.csv")
        write_selection(selection, folder)
        yield from write_plans(
            named,
            folder,
            index=index_of(table),
            flags=flags,
            centres=_centres(named, privacy),
            with_days=privacy is None or privacy.keeps_intervals,
        )
        for name in (FLOW, FLOW_CHART):
            write_bytes(out / name, (folder / name).read_bytes(), replace=True)
        rows = _left_out_rows(selection, named, privacy)
        write_table(rows, out / LEFT_OUT_FILE, columns=("case_id", "image", "reason"), replace=True)


def _left_out_rows(
    selection: Selection, named: Sequence[NamedCase], privacy: Privacy | None
) -> list[dict[str, object]]:
    """Images that the cohort's cases do not have though there are series of that kind."""
    names = {one.case.name: one.case_id for one in named}
    return [
        {
            "case_id": names[gone.case],
            "image": gone.role,
            "reason": gone.reason if privacy is None else told_text(gone.reason),
        }
        for gone in selection.left_out
        if gone.series_uid and gone.case in names
    ]


def _named(selection: Selection, privacy: Privacy | None) -> list[NamedCase]:
    if privacy is None:
        return named_cases(selection.cases)
    table = privacy.key.patients
    given = None if table is None else read_patients(table)
    return named_cases(
        selection.cases,
        pseudonyms(privacy, (case.patient_id for case in selection.cases), given),
    )


def _centres(named: Sequence[NamedCase], privacy: Privacy | None) -> dict[str, str]:
    """Return what centres are called, by institution: by their name, or by a number."""
    institutions = sorted({one.case.chosen[0].series.institution for one in named})
    if privacy is None or privacy.confidentiality.has("retain-institution-identity"):
        return {name: name for name in institutions}
    known = [name for name in institutions if name]
    return {"": "", **{name: f"centre-{number}" for number, name in enumerate(known, start=1)}}
