"""What the machine does for the cases of a workflow: segments, and takes in what readers made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from joblib import Parallel, delayed

from oncotrace.domain.case import Case
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError
from oncotrace.pipeline.import_case import ImportTask
from oncotrace.pipeline.run.case_run import RESULT_FILE, CaseFailure, CaseOutcome, run_case
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.digests import file_digest, json_digest, source_digest
from oncotrace.pipeline.run.folder import read_json, write_json
from oncotrace.pipeline.run.provenance import as_json, now, provenance
from oncotrace.pipeline.run.replacement import is_half_replaced
from oncotrace.pipeline.run.task import input_digest
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.pipeline.segmented_case import MASK_FILE
from oncotrace.pipeline.workflow_folder import WorkflowFolder
from oncotrace.review.events import Failed, Segmented, Step
from oncotrace.review.routing import CaseState, possible_steps

Machine = Literal["automatic", "six-click"]


@dataclass(frozen=True)
class StepOutcome:
    """What came of one step of one case: an event to be recorded, or only a failure to be told.

    A reader's file that cannot be used is told, not recorded: the case waits for it as before.
    """

    case_id: str
    step: Step
    event: Segmented | Failed | None
    failure: CaseFailure | None = None


@dataclass(frozen=True)
class _SingleCase:
    """A task whose case folder also holds the record of its run, as that of a single case does."""

    task: SegmentTask | ImportTask
    image: Path
    seed: int

    @property
    def journey(self) -> str:
        return self.task.journey

    def settings(self) -> dict[str, object]:
        return self.task.settings()

    def input_digests(self, case: Case) -> dict[str, str]:
        return self.task.input_digests(case)

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        start = now()
        result = self.task.run(case, folder, clock)
        settings = {"journey": self.journey, "image": str(self.image.resolve()), **self.settings()}
        record = provenance(
            settings, seed=self.seed, input_digests=self.input_digests(case), start=start
        )
        write_json(folder / RUN_FILE, {**as_json(record), "end": now(), "resumed": []})
        return result


@dataclass(frozen=True)
class StepWork:
    """One step of one case, to be done; sent to worker processes."""

    case: Case
    step: Step
    task: _SingleCase
    inputs_digest: str
    steps_folder: Path


@dataclass(frozen=True)
class Models:
    """The two ways in which the machine segments, with the seed of what they draw."""

    automatic: SegmentTask
    interactive: SegmentTask
    seed: int

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        return {
            "modality": self.interactive.modality,
            "automatic": self.automatic.settings(),
            "interactive": self.interactive.settings(),
        }


def machine_works(
    step: Machine, run: WorkflowFolder, cases: Iterable[tuple[Case, CaseState]], models: Models
) -> list[StepWork]:
    """Cases that are to be segmented now: automatically, or from the six clicks that they have.

    What failed is tried again only if its image or its clicks are others now.
    """
    found = []
    for case, state in cases:
        if step not in possible_steps(state):
            continue
        given = case if step == "automatic" else _with_clicks(case, run)
        if step == "six-click" and given.clicks is None:
            continue
        work = _machine_work(step, given, run, models)
        failure = state.failure
        is_known = failure is not None and failure.step == step
        if not (is_known and failure and failure.inputs_digest == work.inputs_digest):
            found.append(work)
    return found


def edit_works(
    run: WorkflowFolder, cases: Iterable[tuple[Case, CaseState]], models: Models
) -> list[StepWork]:
    """Edited masks that are to be taken in now; each content is taken in once."""
    modality, found = models.interactive.modality, []
    for case, state in cases:
        file = run.edit_file(case.case_id)
        if "editing" not in possible_steps(state) or not file.is_file():
            continue
        digest = _tried({"mask": file})
        taken_in = {_digest_of_edit(e) for e in state.events if isinstance(e, Segmented)}
        if digest not in taken_in:
            task = _SingleCase(ImportTask(file, modality), _image(case, modality), models.seed)
            found.append(StepWork(case, "editing", task, digest, run.steps_folder(case.case_id)))
    return found


def done_works(works: list[StepWork], jobs: int) -> Iterator[StepOutcome]:
    """Do the works, each as its outcome is taken; in worker processes if ``jobs`` is above 1.

    Raises
    ------
    OutputError
        Results cannot be written.
    """
    if jobs == 1:
        yield from map(_done, works)
        return
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    outcomes: Iterable[StepOutcome] = parallel(delayed(_done)(work) for work in works)
    yield from outcomes


def corrected_masks(run: WorkflowFolder, states: Iterable[CaseState]) -> Iterator[StepOutcome]:
    """Masks that readers have corrected by ``oncotrace refine`` where they lie.

    A mask that was changed in another way is told as a failure: its measurements are not its own.
    """
    for state in states:
        mask = state.mask
        if mask is None or "correction" not in possible_steps(state):
            continue
        folder = run.steps_folder(state.case_id) / mask.folder
        if is_half_replaced(folder):
            yield _not_corrected(
                state,
                "correction-interrupted",
                "call `oncotrace refine` again: it was interrupted.",
            )
        elif _digest(folder / MASK_FILE) != mask.mask_digest:
            event = _segmented(state.case_id, "correction", folder, read_json(folder / RESULT_FILE))
            if event.inputs != mask.inputs:
                yield StepOutcome(state.case_id, "correction", event)
            else:
                yield _not_corrected(
                    state,
                    "mask-changed",
                    "the mask was changed, but not by `oncotrace refine`; put what was drawn into "
                    "edits/ of the run, and the old mask back.",
                )


def _not_corrected(state: CaseState, code: str, text: str) -> StepOutcome:
    failure = CaseFailure(state.case_id, "correction", code, text)
    return StepOutcome(state.case_id, "correction", None, failure)


def images_now(step: Step, case: Case, models: Models) -> dict[str, str]:
    """Return digests of the images that a step looks at, by role, as they are now."""
    if step != "automatic":
        return {"image": _digest(_image(case, models.interactive.modality))}
    first, *others = _sequences_of(models.automatic, case)
    named = {"image": first, **{f"image_{name}": name for name in others}}
    return {role: _digest(_image(case, name)) for role, name in named.items()}


def _machine_work(step: Machine, case: Case, run: WorkflowFolder, models: Models) -> StepWork:
    task = models.automatic if step == "automatic" else models.interactive
    first, *others = _sequences_of(task, case)
    alone = replace(
        task,
        modality=first,
        channels=tuple(others),
        channel_files=tuple(case.images[name] for name in others),
    )
    files = {f"image_{name}": _image(case, name) for name in (first, *others)}
    if step == "six-click" and case.clicks is not None:
        files["clicks"] = case.clicks
    single = _SingleCase(alone, _image(case, first), models.seed)
    return StepWork(case, step, single, _tried(files), run.steps_folder(case.case_id))


def _sequences_of(task: SegmentTask, case: Case) -> tuple[Modality, ...]:
    """Sequences of the model that the case has; the first is named too if it has none."""
    there = tuple(name for name in (task.modality, *task.channels) if name in case.images)
    return there or (task.modality,)


def _image(case: Case, modality: Modality) -> Path:
    return case.images.get(modality, Path())


def _with_clicks(case: Case, run: WorkflowFolder) -> Case:
    """Case with the clicks that a reader put into the run, or else those of its table."""
    given = run.clicks_file(case.case_id)
    return replace(case, clicks=given) if given.is_file() else case


def _done(work: StepWork) -> StepOutcome:
    case_id = work.case.case_id
    folder = _place(work)
    if (folder / RESULT_FILE).is_file():  # done already, but the process ended before it said so
        outcome = CaseOutcome(case_id, read_json(folder / RESULT_FILE))
    else:
        outcome = run_case(work.task, work.case, folder)
    if outcome.failure is not None:
        failed = _failed(work, outcome.failure)
        return StepOutcome(case_id, work.step, failed, outcome.failure)
    return StepOutcome(
        case_id, work.step, _segmented(case_id, work.step, folder, outcome.result or {})
    )


def _place(work: StepWork) -> Path:
    """Folder for the step's files: a new one, or the one in which just this was done before."""
    try:
        asked = input_digest(work.task, work.task.input_digests(work.case))
    except InputError:
        asked = ""
    number, folder = 1, work.steps_folder / work.step
    while folder.exists() and _asked_in(folder) != asked:
        number += 1
        folder = work.steps_folder / f"{work.step}-{number}"
    return folder


def _asked_in(folder: Path) -> object:
    """Digest of what a step's folder was made for; none if somebody took its result away."""
    file = folder / RESULT_FILE
    return read_json(file).get("input_digest") if file.is_file() else None


def _failed(work: StepWork, failure: CaseFailure) -> Failed | None:
    if work.step not in ("automatic", "six-click"):
        return None
    return Failed(
        case_id=failure.case_id,
        step="automatic" if work.step == "automatic" else "six-click",
        stage=failure.stage,
        code=failure.code,
        message=failure.message,
        inputs_digest=work.inputs_digest,
        at=now(),
    )


def _segmented(case_id: str, step: Step, folder: Path, result: Mapping[str, object]) -> Segmented:
    inputs, predicted = result.get("inputs"), result.get("predicted_dice")
    return Segmented(
        case_id=case_id,
        step=step,
        folder=folder.name,
        mask_digest=file_digest(folder / MASK_FILE),
        at=now(),
        inputs={k: str(v) for k, v in inputs.items()} if isinstance(inputs, dict) else {},
        predicted_dice=predicted if isinstance(predicted, float) else None,
    )


def _digest_of_edit(event: Segmented) -> str:
    return json_digest({"mask": event.inputs.get("mask", "")})


def _tried(files: Mapping[str, Path]) -> str:
    """One digest of what is tried, also of files that cannot be read."""
    return json_digest({role: _digest(file) for role, file in files.items()})


def _digest(file: Path) -> str:
    try:
        return source_digest(file)
    except InputError:
        return "unreadable"
