"""De-identify DICOM: a folder, archive or file in, a new folder without the patients out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, delayed

import oncotrace
from oncotrace.atomic import write_bytes
from oncotrace.curate.deid_key import Key, Secret, new_secret
from oncotrace.curate.deid_key_file import read_key, write_key
from oncotrace.curate.deid_options import EDITION, Confidentiality
from oncotrace.curate.deidentify_file import deidentified, left_out_message, take_apart
from oncotrace.errors import DicomError, SettingsError
from oncotrace.io.dicom_files import StoredFile, is_zip, stored_files
from oncotrace.pipeline.deidentify_plan import (
    Plan,
    PlannedFile,
    Refusal,
    SurveyedFile,
    content_of,
    planned,
    read_patients,
    surveyed,
)
from oncotrace.pipeline.deidentify_report import (
    Outcome,
    append_to_log,
    logged,
    report_of,
    write_report,
)
from oncotrace.pipeline.run.folder import read_json, require_new, write_json

SETTINGS_FILE = "settings.json"
_BATCH = 32

_Task = TypeVar("_Task")
_Done = TypeVar("_Done")


@dataclass(frozen=True)
class KeyChoice:
    """Where the key lies, and how patients are called.

    Parameters
    ----------
    file
        Key file to be read, or made; none for a secret that is forgotten.
    passphrase
        What the key file is under; none when it is plain.
    patients
        Table of pseudonyms; none when the key makes them.
    """

    file: Path | None = None
    passphrase: str | None = None
    patients: Path | None = None


@dataclass(frozen=True)
class _Copying:
    """What the copying of every file depends on; sent to worker processes."""

    source: Path
    out: Path | None
    confidentiality: Confidentiality
    secret: Secret
    keep_burned_in: bool

    def copy(self, batch: tuple[tuple[PlannedFile, "_Place"], ...]) -> Outcome:
        """De-identify some files and write their copies."""
        outcome = Outcome()
        with _opened(self.source, [place for _, place in batch]) as files:
            for (planned_file, _), file in zip(batch, files, strict=True):
                self._copy_one(planned_file, file, outcome)
        return outcome

    def _copy_one(self, planned_file: PlannedFile, file: StoredFile, outcome: Outcome) -> None:
        number = planned_file.number
        outcome.done.append(number)
        try:
            parts = take_apart(content_of(file))
            if parts is None:
                raise DicomError("the file has changed meanwhile.", code="inputs-changed")
            result = deidentified(
                parts,
                confidentiality=self.confidentiality,
                secret=self.secret,
                patient=planned_file.patient,
                keep_burned_in=self.keep_burned_in,
            )
        except DicomError as error:
            outcome.failures.append(Refusal(number, error.code, str(error)))
            return
        if result.content is None:
            outcome.left_out.append(Refusal(number, *left_out_message(result.risks)))
            return
        if self.out is not None:
            # Its own copy may be there: of a run that was stopped before it had recorded it.
            write_bytes(self.out / planned_file.target, result.content, replace=True)
        outcome.written += 1
        series = planned_file.target.rsplit("/", 1)[0]
        outcome.changes += Counter({f"{t} {a}": n for (t, a), n in result.changes.items()})
        outcome.risks += Counter(f"{series} {risk}" for risk in result.risks)


@dataclass(frozen=True, eq=False)
class Deidentification:
    """A de-identification under way.

    Parameters
    ----------
    files
        How many files there are to be copied.
    progress
        Number of files done with every step; the steps are done as they are taken.
    refusals, left_out
        Files that failed, and files of which no copy was wanted, by number.
    """

    files: int
    progress: Iterator[int]
    report: Callable[[], dict[str, object]]
    refusals: Callable[[], list[Refusal]]
    left_out: Callable[[], list[Refusal]]


_Place = StoredFile | int
"""A file on disk, or the number of a file in an archive, which no other process can open."""


def deidentify(
    source: Path,
    out: Path,
    *,
    confidentiality: Confidentiality,
    key: KeyChoice,
    keep_burned_in: bool = False,
    resume: bool = False,
    dry_run: bool = False,
    jobs: int = 1,
) -> Deidentification:
    """De-identify a folder, archive or file into a new folder.

    The input is surveyed at once; the copies are made as the progress is taken. Reports are written
    when it has ended.

    Parameters
    ----------
    keep_burned_in
        Whether images that are likely to show text are copied all the same.
    dry_run
        Whether nothing is written: no copy, no key, no report.

    Raises
    ------
    InputError
        There is nothing at ``source``, or the key file or the table of patients cannot be read.
    SettingsError
        Output or key lie where they must not, or a run is resumed with other settings.
    OutputError
        ``out`` holds something else.
    """
    _require_apart(source, out, key.file)
    _require_key_to_resume(out, key, resume=resume)
    if not resume and not dry_run:
        require_new(out)
    given = None if key.patients is None else read_patients(key.patients)
    survey = _surveyed(source, jobs)
    plan, extended = planned(survey, _key(key), given)
    settings = _settings(confidentiality, keep_burned_in, extended.secret, plan)
    done = Outcome()
    if not dry_run:
        if key.file is not None:  # first: copies without their key could not be told apart again
            write_key(key.file, extended, key.passphrase)
        done = _open(out, settings, resume=resume)
    copying = _Copying(
        source, None if dry_run else out, confidentiality, extended.secret, keep_burned_in
    )
    return Deidentification(
        len(plan.files),
        _copied(copying, plan, done, settings, jobs),
        lambda: report_of(plan, done, settings),
        lambda: sorted([*plan.failures, *done.failures], key=lambda one: one.number),
        lambda: sorted([*plan.left_out, *done.left_out], key=lambda one: one.number),
    )


def _copied(
    copying: _Copying, plan: Plan, done: Outcome, settings: dict[str, object], jobs: int
) -> Iterator[int]:
    finished = set(done.done)
    yield len(finished)
    waiting = [file for file in plan.files if file.number not in finished]
    places = _places(copying.source)
    tasks = [(file, places[file.number - 1]) for file in waiting]
    for outcome in _in_batches(copying.copy, tasks, jobs):
        done.add(outcome)
        if copying.out is not None:
            append_to_log(copying.out, outcome)
        yield len(outcome.done)
    if copying.out is not None:
        write_report(copying.out, plan, done, report_of(plan, done, settings))


def _require_apart(source: Path, out: Path, key_file: Path | None) -> None:
    whole_source, whole_out = source.resolve(), out.resolve()
    if whole_out.is_relative_to(whole_source) or whole_source.is_relative_to(whole_out):
        raise SettingsError(
            "input and output lie within each other.",
            hint="Choose an output folder elsewhere.",
            code="output-inside-input",
        )
    if key_file is not None and any(
        key_file.resolve().is_relative_to(folder) for folder in (whole_out, whole_source)
    ):
        raise SettingsError(
            "the key file lies in the input or in the output, with which it could be passed on.",
            hint="Keep it in a folder of its own.",
            code="key-inside-output",
        )


def _require_key_to_resume(out: Path, key: KeyChoice, *, resume: bool) -> None:
    is_there = key.file is not None and key.file.exists()
    if resume and (out / SETTINGS_FILE).is_file() and not is_there:
        raise SettingsError(
            "a run can be resumed only with the key file that it was begun with.",
            hint="Give --key-file FILE, or start anew with a new output folder.",
            code="no-key-to-resume",
        )


def _key(choice: KeyChoice) -> Key:
    if choice.file is not None and choice.file.exists():
        return read_key(choice.file, choice.passphrase)
    return Key(new_secret())


def _settings(
    confidentiality: Confidentiality, keep_burned_in: bool, secret: Secret, plan: Plan
) -> dict[str, object]:
    return {
        "version": oncotrace.__version__,
        "standard": f"DICOM PS3.15 {EDITION}, Annex E",
        "profile": "basic",
        "options": list(confidentiality.options),
        "keep_burned_in": keep_burned_in,
        "key": secret.fingerprint,
        "inputs": plan.inputs,
    }


def _open(out: Path, settings: dict[str, object], *, resume: bool) -> Outcome:
    """Begin an output folder, or take up an interrupted one; returns what it had done."""
    if not (resume and (out / SETTINGS_FILE).is_file()):
        require_new(out)
        write_json(out / SETTINGS_FILE, {"format": 1, **settings})
        return Outcome()
    earlier = {
        name: value for name, value in read_json(out / SETTINGS_FILE).items() if name != "format"
    }
    changed = sorted(name for name in settings if earlier.get(name) != settings[name])
    if changed:
        raise SettingsError(
            f"{out.name} was begun with other settings or inputs: {', '.join(changed)}.",
            hint="Resume with those in its settings.json, or choose a new --out.",
            code="settings-changed",
        )
    return logged(out)


def _surveyed(source: Path, jobs: int) -> list[SurveyedFile | Refusal]:
    tasks = list(enumerate(_places(source), 1))
    batches = _in_batches(lambda batch: _survey(source, batch), tasks, jobs)
    return sorted((one for batch in batches for one in batch), key=lambda one: one.number)


def _survey(source: Path, batch: tuple[tuple[int, _Place], ...]) -> list[SurveyedFile | Refusal]:
    with _opened(source, [place for _, place in batch]) as files:
        return [surveyed(file, number) for (number, _), file in zip(batch, files, strict=True)]


def _places(source: Path) -> list[_Place]:
    with stored_files(source) as files:
        return list(range(len(files))) if _is_archive(source) else list(files)


def _is_archive(source: Path) -> bool:
    return source.is_file() and is_zip(source)


@contextmanager
def _opened(source: Path, places: Iterable[_Place]) -> Iterator[list[StoredFile]]:
    if not _is_archive(source):
        yield [place for place in places if isinstance(place, StoredFile)]
        return
    with stored_files(source) as files:
        yield [files[place] for place in places if isinstance(place, int)]


def _in_batches(
    work: Callable[[tuple[_Task, ...]], _Done], tasks: list[_Task], jobs: int
) -> Iterator[_Done]:
    """Work on batches, in this process or in several; what is done first comes first."""
    batches = [tuple(tasks[start : start + _BATCH]) for start in range(0, len(tasks), _BATCH)]
    if jobs == 1:
        yield from map(work, batches)
        return
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    yield from parallel(delayed(work)(batch) for batch in batches)
