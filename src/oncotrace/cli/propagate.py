"""``oncotrace propagate``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.options import Region
from oncotrace.cli.output import console, messages


def propagate(
    image: Annotated[
        Path,
        typer.Argument(
            help="The image (DICOM folder or zip, NIfTI, NRRD, MetaImage).", metavar="IMAGE"
        ),
    ],
    partial: Annotated[
        Path,
        typer.Argument(
            help="A mask with some slices outlined, the tumour's first and last among them.",
            metavar="PARTIAL_MASK",
        ),
    ],
    out: Annotated[Path, typer.Option(help="New file for the whole mask.")],
    region: Region = None,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the folder holds several series.")
    ] = None,
) -> None:
    """Fill the slices between the outlined ones of a mask."""
    from oncotrace.pipeline.propagate import propagate_mask

    made = propagate_mask(image, partial, out, region=region, series_uid=series)
    for note in made.notes:
        messages.print(f"note: {note}", markup=False, soft_wrap=True)
    outlined, filled = made.outlined, made.outlined.to_fill
    listed = ", ".join(map(str, outlined.numbers))
    lines = (
        f"Outlined along {'zyx'[outlined.axis]} ({made.plane}): {len(outlined.numbers)} slices, "
        f"{listed} (counted from 0).",
        f"Filled: {len(filled)} slices between them; none before slice {outlined.numbers[0]} or "
        f"after slice {outlined.numbers[-1]}.",
        f"Volume: {made.volume_ml:.1f} ml.",
        f"Look at {out}",
    )
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
