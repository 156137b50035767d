"""``oncotrace workflow``, ``oncotrace worklist`` and ``oncotrace grade``."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from oncotrace.cli.options import Jobs
from oncotrace.cli.output import (
    EXIT_SOME_FAILED,
    console,
    messages,
    show_folder,
    tracked,
)
from oncotrace.cli.parse import known_modality
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.workflow_results import WorkflowSummary
    from oncotrace.review.worklist import WorklistEntry

_BARS = {
    "automatic": "segmenting",
    "six-click": "segmenting from six clicks",
    "correction": "taking in corrections",
    "editing": "taking in edited masks",
}
_WHAT_TO_DO = {
    "grade": "look at the mask, then `oncotrace grade RUN CASE GRADE --reader NAME`",
    "second reading": "the same, by another reader than the first",
    "six clicks": "put six clicks into RUN/clicks/CASE.json",
    "correction": "correct RUN/steps/CASE/six-click with `oncotrace refine`",
    "editing": "put the edited mask into RUN/edits/CASE.nii.gz",
}

Run = Annotated[
    Path, typer.Argument(help="Folder that oncotrace workflow writes to.", metavar="RUN")
]


def workflow(
    cohort: Annotated[Path, typer.Argument(help="A cohort.csv with images.", metavar="COHORT.csv")],
    out: Annotated[Path, typer.Option(help="New folder for the workflow, or one to go on with.")],
    modality: Annotated[
        str | None, typer.Option(help="Which image column of the cohort is segmented.")
    ] = None,
    automatic: Annotated[
        str | None, typer.Option(help="Model without clicks, by name or folder.")
    ] = None,
    interactive: Annotated[
        str | None, typer.Option(help="Model with six clicks, by name or folder.")
    ] = None,
    second_reader_share: Annotated[
        float, typer.Option(help="Share of the cases that a second reader looks at.", min=0, max=1)
    ] = 0.1,
    seed: Annotated[
        int, typer.Option(help="Seed of that sample and of the segmenters.", min=0)
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a workflow that was begun.")
    ] = False,
    jobs: Jobs = 1,
) -> None:
    """Segment a cohort automatically, from six clicks where that fails, and edited in the end."""
    from oncotrace.pipeline.workflow import run_workflow

    run = run_workflow(
        cohort,
        out,
        modality=known_modality(modality),
        automatic=automatic,
        interactive=interactive,
        second_reader_share=second_reader_share,
        seed=seed,
        resume=resume,
        jobs=jobs,
    )
    with closing(run.phases):
        for phase in run.phases:
            for outcome in tracked(phase.outcomes, _BARS[phase.step], phase.cases):
                if (failure := outcome.failure) is not None:
                    messages.print(
                        f"case {failure.case_id}: {phase.step} failed ({failure.stage}, "
                        f"{failure.code}): {failure.message}",
                        markup=False,
                    )
    if run.summary is not None:
        _show_summary(run.summary, out)


def grade(
    run: Run,
    case: Annotated[str, typer.Argument(help="Case id, as in the worklist.", metavar="CASE")],
    reader: Annotated[str, typer.Option(help="Who has looked at the mask.")],
    grade: Annotated[
        str | None,
        typer.Argument(
            help="Excellent, Sufficient, Insufficient, Incorrect or uncertain.", metavar="GRADE"
        ),
    ] = None,
    comment: Annotated[str, typer.Option(help="Whatever should be remembered.")] = "",
    withdraw: Annotated[
        bool,
        typer.Option(
            "--withdraw", help="Take the reader's grade back; --comment says why, no GRADE."
        ),
    ] = False,
) -> None:
    """Say how good the mask of a case is, or take that back; both are kept for good."""
    from oncotrace.pipeline.workflow_grades import grade_case, withdraw_grade
    from oncotrace.review.grade import grade_named
    from oncotrace.review.routing import due, waits_for

    if (grade is None) != withdraw:
        raise SettingsError(
            "a grade is given or taken back.", hint="Give either GRADE or --withdraw."
        )
    if grade is None:
        state = withdraw_grade(run, case, reader=reader, reason=comment)
        text = f"the grade of {case} is taken back; {waits_for(state)}."
        console.print(text, markup=False, soft_wrap=True)
        return
    state = grade_case(run, case, grade_named(grade), reader=reader, comment=comment)
    is_shared = due(state) == "second reading"
    follows = "another reader looks at it too" if is_shared else waits_for(state)
    console.print(f"{case} is graded; {follows}.", markup=False, soft_wrap=True)


def worklist(
    run: Run,
    reader: Annotated[
        str | None, typer.Option(help="Show what this reader may do, as the reader may see it.")
    ] = None,
) -> None:
    """Show what is due next: where nothing was found first, then the least certain masks."""
    from oncotrace.pipeline.workflow_grades import due_work

    due = due_work(run, reader)
    _show_torn(due.torn_lines)
    if not due.entries:
        console.print("Nothing is due." if reader is None else "Nothing is due for this reader.")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("", "case", "task", "mask"):
        table.add_column(column, overflow="fold")
    for number, entry in enumerate(due.entries, start=1):
        mask = due.masks.get(entry.case_id)
        task = f"{entry.task} ({entry.because})" if entry.because else entry.task
        cells = (str(number), entry.case_id, task, "" if mask is None else str(mask))
        table.add_row(*map(escape, cells))
    console.print(table)


def _show_summary(summary: "WorkflowSummary", out: Path) -> None:
    """Print what is accepted, what waits for whom, and how to go on; exit 1 if cases failed."""
    _show_torn(summary.torn_lines)
    console.print(f"{summary.accepted} of {summary.flow.cases} cases accepted.")
    if summary.waiting_for_machine:
        console.print(f"{summary.waiting_for_machine} cases wait for their segmentation: --resume.")
    for task, text in _WHAT_TO_DO.items():
        waiting = [entry for entry in summary.entries if entry.task == task]
        if waiting:
            line = f"{len(waiting)} wait for {task}{_by_whom(waiting)}: {text}."
            console.print(line, markup=False, soft_wrap=True)
    _show_centres(summary)
    show_folder(out, "worklist.csv", "flow.png", "flow.csv", "cases")
    if summary.failures:
        messages.print(
            f"{len(summary.failures)} failed and wait as said above; see failures.csv.",
            soft_wrap=True,
        )
        raise typer.Exit(EXIT_SOME_FAILED)


def _by_whom(entries: "list[WorklistEntry]") -> str:
    """Say who must not do it, where somebody must not."""
    barred = Counter(entry.not_by for entry in entries if entry.not_by)
    named = ", ".join(f"{count} not by {reader}" for reader, count in sorted(barred.items()))
    return f" ({named})" if named else ""


def _show_centres(summary: "WorkflowSummary") -> None:
    if summary.centres < 2:
        console.print("Centres are not compared: the column centre names fewer than two.")
    for row in summary.tests:
        test = row.test
        if test.method == "none":
            continue  # one outcome alone, as long as little is graded
        console.print(
            f"Between centres, {row.question}: p = {test.p_value:.3f} ({test.method}, n = {test.n},"
            f" least expected count {test.least_expected:.1f}).",
            soft_wrap=True,
        )


def _show_torn(lines: int) -> None:
    if lines:
        messages.print(
            f"note: {lines} unfinished line in events.jsonl, left by a crash, does not count; what "
            "was being written then must be entered again.",
            soft_wrap=True,
        )
