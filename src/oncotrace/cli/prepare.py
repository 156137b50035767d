"""``oncotrace prepare``."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from oncotrace.cli import pacs
from oncotrace.cli.deidentify import passphrase_of
from oncotrace.cli.options import (
    AskPassphrase,
    Jobs,
    PassphraseFile,
    ProfileOptions,
    Pseudonyms,
    Resume,
)
from oncotrace.cli.output import EXIT_SOME_FAILED, console, messages, show_folder
from oncotrace.cli.parse import refuse_together
from oncotrace.domain.scan import modality_named

if TYPE_CHECKING:
    from oncotrace.pipeline.preparation.privacy import Privacy
    from oncotrace.pipeline.prepare import Happening, Planned, Step
    from oncotrace.pipeline.run.case_run import CaseFailure


def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder (with all below it), zip archive, or the address of a PACS.",
            metavar="PATH|PACS_URL",
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the cohort.")],
    query: Annotated[
        Path | None, typer.Option(help="TOML that says what a case needs (as for select).")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="TOML with the rules of the checks (as for check).")
    ] = None,
    dates: Annotated[
        Path | None, typer.Option(help="CSV with patient_id and a column of dates per event.")
    ] = None,
    deidentify: Annotated[
        Path | None,
        typer.Option(
            help="De-identify; all that tells whose the images are goes into this new folder.",
            metavar="PRIVATE",
        ),
    ] = None,
    option: ProfileOptions = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Key of pseudonyms; PRIVATE/key.json if not given.")
    ] = None,
    passphrase: AskPassphrase = False,
    passphrase_file: PassphraseFile = None,
    patients: Pseudonyms = None,
    preset: Annotated[
        str | None, typer.Option(help="Pre-process, too: a preset or TOML, as for preprocess.")
    ] = None,
    preset_for: Annotated[
        list[str] | None, typer.Option(help="Sequence that is pre-processed; repeatable.")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option(help="Parameters of fitted steps; else fitted on this cohort.")
    ] = None,
    patient: pacs.Patient = None,
    study: pacs.Study = None,
    since: pacs.Since = None,
    until: pacs.Until = None,
    credentials: pacs.CredentialsFile = None,
    ca: pacs.Authority = None,
    allow_http: pacs.AllowHttp = False,
    timeout: pacs.Timeout = 60.0,
    resume: Resume = False,
    jobs: Jobs = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which cases there would be; write nothing.")
    ] = False,
) -> None:
    """Make a cohort of a hospital's DICOM: list, check, select, convert, and show it."""
    from oncotrace.curate.check_rules import CheckRules, read_check_rules
    from oncotrace.curate.preprocess_settings import preprocessing
    from oncotrace.curate.select_query import Query, read_query
    from oncotrace.pipeline import prepare as journey

    if preset is None:
        refuse_together("no --preset", {"--preset-for": preset_for, "--parameters": parameters})
    wanted = journey.Wanted(
        query=read_query(query) if query else Query(),
        rules=read_check_rules(rules) if rules else CheckRules(),
        dates=dates,
        privacy=_privacy(
            deidentify, option, key_file, passphrase_of(passphrase, passphrase_file), patients
        ),
        preset=None if preset is None else preprocessing(preset),
        preset_for=tuple(modality_named(name) for name in preset_for or []),
        parameters=parameters,
    )
    place = pacs.place_of(
        source,
        pacs.filters_of(patient, since, until, None, None, study, None),
        pacs.access_of(source, credentials, ca, allow_http=allow_http, timeout_s=timeout),
    )
    if dry_run:
        _show(journey.dry_run(place, wanted))
        return
    is_incomplete = _show(journey.prepare(place, out, wanted, resume=resume, jobs=jobs))
    show_folder(out, "report.html", "cohort.csv", "checks.csv", "failures.csv", "cases")
    if is_incomplete:
        raise typer.Exit(EXIT_SOME_FAILED)


def _privacy(
    folder: Path | None,
    options: list[str] | None,
    key_file: Path | None,
    passphrase: str | None,
    patients: Path | None,
) -> "Privacy | None":
    from oncotrace.curate.deid_options import chosen_confidentiality
    from oncotrace.pipeline.deidentify import KeyChoice
    from oncotrace.pipeline.preparation.privacy import Privacy

    if folder is None:
        of_key = {"--key-file": key_file, "--passphrase": passphrase, "--patients": patients}
        refuse_together("a cohort that is not de-identified", {"--option": options, **of_key})
        return None
    key = KeyChoice(key_file or folder / "key.json", passphrase, patients)
    return Privacy(folder, chosen_confidentiality("basic", options or []), key)


def _show(happenings: "Iterable[Happening]") -> bool:
    """Show a bar for every step and what goes wrong; return whether anything did."""
    from oncotrace.pipeline.pacs import FailedSeries
    from oncotrace.pipeline.prepare import Planned, Step

    done: set[str] = set()
    failed: set[str] = set()
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}
        for happening in happenings:
            if isinstance(happening, Step):
                _advance(bars, tasks, happening)
            elif isinstance(happening, Planned):
                _show_plan(happening)
            elif isinstance(happening, FailedSeries):
                failed.add(happening.series.series_uid)
                pacs.show_failed_series(happening)
            elif happening.failure is None:
                done.add(happening.case_id)
            else:
                failed.add(happening.case_id)
                _show_failure(happening.failure)
    if done or failed:
        console.print(f"{len(done - failed)} cases done, {len(failed)} failed.")
    return bool(failed)


def _show_failure(failure: "CaseFailure") -> None:
    _say(f"case {failure.case_id} failed ({failure.stage}, {failure.code}): {failure.message}")


def _bars() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.fields[of]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=messages)


def _advance(bars: Progress, tasks: dict[str, TaskID], step: "Step") -> None:
    of = "?" if step.total is None else str(step.total)
    if step.name not in tasks:
        for earlier in tasks.values():
            bars.stop_task(earlier)
        tasks[step.name] = bars.add_task(step.name, total=step.total, of=of)
    bars.update(tasks[step.name], completed=step.done, total=step.total, of=of)


def _show_plan(plan: "Planned") -> None:
    _say(f"{plan.cases} of {plan.considered} cases selected.")
    for why, count in plan.excluded.items():
        _say(f"  {count} {why}")


def _say(text: str) -> None:
    messages.print(text, markup=False, soft_wrap=True)
