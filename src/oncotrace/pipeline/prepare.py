"""The preparing journey: a hospital's DICOM in, a cohort that one can trust out.

Inventory, checks, selection, conversion and, if asked for, de-identification and pre-processing,
each as its own command does it. What was done is not done again when it is interrupted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from oncotrace.curate.check_names import require_checks, require_known
from oncotrace.curate.check_rules import CheckRules
from oncotrace.curate.flag import Flag
from oncotrace.curate.inventory_table import read_inventory
from oncotrace.curate.preprocess_settings import Preprocessing
from oncotrace.curate.select_query import Query
from oncotrace.curate.selection import Selection, select
from oncotrace.curate.series import Series
from oncotrace.curate.series_checks import check_name
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.pipeline.check import Flags, header_flags
from oncotrace.pipeline.header_reading import Progress
from oncotrace.pipeline.inventory import InventorySummary, make_inventory
from oncotrace.pipeline.made_cohort import listed_as_cohort
from oncotrace.pipeline.pacs import FailedSeries
from oncotrace.pipeline.pacs_source import FromPacs, fetch
from oncotrace.pipeline.preparation.case import PrepareTask
from oncotrace.pipeline.preparation.conclusion import conclude
from oncotrace.pipeline.preparation.decisions import decided_table, write_decisions
from oncotrace.pipeline.preparation.privacy import Privacy, make_private_folder
from oncotrace.pipeline.preprocess_cohort import preprocess_cohort
from oncotrace.pipeline.preprocess_parameters import FittedByModality, fit_cohort, read_parameters
from oncotrace.pipeline.run.case_run import CaseOutcome
from oncotrace.pipeline.run.cohort_run import (
    RUN_FILE,
    begin_run,
    require_same_settings,
    run_cohort,
)
from oncotrace.pipeline.run.digests import file_digest, json_digest
from oncotrace.pipeline.select import excluded, read_dates

WORK = "source"
FETCHED = "dicom"
PREPROCESSED = "preprocessed"
ARRIVED = "arrived"
"""Check that fails where a PACS has not sent all images of a series."""
IDENTICAL_PIXELS = "identical-pixels"
_INVENTORY = "inventory.csv"
_PARAMETERS = "parameters.json"


@dataclass(frozen=True)
class Wanted:
    """What a cohort is to be.

    Parameters
    ----------
    dates
        Table of events that the query names.
    privacy
        How it is de-identified; none if it is not.
    preset
        Steps that the images go through besides; none if they stay as they are.
    preset_for
        Sequences that these are for; all if empty.
    parameters
        What fitted steps are to use; without it they are fitted on this cohort.
    """

    query: Query = field(default_factory=Query)
    rules: CheckRules = field(default_factory=CheckRules)
    dates: Path | None = None
    privacy: Privacy | None = None
    preset: Preprocessing | None = None
    preset_for: tuple[Modality, ...] = ()
    parameters: Path | None = None


@dataclass(frozen=True)
class Step:
    """How far one of the steps is; the total may not be known."""

    name: str
    done: int
    total: int | None = None


@dataclass(frozen=True)
class Planned:
    """What will be prepared: cases, of how many, and why others are left out."""

    cases: int
    considered: int
    excluded: Mapping[str, int]


Happening = Step | FailedSeries | Planned | CaseOutcome


def prepare(
    source: Path | FromPacs, out: Path, wanted: Wanted, *, resume: bool = False, jobs: int = 1
) -> Iterator[Happening]:
    """Prepare a cohort; everything is done as its happenings are taken.

    Parameters
    ----------
    source
        Folder tree, zip archive, or what a PACS has.
    out
        New folder, or with ``resume`` one that was begun.

    Raises
    ------
    InputError
        There is nothing at ``source``, or no case has what the query asks for.
    SettingsError
        Settings contradict each other, or are not those that the folder was begun with.
    OutputError
        ``out`` holds something else, or cannot be written.
    """
    _require_tellable(wanted)
    work = _work_folder(source, out, wanted)
    table = decided_table(work)
    described = _described(source, wanted)
    settings = {"journey": PrepareTask.journey, "cohort": str(table.resolve()), **described}
    _begin(out, work, settings, wanted.privacy, resume=resume)
    root = source.resolve() if isinstance(source, Path) else work / FETCHED
    if not table.exists():
        yield from _decide(source, root, out, work, wanted, jobs)
    cohort = read_cohort(table)
    task = PrepareTask(root, wanted.rules, wanted.query.must_pass, wanted.privacy, described)
    run = run_cohort(task, table, cohort, out, seed=0, resume=True, jobs=jobs)
    yield from _counted(listed_as_cohort(run.outcomes, cohort, out), "preparing cases", run.cases)
    conclude(out, cohort, wanted.rules.skip)
    if wanted.preset is not None:
        yield from _preprocess(out, wanted.preset, wanted, jobs)


def dry_run(source: Path | FromPacs, wanted: Wanted) -> Iterator[Step | Planned]:
    """Say what `prepare` would do with a folder or archive; nothing of it is kept.

    Raises
    ------
    InputError
        There is nothing at ``source``.
    SettingsError
        Settings contradict each other, or the source is a PACS.
    """
    _require_tellable(wanted)
    if isinstance(source, FromPacs):
        raise SettingsError(
            "a dry run reads headers, which a PACS must send first.",
            hint="Look what it has with: oncotrace pacs retrieve --dry-run.",
        )
    with TemporaryDirectory(prefix="oncotrace-") as name:
        table = Path(name) / _INVENTORY
        yield from _listed(source.resolve(), table, 1)
        selection, _ = _selected(read_inventory(table), wanted, {})
        yield _planned(selection)


def recorded_preparation(settings: Mapping[str, object]) -> PrepareTask:
    """Task of a preparation that ``run.json`` records.

    Raises
    ------
    InputError
        The cohort is de-identified: its record does not say what it was made from.
    """
    source = settings.get("source")
    if not isinstance(source, dict):
        raise InputError(
            "the record of a de-identified cohort does not say what it was made from.",
            hint="Prepare it again with the same key file, and compare the two.",
            code="not-recorded",
        )
    work = Path(str(settings.get("cohort"))).parents[1]
    root = Path(str(source["path"])) if "path" in source else work / FETCHED
    rules = CheckRules.model_validate(settings.get("rules"))
    query = Query.model_validate(settings.get("query"))
    described = {k: v for k, v in settings.items() if k not in ("journey", "cohort")}
    return PrepareTask(root, rules, query.must_pass, None, described)


def _work_folder(source: Path | FromPacs, out: Path, wanted: Wanted) -> Path:
    """Folder for what tells whose the images are; it must not be a part of what is passed on."""
    if isinstance(source, Path) and not source.exists():
        raise InputError(f"there is no file or folder {source.name}.", code="missing-file")
    work = out / WORK if wanted.privacy is None else wanted.privacy.folder
    places = {"the cohort": out.resolve(), "the working folder": work.resolve()}
    if isinstance(source, Path):
        for what, place in places.items():
            if place.is_relative_to(source.resolve()):
                raise SettingsError(
                    f"{what} would lie in what it is made of.",
                    hint="Choose a folder elsewhere.",
                    code="output-inside-input",
                )
    if wanted.privacy is not None and work.resolve().is_relative_to(out.resolve()):
        raise SettingsError(
            "the private folder lies in the cohort, with which it could be passed on.",
            hint="Choose a folder elsewhere.",
            code="private-inside-output",
        )
    return work


def _require_tellable(wanted: Wanted) -> None:
    """Refuse to ask for what is no check, or of a case what only all cases together can tell."""
    require_known(wanted.rules)
    users = [check_name(rule) for rule in wanted.rules.users]
    require_checks(wanted.query.must_pass, users, to="asked for")
    if IDENTICAL_PIXELS in wanted.query.must_pass:
        raise SettingsError(
            f"whether images pass {IDENTICAL_PIXELS} is known when all have been read.",
            hint="Take it out of must_pass and look at checks.csv, or use `check --images` and "
            "`select --checks`.",
        )


def _described(source: Path | FromPacs, wanted: Wanted) -> dict[str, object]:
    """Return the settings as plain JSON values; if de-identified, none that tells whose it is."""
    privacy = wanted.privacy
    asked: dict[str, object] = (
        {"path": str(source.resolve())} if isinstance(source, Path) else source.described()
    )
    return {
        "source": asked if privacy is None else json_digest(asked),
        "query": wanted.query.model_dump(mode="json"),
        "rules": wanted.rules.model_dump(mode="json"),
        "dates": None if wanted.dates is None else file_digest(wanted.dates),
        "deidentify": None if privacy is None else list(privacy.confidentiality.options),
        "preset": None if wanted.preset is None else wanted.preset.model_dump(mode="json"),
        "preset_for": list(wanted.preset_for),
        "parameters": None if wanted.parameters is None else file_digest(wanted.parameters),
    }


def _begin(
    out: Path,
    work: Path,
    settings: Mapping[str, object],
    privacy: Privacy | None,
    *,
    resume: bool,
) -> None:
    if resume and (out / RUN_FILE).is_file():
        require_same_settings(out, settings)
        return
    if privacy is None:
        begin_run(out, settings, seed=0)
        return
    if work.exists() and any(path != privacy.key.file for path in work.iterdir()):
        raise SettingsError(
            f"the private folder {work.name} holds something already.",
            hint="Choose a new one for every cohort; a key file may lie in it.",
            code="output-exists",
        )
    begin_run(out, settings, seed=0, command=("oncotrace", "prepare"))
    make_private_folder(work)


def _decide(
    source: Path | FromPacs, root: Path, out: Path, work: Path, wanted: Wanted, jobs: int
) -> Iterator[Step | FailedSeries | Planned]:
    """Fetch, list, check and select; the decisions appear whole or not at all."""
    missing: dict[str, int] = {}
    if isinstance(source, FromPacs):
        for happening in fetch(source, work / FETCHED):
            if isinstance(happening, FailedSeries):
                missing[happening.series.series_uid] = happening.missing
                yield happening
            else:
                yield Step("retrieving", *happening)
    table = work / _INVENTORY
    yield from _listed(root, table, jobs)
    series = read_inventory(table)
    selection, flags = _selected(series, wanted, missing)
    if not selection.cases:
        reasons = "; ".join(f"{count} {why}" for why, count in excluded(selection).items())
        raise InputError(
            f"none of the {selection.considered} cases has what the query asks for: "
            f"{reasons or 'there is no image'}.",
            hint="Look at the inventory with `oncotrace select`, and change the query.",
            code="no-cases",
        )
    steps = write_decisions(
        selection, series, flags, table=table, work=work, out=out, privacy=wanted.privacy
    )
    for done in steps:
        yield Step("planning", done, len(selection.cases))
    yield _planned(selection)


def _listed(root: Path, table: Path, jobs: int) -> Iterator[Step]:
    names = {
        "looking": "looking for files",
        "reading": "reading headers",
        "describing": "describing series",
    }
    for found in make_inventory(root, table, update=True, jobs=jobs):
        if isinstance(found, Progress):
            yield Step(names[found.step], found.done, found.total)
        elif isinstance(found, InventorySummary) and not found.series:
            raise InputError(
                f"there is no DICOM in {root.name} ({found.files} files).",
                hint="Give the folder, archive or PACS that holds the series.",
                code="not-dicom",
            )


def _selected(
    series: Sequence[Series], wanted: Wanted, missing: Mapping[str, int]
) -> tuple[Selection, Flags]:
    """Select from what is there; series of which images are missing are none to be had."""
    flags = header_flags(series, wanted.rules)
    for uid, images in missing.items():
        said = f"{images} images are missing"
        flags[uid].append(Flag(ARRIVED, False, said, "all that the PACS lists"))
    must_pass = (*wanted.query.must_pass, ARRIVED)
    query = wanted.query.model_copy(update={"must_pass": must_pass})
    dates = None if wanted.dates is None else read_dates(wanted.dates)
    return select(series, query, flags=flags, dates=dates), flags


def _counted(
    outcomes: Iterator[CaseOutcome], name: str, total: int
) -> Iterator[Step | CaseOutcome]:
    yield Step(name, 0, total)
    for done, outcome in enumerate(outcomes, start=1):
        yield outcome
        yield Step(name, done, total)


def _preprocess(
    out: Path, preset: Preprocessing, wanted: Wanted, jobs: int
) -> Iterator[Step | CaseOutcome]:
    """Take the cohort's images through a preset, into a cohort of its own."""
    table = out / "cohort.csv"
    fitted: FittedByModality = {}
    if preset.fitted:
        parameters = wanted.parameters or out / _PARAMETERS
        if not parameters.exists():
            fitting = fit_cohort(
                table, preset, parameters, modalities=wanted.preset_for, split=None, jobs=jobs
            )
            for done, _ in enumerate(fitting.done, start=1):
                yield Step("fitting", done, fitting.images)
        fitted = read_parameters(parameters, preset)
    run = preprocess_cohort(
        table,
        preset,
        out / PREPROCESSED,
        fitted=fitted,
        modalities=wanted.preset_for,
        resume=True,
        jobs=jobs,
    )
    yield from _counted(run.outcomes, "pre-processing", run.cases)


def _planned(selection: Selection) -> Planned:
    return Planned(len(selection.cases), selection.considered, excluded(selection))
