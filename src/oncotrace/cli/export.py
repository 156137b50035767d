"""``oncotrace export``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import messages, show_folder


def export(
    folder: Annotated[
        Path,
        typer.Argument(help="A case that oncotrace segment wrote.", metavar="DIR"),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="Formats, separated by commas: seg, rtstruct, sr, stl, slicer, nifti, nrrd, "
            "markups."
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the files.")],
    source: Annotated[
        Path | None,
        typer.Option(help="DICOM folder, zip or file of the images; for seg, rtstruct, sr."),
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the source holds several series.")
    ] = None,
) -> None:
    """Write a segmented tumour as DICOM, STL, NIfTI or NRRD, or for 3D Slicer."""
    from oncotrace.pipeline.export import export_case

    names = [name.strip() for name in to.split(",") if name.strip()]
    exported = export_case(folder, out, formats=names, source=source, series_uid=series)
    for note in exported.notes:
        messages.print(f"note: {note}", markup=False, soft_wrap=True)
    show_folder(out, *(file.name for file in exported.files))
