"""``oncotrace deidentify``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.options import (
    AskPassphrase,
    PassphraseFile,
    ProfileOptions,
    Pseudonyms,
    Resume,
)
from oncotrace.cli.output import EXIT_SOME_FAILED, console, messages, show_folder, tracked
from oncotrace.errors import InputError, SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.deidentify import Deidentification


def deidentify(
    source: Annotated[
        Path, typer.Argument(help="DICOM: a folder, a zip archive or a file.", metavar="IN")
    ],
    out: Annotated[Path, typer.Argument(help="New folder for the copies.", metavar="OUT")],
    profile: Annotated[str, typer.Option(help="Profile of DICOM PS3.15: basic.")] = "basic",
    option: ProfileOptions = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Key of pseudonyms: read, or made; apart from OUT.")
    ] = None,
    no_key: Annotated[
        bool, typer.Option("--no-key", help="Keep no key: nobody can find the patients again.")
    ] = False,
    passphrase: AskPassphrase = False,
    passphrase_file: PassphraseFile = None,
    patients: Pseudonyms = None,
    keep_burned_in: Annotated[
        bool, typer.Option("--keep-burned-in", help="Copy images that may show text, too.")
    ] = False,
    resume: Resume = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes that work at a time.", min=1)] = 1,
) -> None:
    """Copy DICOM without what tells whose it is (PS3.15 Basic Profile); links survive."""
    from oncotrace.curate.deid_options import chosen_confidentiality
    from oncotrace.pipeline import deidentify as pipeline

    _require_one_key(key_file, no_key, passphrase or passphrase_file is not None)
    run = pipeline.deidentify(
        source,
        out,
        confidentiality=chosen_confidentiality(profile, option or []),
        key=pipeline.KeyChoice(key_file, passphrase_of(passphrase, passphrase_file), patients),
        keep_burned_in=keep_burned_in,
        resume=resume,
        dry_run=dry_run,
        jobs=jobs,
    )
    _show_progress(run)
    report = run.report()
    _show(report, dry_run=dry_run)
    for refusal in run.refusals():
        messages.print(
            f"file-{refusal.number:06d} failed ({refusal.code}): {refusal.message}", markup=False
        )
    if key_file is None and not dry_run:
        messages.print("note: no key was kept; nobody can find the patients again.")
    if not dry_run:
        show_folder(out, "report.json", "report.csv", "left_out.csv", "failures.csv")
    if run.refusals():
        raise typer.Exit(EXIT_SOME_FAILED)


def _require_one_key(key_file: Path | None, no_key: bool, has_passphrase: bool) -> None:
    if no_key and key_file is not None:
        raise SettingsError("--key-file and --no-key exclude each other.")
    if has_passphrase and key_file is None:
        raise SettingsError("a passphrase is for a key file: give --key-file FILE, too.")


def passphrase_of(ask: bool, file: Path | None) -> str | None:
    """Return the passphrase of a key file, from its own file or asked for; none if it has none."""
    if file is not None:
        from oncotrace.io.text_file import read_text

        text = read_text(file, limit_mib=1, error=InputError).strip("\r\n")
    elif ask:
        text = str(typer.prompt("Passphrase of the key file", hide_input=True))
    else:
        return None
    if not text:
        raise SettingsError("the passphrase is empty.", code="wrong-passphrase")
    return text


def _show_progress(run: "Deidentification") -> None:
    steps = (step for count in run.progress for step in range(count))
    for _ in tracked(steps, "de-identifying", run.files):
        pass


def _show(report: Mapping[str, object], *, dry_run: bool) -> None:
    files = report["files"]
    if not isinstance(files, dict):
        return
    verb = "would be written" if dry_run else "written"
    console.print(
        f"{files['written']} of {files['read']} files {verb}: {report['patients']} patients, "
        f"{report['studies']} studies, {report['series']} series."
    )
    for reason, what in (("left_out", "left out"), ("failed", "failed")):
        for code, count in files[reason].items():
            console.print(f"{count} {what}: {code}")
    warnings = report["warnings"]
    for warning in warnings if isinstance(warnings, list) else []:
        messages.print(
            f"note: {warning['series']}, {warning['files']} files ({warning['code']}): "
            f"{warning['message']}",
            markup=False,
            soft_wrap=True,
        )
