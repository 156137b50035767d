"""``oncotrace convert``."""

from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import console, messages
from oncotrace.cli.parse import known_modality
from oncotrace.errors import SettingsError


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="A DICOM series (folder, zip or file), or a volume file.", metavar="SERIES"
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="New file: .nii.gz, .nii, .nrrd or .mha; a .json goes beside it.")
    ],
    mask: Annotated[
        list[Path] | None,
        typer.Option(help="RTSTRUCT or SEG whose structures become mask files; repeatable."),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="Only this region of the RTSTRUCT; repeatable."),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(help="Only this segment of the SEG, by number or label; repeatable."),
    ] = None,
    pet_units: Annotated[
        str, typer.Option(help="PET as suv (by body weight), or as stored in the file.")
    ] = "suv",
    modality: Annotated[
        str | None, typer.Option(help="Sequence: ct, mr-t1, mr-t1gd, mr-t1fs, mr-t2, mr-t2fs, pet.")
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the folder holds several series.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read everything, say what would be written.")
    ] = False,
) -> None:
    """Convert a DICOM series to a volume file, with its structures as masks."""
    from oncotrace.pipeline.convert import Structures
    from oncotrace.pipeline.convert import convert as convert_series
    from oncotrace.pipeline.inputs import pet_units_named

    names = (*(region or []), *(segment or []))
    if names and len(mask or []) != 1:
        raise SettingsError(
            "--region and --segment choose structures of one --mask.",
            hint="Give the RTSTRUCT or SEG with --mask.",
        )
    made = convert_series(
        source,
        out,
        structures=[Structures(file, names) for file in mask or []],
        modality=known_modality(modality),
        series_uid=series,
        pet_units=pet_units_named(pet_units),
        dry_run=dry_run,
    )
    for note in made.notes:
        messages.print(f"note: {note}", markup=False, soft_wrap=True)
    lines = [f"{made.image}: {made.geometry}"]
    if made.suv is not None:
        low, high = made.suv.factors
        factors = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
        lines.append(f"SUV: {made.suv.rule}, from {made.suv.units} times {factors}")
    lines += [f"{m.path}: {m.name or 'mask'}, {m.volume_ml:.1f} ml" for m in made.masks]
    lines.append(f"{made.sidecar}")
    if dry_run:
        console.print("Nothing is written; without --dry-run these would be:")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
