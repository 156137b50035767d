"""The graded workflow: segments what can be segmented, and says what waits for whom.

Every call takes the workflow as far as it goes without people: it segments automatically, then from
the six clicks of cases that are due for them, takes in what readers have corrected and edited, and
writes what is to be looked at next. Grades come by `grade_case`, at any time.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.cohort_table import read_cohort
from oncotrace.pipeline.model_choice import chosen_model, first_sequence, other_sequences
from oncotrace.pipeline.run.case_run import CaseFailure
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.digests import file_digest
from oncotrace.pipeline.run.folder import read_json, write_json
from oncotrace.pipeline.run.lock import alone
from oncotrace.pipeline.run.provenance import now
from oncotrace.pipeline.segment_task import SegmentTask
from oncotrace.pipeline.workflow_folder import RUN_LOCK, WorkflowFolder, begin_workflow
from oncotrace.pipeline.workflow_results import WorkflowSummary, write_workflow_results
from oncotrace.pipeline.workflow_steps import (
    Machine,
    Models,
    StepOutcome,
    StepWork,
    corrected_masks,
    done_works,
    edit_works,
    images_now,
    machine_works,
)
from oncotrace.review.events import Step
from oncotrace.review.routing import CaseState, due
from oncotrace.segment.segmenters import is_without_clicks, segmenter

AUTOMATIC_RECIPE = "automatic"


@dataclass(frozen=True)
class Phase:
    """One step for all cases that are due for it; each is done as its outcome is taken."""

    step: Step
    cases: int
    outcomes: Iterator[StepOutcome]


@dataclass
class WorkflowRun:
    """A call of the workflow: take its phases, and the outcomes of each, to their end.

    However that ends, once they are closed tables and pictures are written, unless the process is
    killed; ``summary`` says where the workflow stands.
    """

    phases: Generator[Phase, None, None] = field(init=False)
    summary: WorkflowSummary | None = None


def run_workflow(
    table: Path,
    out: Path,
    *,
    modality: Modality | None,
    automatic: str | None,
    interactive: str | None,
    second_reader_share: float,
    seed: int,
    resume: bool,
    jobs: int,
) -> WorkflowRun:
    """Begin a workflow, or go on with one.

    Parameters
    ----------
    modality
        Sequence that is segmented, and on whose grid edited masks lie; see
        `oncotrace.pipeline.model_choice.first_sequence`.
    automatic, interactive
        Names or folders of the models without and with clicks; those of the modality if not given.
    second_reader_share
        Of all cases so many, 0 to 1, are graded by a second reader once the first accepts them.
    seed
        Of that sample, and of whatever the segmenters draw.
    jobs
        Cases that are worked on at a time.

    Raises
    ------
    InputError
        The table cannot be used.
    ModelError
        A model cannot be found or read.
    SettingsError
        Settings make no sense, or are others than the workflow was begun with.
    OutputError
        ``out`` holds something else, cannot be written, or another call is at work there.
    """
    if jobs < 1:
        raise SettingsError(f"--jobs must be at least 1, found {jobs}.")
    cohort = read_cohort(table)
    models = _models(cohort, modality, automatic, interactive, seed)
    is_begun = resume and (out / RUN_FILE).is_file()
    with alone(out / RUN_LOCK, wait_s=0) if is_begun else nullcontext():
        folder = begin_workflow(
            out,
            cohort,
            {"cohort": str(table.resolve()), **models.settings()},
            share=second_reader_share,
            seed=seed,
            input_digests={"cohort": file_digest(table)},
            resume=resume,
        )
        _require_same_images(folder, cohort, models)
    run = WorkflowRun()
    run.phases = _phases(run, folder, cohort, models, jobs)
    return run


def _models(
    cohort: Cohort,
    modality: Modality | None,
    automatic: str | None,
    interactive: str | None,
    seed: int,
) -> Models:
    chosen = first_sequence(cohort, modality, automatic)
    first = chosen_model(chosen, automatic, AUTOMATIC_RECIPE)
    second = chosen_model(chosen, interactive, None)
    if is_without_clicks(second):
        raise SettingsError(
            f"the model {Path(second).name} looks at no clicks, so it cannot be --interactive.",
            hint="Leave it out, or name a model with clicks.",
        )
    for name in (first, second):
        segmenter(name)  # refused here, once, rather than for every case
    others = other_sequences(first, chosen)
    return Models(
        SegmentTask(chosen, first, seed, channels=others), SegmentTask(chosen, second, seed), seed
    )


def _require_same_images(folder: WorkflowFolder, cohort: Cohort, models: Models) -> None:
    """Refuse to go on with a case whose mask was made on another image than it has now."""
    states = folder.states()
    for case in cohort.cases:
        state = states[case.case_id]
        if state.mask is None or due(state) == "nothing":
            continue
        now_there = images_now(state.mask.step, case, models)
        if any(state.mask.inputs.get(role) != digest for role, digest in now_there.items()):
            raise SettingsError(
                f"case {case.case_id} was segmented on another image than it has now.",
                hint="Put the old image back, or choose a new --out.",
                code="inputs-changed",
            )


def _phases(
    run: WorkflowRun,
    folder: WorkflowFolder,
    cohort: Cohort,
    models: Models,
    jobs: int,
) -> Generator[Phase, None, None]:
    problems: list[CaseFailure] = []

    def phase(step: Step, cases: int, outcomes: Iterable[StepOutcome]) -> Phase:
        return Phase(step, cases, _recorded(folder, outcomes, problems))

    def of_works(step: Step, works: list[StepWork]) -> Phase:
        return phase(step, len(works), done_works(works, jobs))

    def of_machine(step: Machine) -> Phase:
        return of_works(step, machine_works(step, folder, _cases(folder, cohort), models))

    with alone(folder.folder / RUN_LOCK, wait_s=0):
        folder.remove_unfinished()
        try:
            yield of_machine("automatic")
            yield of_machine("six-click")
            corrected = list(corrected_masks(folder, folder.states().values()))
            yield phase("correction", len(corrected), corrected)
            yield of_works("editing", edit_works(folder, _cases(folder, cohort), models))
        finally:
            run.summary = write_workflow_results(folder, cohort, problems)
            record = read_json(folder.folder / RUN_FILE)
            write_json(folder.folder / RUN_FILE, {**record, "end": now()}, replace=True)


def _cases(folder: WorkflowFolder, cohort: Cohort) -> list[tuple[Case, CaseState]]:
    states = folder.states()
    return [(case, states[case.case_id]) for case in cohort.cases]


def _recorded(
    folder: WorkflowFolder, outcomes: Iterable[StepOutcome], problems: list[CaseFailure]
) -> Iterator[StepOutcome]:
    for outcome in outcomes:
        told = outcome
        if outcome.event is not None:
            try:
                folder.record(outcome.event)
            except InputError as error:
                if error.code != "not-due":
                    raise
                # A reader was faster: what was made stays in its folder and is not looked at.
                failure = CaseFailure(outcome.case_id, outcome.step, error.code, error.message)
                told = StepOutcome(outcome.case_id, outcome.step, None, failure)
        if told.event is None and told.failure is not None:
            problems.append(told.failure)
        yield told
