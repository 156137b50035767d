"""``oncotrace pacs``: ask a PACS what it has, fetch series, and send results."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from oncotrace.cli.output import EXIT_SOME_FAILED, console, messages, tracked
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.io.pacs.access import PacsAccess
    from oncotrace.io.pacs.query import Filters
    from oncotrace.pipeline.pacs import FailedSeries, Found, Retrieval
    from oncotrace.pipeline.pacs_source import FromPacs

app = typer.Typer(help="Ask a PACS what it has, fetch series, and send results.")

Address = Annotated[
    str,
    typer.Argument(
        help="https://host/dicom-web, or dicom://CALLED_AE@host:11112?aet=OUR_AE.",
        metavar="ADDRESS",
    ),
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option("--credentials", help="File with user and password, or a token (mode 600)."),
]
Authority = Annotated[
    Path | None, typer.Option("--ca", help="Certificates (PEM) that alone are trusted.")
]
AllowHttp = Annotated[
    bool, typer.Option("--allow-http", help="Let http:// go unencrypted to another machine.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", help="Seconds without progress until it gives up.", min=1)
]
Patient = Annotated[str | None, typer.Option("--patient", help="Patient id, whole.")]
Study = Annotated[str | None, typer.Option("--study", help="Study Instance UID.")]
Series = Annotated[str | None, typer.Option("--series", help="Series Instance UID.")]
_DAY = "%Y-%m-%d"
Since = Annotated[
    datetime | None,
    typer.Option("--since", help="First day of the study.", formats=[_DAY], metavar="YYYY-MM-DD"),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", help="Last day of the study.", formats=[_DAY], metavar="YYYY-MM-DD"),
]
DicomModality = Annotated[
    str | None, typer.Option("--modality", help="As DICOM names it: CT, MR, PT, SEG, RTSTRUCT.")
]
Description = Annotated[
    str | None, typer.Option("--description", help="Of study or series; * and ? are wildcards.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and do nothing of it.")
]


@app.command("echo")
def echo(
    address: Address,
    credentials: CredentialsFile = None,
    ca: Authority = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 60.0,
) -> None:
    """Check that a PACS answers and lets us in."""
    from oncotrace.pipeline.pacs import check_pacs

    check_pacs(access_of(address, credentials, ca, allow_http=allow_http, timeout_s=timeout))
    console.print("The PACS answers.")


@app.command("query")
def query(
    address: Address,
    level: Annotated[
        Literal["patient", "study", "series"], typer.Option(help="What is listed.")
    ] = "study",
    patient: Patient = None,
    since: Since = None,
    until: Until = None,
    modality: DicomModality = None,
    description: Description = None,
    study: Study = None,
    series: Series = None,
    limit: Annotated[int, typer.Option(help="How many are listed at most.", min=1)] = 100,
    offset: Annotated[int, typer.Option(help="How many are passed over first.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    credentials: CredentialsFile = None,
    ca: Authority = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 60.0,
) -> None:
    """List patients, studies or series that a PACS has; names are not shown."""
    from oncotrace.pipeline.pacs import query_pacs

    found = query_pacs(
        access_of(address, credentials, ca, allow_http=allow_http, timeout_s=timeout),
        level,
        filters_of(patient, since, until, modality, description, study, series),
        limit=limit,
        offset=offset,
    )
    if as_json:
        content = {"format": 1, "level": level, "offset": offset, "found": list(map(_json, found))}
        typer.echo(json.dumps(content, indent=2))
        return
    _show_found(found)
    if len(found) == limit:
        messages.print(f"There may be more: --offset {offset + limit}.")


@app.command("retrieve")
def retrieve(
    address: Address,
    out: Annotated[Path, typer.Option(help="New folder for the series.")],
    patient: Patient = None,
    since: Since = None,
    until: Until = None,
    modality: DicomModality = None,
    description: Description = None,
    study: Study = None,
    series: Series = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in a folder that holds some of it.")
    ] = False,
    dry_run: DryRun = False,
    max_files: Annotated[
        int, typer.Option("--max-files", help="Most files that may arrive.", min=1)
    ] = 500_000,
    max_gib: Annotated[
        float, typer.Option("--max-gib", help="Most GiB that may arrive.", min=0.001)
    ] = 500.0,
    credentials: CredentialsFile = None,
    ca: Authority = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 60.0,
) -> None:
    """Fetch series into OUT/STUDY/SERIES/INSTANCE.dcm, each file whole or not at all."""
    from oncotrace.io.pacs.arrivals import Bounds
    from oncotrace.pipeline.pacs import retrieve_from_pacs

    retrieval = retrieve_from_pacs(
        access_of(address, credentials, ca, allow_http=allow_http, timeout_s=timeout),
        filters_of(patient, since, until, modality, description, study, series),
        out,
        resume=resume,
        bounds=Bounds(files=max_files, bytes=int(max_gib * 2**30)),
    )
    if dry_run:
        _show_found(retrieval.series)
        waiting = retrieval.instances - retrieval.present
        console.print(f"{waiting} instances would be fetched, {retrieval.present} are there.")
        return
    _finish_retrieval(retrieval)


@app.command("send")
def send(
    address: Address,
    files: Annotated[
        list[Path], typer.Argument(help="DICOM files, and folders of them.", metavar="FILE...")
    ],
    dry_run: DryRun = False,
    credentials: CredentialsFile = None,
    ca: Authority = None,
    allow_http: AllowHttp = False,
    timeout: Timeout = 60.0,
) -> None:
    """Send DICOM files to a PACS: images, segmentations, structures, reports."""
    from oncotrace.pipeline.pacs import send_to_pacs

    access = access_of(address, credentials, ca, allow_http=allow_http, timeout_s=timeout)
    sending = send_to_pacs(access, files)
    outgoing = sending.outgoing
    if outgoing.foreign:
        messages.print(f"{outgoing.foreign} files are not DICOM and are left out.")
    if dry_run:
        _show_kinds(Counter(file.sop_class_uid for file in outgoing.files))
        outcomes = list(outgoing.unfit)
    else:
        total = len(outgoing.files) + len(outgoing.unfit)
        with closing(sending.outcomes):
            outcomes = list(tracked(sending.outcomes, "sending", total))
    failed = [outcome for outcome in outcomes if not outcome.is_stored]
    for outcome in failed:
        text = f"{outcome.label} failed ({outcome.code}): {outcome.explanation}"
        messages.print(text, markup=False, soft_wrap=True)
    for outcome in outcomes:
        if outcome.is_stored and outcome.status:
            text = f"note: {outcome.label}: {outcome.explanation}"
            messages.print(text, markup=False, soft_wrap=True)
    if not dry_run:
        console.print(f"{len(outcomes) - len(failed)} of {len(outcomes)} files stored.")
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def access_of(
    address: str, credentials: Path | None, ca: Path | None, *, allow_http: bool, timeout_s: float
) -> "PacsAccess":
    """Return how a PACS is reached, from the options of a command."""
    from oncotrace.io.pacs.access import PacsAccess
    from oncotrace.io.pacs.patience import Patience

    return PacsAccess(address, credentials, ca, allow_http, Patience(timeout_s))


def filters_of(
    patient: str | None,
    since: datetime | None,
    until: datetime | None,
    modality: str | None,
    description: str | None,
    study: str | None,
    series: str | None,
) -> "Filters":
    """Return what is asked for, from the options of a command."""
    from oncotrace.io.pacs.query import Filters

    first, last = (None if day is None else day.date() for day in (since, until))
    return Filters(patient, first, last, modality, description, study, series)


def place_of(source: str, filters: "Filters", access: "PacsAccess") -> "Path | FromPacs":
    """Return the folder or archive, or what is asked of the PACS."""
    from oncotrace.io.pacs.query import Filters
    from oncotrace.pipeline.pacs_source import FromPacs

    if "://" in source:
        return FromPacs(access, filters)
    if filters != Filters() or access.credentials or access.authority or access.allow_http:
        raise SettingsError(
            "--patient, --study, --since, --until, --credentials, --ca and --allow-http are for a "
            "PACS.",
            hint="Give its address, https://... or dicom://..., or leave them out.",
        )
    return Path(source)


def _json(found: "Found") -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(found).items()
    }


def _show_found(found: "Sequence[Found]") -> None:
    """Print a table of what was found, one column per field."""
    if not found:
        console.print("Nothing matches.")
        return
    rows = [_json(each) for each in found]
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _show_kinds(counts: Counter[str]) -> None:
    from pydicom.uid import UID

    for sop_class, number in counts.most_common():
        console.print(f"{number} x {UID(sop_class).name}", markup=False)


def _finish_retrieval(retrieval: "Retrieval") -> None:
    """Fetch with a bar, name the series that failed, and exit accordingly."""
    from oncotrace.pipeline.pacs import FailedSeries

    waiting = retrieval.instances - retrieval.present
    arrived, failures = 0, []
    with closing(retrieval.outcomes):
        for outcome in tracked(retrieval.outcomes, "retrieving", waiting):
            if isinstance(outcome, FailedSeries):
                failures.append(outcome)
            else:
                arrived += 1
    for failure in failures:
        show_failed_series(failure)
    there = f", {retrieval.present} were there" if retrieval.present else ""
    console.print(f"{arrived} of {waiting} instances retrieved{there}.")
    if failures:
        raise typer.Exit(EXIT_SOME_FAILED)


def show_failed_series(failure: "FailedSeries") -> None:
    """Say which series has not arrived whole, and why."""
    messages.print(
        f"series {failure.series.series_uid} failed ({failure.error.code}), "
        f"{failure.missing} instances are missing: {failure.error}",
        markup=False,
        soft_wrap=True,
    )
