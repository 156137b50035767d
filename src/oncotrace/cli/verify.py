"""``oncotrace verify``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import EXIT_SOME_FAILED, console


def verify(
    run: Annotated[
        Path, typer.Argument(help="Folder that segment, import, measure or evaluate has written.")
    ],
) -> None:
    """Compute a run again and say whether masks and numbers are the same."""
    from oncotrace.pipeline.verify import verify_run

    different = cases = 0
    for verdict in verify_run(run):
        cases += 1
        if verdict.is_same:
            console.print(f"{verdict.case_id}: same", markup=False)
            continue
        different += 1
        console.print(f"{verdict.case_id}: NOT the same", markup=False)
        for difference in verdict.differences:
            console.print(f"  {difference}", markup=False)
    if different:
        console.print(f"{different} of {cases} cases are not the same.")
        raise typer.Exit(EXIT_SOME_FAILED)
    console.print(f"all {cases} cases are the same." if cases else "no case to verify.")
