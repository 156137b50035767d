"""``oncotrace contact-sheet``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.options import Jobs, Resume
from oncotrace.cli.output import EXIT_DONE, console, finish_cohort, show_folder
from oncotrace.domain.scan import modality_named
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.contact_sheet import ContactPlan


def contact_sheet(
    cohort: Annotated[
        Path,
        typer.Argument(
            help="A cohort.csv with images, or the folder that holds it.", metavar="COHORT"
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="New folder for the pictures.")] = None,
    modality: Annotated[
        list[str] | None, typer.Option(help="Sequences to draw, one by one; all if not given.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="Of pages and sheets: jpeg or png.")
    ] = "jpeg",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be drawn, and stop.")
    ] = False,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Draw a cohort: slices of every case with their outlines, and sheets of thumbnails."""
    from oncotrace.pipeline.contact_pages import INDEX_FILE
    from oncotrace.pipeline.contact_sheet import contact_plan, draw_contact_sheets
    from oncotrace.report.tile import image_format_named

    names = tuple(modality_named(name) for name in modality or [])
    chosen = image_format_named(form)
    if dry_run:
        _show_plan(contact_plan(cohort, names))
        return
    if out is None:
        raise SettingsError("contact-sheet needs --out, a new folder for the pictures.")
    run = draw_contact_sheets(cohort, out, modalities=names, form=chosen, resume=resume, jobs=jobs)
    code = EXIT_DONE
    try:
        finish_cohort(run.outcomes, run.cases, "drawing", out)
    except typer.Exit as some_failed:
        code = some_failed.exit_code
    show_folder(out, INDEX_FILE)
    raise typer.Exit(code)


def _show_plan(plan: "ContactPlan") -> None:
    """Print the images of every case, and how much there is to look at."""
    for line in plan.lines:
        console.print(line, markup=False, soft_wrap=True)
    counts = f"cases {len(plan.lines)}, pages of slices {plan.pages}, sheets {plan.sheets}"
    console.print(counts, markup=False)
