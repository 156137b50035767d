"""The folder of a graded workflow: what lies where in it, and how it is begun and opened again.

``run.json``
    settings, cases and digests, as in every run folder
``events.jsonl``
    what has happened to whom; the state of every case follows from it and from nothing else
``clicks/<case_id>.json``, ``edits/<case_id>.nii.gz``
    what readers put there; only ever read
``steps/<case_id>/<step>/``
    mask, picture and result of every step, each a folder of its own that can be refined, verified
    and exported; none is written over, a step that is done again is called ``<step>-2``
``cases/<case_id>/``
    the accepted mask, once there is one
``withdrawn/<case_id>/``
    a mask that was accepted until a reader took the grade back
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.atomic import refused_writes
from oncotrace.domain.case import Cohort
from oncotrace.errors import InputError, SettingsError
from oncotrace.pipeline.event_log import append_events, read_events
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.folder import read_json, remove_partial, whole_folder, write_json
from oncotrace.pipeline.run.provenance import as_json, now, provenance
from oncotrace.review.events import Event
from oncotrace.review.routing import CaseState, after, replayed
from oncotrace.review.second_reading import second_reader_sample

JOURNEY = "workflow"
EVENTS_FILE = "events.jsonl"
RUN_LOCK = ".run.lock"


@dataclass(frozen=True)
class WorkflowFolder:
    """The folder of a workflow, its cases in the order of their table, and who is read twice."""

    folder: Path
    case_ids: tuple[str, ...]
    sample: frozenset[str]

    def clicks_file(self, case_id: str) -> Path:
        """Where a reader's six clicks are looked for."""
        return self.folder / "clicks" / f"{case_id}.json"

    def edit_file(self, case_id: str) -> Path:
        """Where a reader's edited mask is looked for."""
        return self.folder / "edits" / f"{case_id}.nii.gz"

    def steps_folder(self, case_id: str) -> Path:
        """Folder that holds the folders of a case's steps."""
        return self.folder / "steps" / case_id

    def final_folder(self, case_id: str) -> Path:
        """Folder of a case's accepted mask."""
        return self.folder / "cases" / case_id

    def withdrawn_folder(self, case_id: str) -> Path:
        """Folder for what was the accepted mask of a case and is not any more."""
        return self.folder / "withdrawn" / case_id

    def states(self) -> dict[str, CaseState]:
        """State of every case, by id.

        Raises
        ------
        InputError
            The log of events is damaged.
        """
        return self._states(read_events(self.folder / EVENTS_FILE).events)

    def torn_lines(self) -> int:
        """Count the events that a crash left unfinished; nobody was told that they count."""
        return read_events(self.folder / EVENTS_FILE).torn_lines

    def remove_unfinished(self) -> None:
        """Remove what a call that was killed left half written; only while no other is at work."""
        for place in (self.folder / "cases", *(self.folder / "steps").glob("*/")):
            remove_partial(place)

    def record(self, event: Event) -> CaseState:
        """Write down what happened to a case, for good, and return the case's state then.

        Raises
        ------
        InputError
            It cannot happen now, there is no such case, or the log is damaged.
        OutputError
            It cannot be written.
        """

        def checked(events: Sequence[Event]) -> tuple[Event]:
            case = case_of(self._states(events), event.case_id)
            after(case, event)
            return (event,)

        return self._states(append_events(self.folder / EVENTS_FILE, checked))[event.case_id]

    def _states(self, events: Sequence[Event]) -> dict[str, CaseState]:
        cases = [CaseState(case_id, case_id in self.sample) for case_id in self.case_ids]
        return replayed(cases, events)


def case_of(states: Mapping[str, CaseState], case_id: str) -> CaseState:
    """State of one case.

    Raises
    ------
    InputError
        There is no such case.
    """
    if case_id not in states:
        raise InputError(
            f"there is no case {case_id[:100]!r} in this run.",
            hint="`oncotrace worklist RUN` shows the cases that wait; upper and lower case count.",
            code="unknown-case",
        )
    return states[case_id]


def open_workflow(folder: Path) -> WorkflowFolder:
    """Open the folder of a workflow that was begun.

    Raises
    ------
    InputError
        It is no such folder, or its record is damaged.
    """
    record = read_json(folder / RUN_FILE)
    settings, ids = record.get("settings"), record.get("case_ids")
    if not isinstance(settings, dict) or settings.get("journey") != JOURNEY:
        raise InputError(
            f"{folder.name} is not the folder of a workflow.",
            hint="Give what `oncotrace workflow COHORT.csv --out RUN` has written.",
            code="not-a-run",
        )
    share, seed = settings.get("second_reader_share"), record.get("seed")
    if not isinstance(ids, list) or not isinstance(share, float) or not isinstance(seed, int):
        raise InputError("run.json lacks its cases or its settings.", code="damaged-run")
    return _folder(folder, [str(case_id) for case_id in ids], share, seed)


def begin_workflow(
    folder: Path,
    cohort: Cohort,
    settings: Mapping[str, object],
    *,
    share: float,
    seed: int,
    input_digests: Mapping[str, str],
    resume: bool,
) -> WorkflowFolder:
    """Begin the folder of a workflow, or open it again if ``resume`` and it was begun.

    Raises
    ------
    OutputError
        ``folder`` holds something else, or cannot be written.
    SettingsError
        It was begun with other settings, or with other cases.
    """
    complete = {"journey": JOURNEY, **settings, "second_reader_share": float(share)}
    ids = [case.case_id for case in cohort.cases]
    opened = _folder(folder, ids, share, seed)
    record = provenance(complete, seed=seed, input_digests=input_digests, start=now())
    if not (resume and (folder / RUN_FILE).is_file()):
        with whole_folder(folder) as temporary:
            _make_folders(temporary)
            write_json(temporary / RUN_FILE, {**as_json(record), "case_ids": ids, "resumed": []})
        return opened
    earlier = read_json(folder / RUN_FILE)
    _require_same(folder, earlier, complete, ids, seed)
    _make_folders(folder)
    resumed = earlier.get("resumed")
    times = [*(resumed if isinstance(resumed, list) else []), now()]
    taken_up = {"input_digests": record.input_digests, "resumed": times, "end": None}
    write_json(folder / RUN_FILE, {**earlier, **taken_up}, replace=True)
    return opened


def _folder(folder: Path, ids: Sequence[str], share: float, seed: int) -> WorkflowFolder:
    return WorkflowFolder(folder, tuple(ids), second_reader_sample(ids, share, seed=seed))


def _make_folders(folder: Path) -> None:
    with refused_writes(folder.name):
        for name in ("cases", "steps", "clicks", "edits"):
            (folder / name).mkdir(parents=True, exist_ok=True)


def _require_same(
    folder: Path,
    earlier: Mapping[str, object],
    settings: Mapping[str, object],
    ids: Sequence[str],
    seed: int,
) -> None:
    found = earlier.get("settings")
    before = {**(found if isinstance(found, dict) else {}), "seed": earlier.get("seed")}
    current = {**settings, "seed": seed}
    changed = sorted(n for n in {*before, *current} if before.get(n) != current.get(n))
    if changed:
        listed = ", ".join(f"{n} was {before.get(n)!r}, now {current.get(n)!r}" for n in changed)
        raise SettingsError(
            f"{folder.name} was begun with other settings: {listed}.",
            hint="Resume with the settings in its run.json, or choose a new --out.",
            code="settings-changed",
        )
    if earlier.get("case_ids") != list(ids):
        raise SettingsError(
            f"{folder.name} was begun with other cases than the table has now, or in another "
            "order.",
            hint="Put the table back; new cases need a run of their own, because the sample for "
            "the second reader is drawn from all.",
            code="cohort-changed",
        )
