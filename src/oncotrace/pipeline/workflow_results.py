"""What a workflow writes besides its log: accepted masks, worklist, counts and their pictures.

All of it follows from the log and the steps' folders, and is written anew each time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Cohort
from oncotrace.domain.flow import Flow
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.run.case_run import CaseFailure
from oncotrace.pipeline.run.cohort_run import write_results
from oncotrace.pipeline.segmented_case import MASK_FILE
from oncotrace.pipeline.workflow_accepted import accept
from oncotrace.pipeline.workflow_folder import WorkflowFolder
from oncotrace.report.flow_diagram import flow_diagram
from oncotrace.report.flow_tables import CentreTest, centre_rows, centre_tests, flow_rows
from oncotrace.review.flow_counts import flow_of
from oncotrace.review.routing import CaseState, due
from oncotrace.review.worklist import WorklistEntry, worklist

NO_CENTRE = "(not given)"
_FAILURE_COLUMNS = ("case_id", "stage", "code", "message")
_WORKLIST_COLUMNS = (
    "position", "case_id", "task", "step", "predicted_dice", "because", "not_by", "mask",
)  # fmt: skip
_TEST_COLUMNS = ("question", "cases", "centres", "outcomes")


@dataclass(frozen=True)
class WorkflowSummary:
    """Where a workflow stands.

    Parameters
    ----------
    entries
        What waits for people, the most urgent first.
    waiting_for_machine
        Cases whose automatic segmentation is still to be made.
    tests
        Whether centres differ; none without two centres.
    centres
        How many centres the table names.
    failures
        Cases that have no mask at the moment, and files of readers that cannot be used.
    torn_lines
        Events that a crash left unfinished; they do not count.
    """

    flow: Flow
    entries: tuple[WorklistEntry, ...]
    waiting_for_machine: int
    tests: tuple[CentreTest, ...]
    centres: int
    failures: tuple[CaseFailure, ...]
    torn_lines: int

    @property
    def accepted(self) -> int:
        """Cases whose mask is accepted."""
        return sum(step.total_accepted for step in self.flow.steps)


def write_workflow_results(
    run: WorkflowFolder, cohort: Cohort, problems: Sequence[CaseFailure]
) -> WorkflowSummary:
    """Write accepted masks, tables and pictures, and return where the workflow stands.

    Parameters
    ----------
    problems
        What went wrong with readers' files in this call.

    Raises
    ------
    OutputError
        They cannot be written.
    InputError
        The log of events is damaged.
    """
    states = run.states()
    unfound = [failure for state in states.values() if (failure := accept(run, state))]
    waiting = [
        CaseFailure(f.case_id, f.stage, f.code, f.message)
        for state in states.values()
        if (f := state.failure) is not None
    ]
    centre_of = {case.case_id: case.centre for case in cohort.cases}
    flow, flows = flow_of(states.values()), _flow_by_centre(states.values(), centre_of)
    named = {centre: of for centre, of in flows.items() if centre != NO_CENTRE}
    summary = WorkflowSummary(
        flow=flow,
        entries=tuple(worklist(states.values())),
        waiting_for_machine=sum(due(state) == "segmentation" for state in states.values()),
        tests=tuple(centre_tests(named)) if len(named) > 1 else (),
        centres=len(named),
        failures=(*waiting, *problems, *unfound),
        torn_lines=run.torn_lines(),
    )
    _write(run.folder, summary, flows if named else {})
    write_results(cohort, run.folder)
    return summary


def _write(folder: Path, summary: WorkflowSummary, flows: Mapping[str, Flow]) -> None:
    failures = [asdict(failure) for failure in summary.failures]
    write_table(failures, folder / "failures.csv", columns=_FAILURE_COLUMNS, replace=True)
    rows = [_row(n, entry) for n, entry in enumerate(summary.entries, start=1)]
    write_table(rows, folder / "worklist.csv", columns=_WORKLIST_COLUMNS, replace=True)
    write_table(flow_rows(summary.flow), folder / "flow.csv", replace=True)
    by_centre, tests = centre_rows(flows), [test.cells() for test in summary.tests]
    write_table(
        by_centre, folder / "counts_by_centre.csv", columns=("centre", "step"), replace=True
    )
    write_table(tests, folder / "centre_tests.csv", columns=_TEST_COLUMNS, replace=True)
    png, svg = flow_diagram(summary.flow, title="Graded workflow")
    write_bytes(folder / "flow.png", png, replace=True)
    write_bytes(folder / "flow.svg", svg, replace=True)


def _flow_by_centre(states: Collection[CaseState], centre_of: Mapping[str, str]) -> dict[str, Flow]:
    """Flow of the cases of each centre by its name, those without one last."""
    names = sorted(
        {centre_of[state.case_id] for state in states}, key=lambda name: (not name, name)
    )
    return {
        name or NO_CENTRE: flow_of(s for s in states if centre_of[s.case_id] == name)
        for name in names
    }


def _row(position: int, entry: WorklistEntry) -> dict[str, object]:
    mask = None if entry.folder is None else f"steps/{entry.case_id}/{entry.folder}/{MASK_FILE}"
    row = {name: value for name, value in asdict(entry).items() if name != "folder"}
    return {"position": position, **row, "mask": mask}
