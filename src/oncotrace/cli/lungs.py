"""``oncotrace lungs``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import console, messages


def lungs(
    source: Annotated[
        Path,
        typer.Argument(help="A CT: DICOM folder or zip, NIfTI, NRRD, MetaImage.", metavar="CT"),
    ],
    out: Annotated[Path, typer.Option(help="Label volume to write: 1 left lung, 2 right lung.")],
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the folder holds several series.")
    ] = None,
) -> None:
    """Find the lungs on a CT, left and right, undilated."""
    from oncotrace.pipeline.lungs import write_lungs

    volumes = write_lungs(source, out, series_uid=series)
    console.print(f"left lung   {volumes.left_ml:7.1f} ml")
    console.print(f"right lung  {volumes.right_ml:7.1f} ml")
    for warning in volumes.warnings:
        messages.print(f"note: {warning}", markup=False, soft_wrap=True)
    console.print(f"{out}", markup=False, soft_wrap=True)
