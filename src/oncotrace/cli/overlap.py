"""``oncotrace overlap``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from oncotrace.cli.options import DrawnOn, Region
from oncotrace.cli.output import console, messages

_ROWS = (
    ("dice", "Dice", "", 3),
    ("jaccard", "Jaccard (IoU)", "", 3),
    ("f2", "F2", "", 3),
    ("sensitivity", "sensitivity", "", 3),
    ("precision", "precision", "", 3),
    ("volume_similarity", "volume similarity", "", 3),
    ("volume_ml", "volume", "ml", 2),
    ("reference_volume_ml", "reference volume", "ml", 2),
    ("volume_error_ml", "volume error", "ml", 2),
    ("volume_error_percent", "volume error", "%", 1),
    ("hd_mm", "Hausdorff distance", "mm", 2),
    ("hd95_mm", "HD95", "mm", 2),
    ("assd_mm", "ASSD", "mm", 2),
    ("hd95_voxels_mm", "HD95, surface voxels", "mm", 2),
    ("assd_voxels_mm", "ASSD, surface voxels", "mm", 2),
    ("surface_dice", "surface Dice", "", 3),
    ("added_path_length_mm", "added path length", "mm", 1),
    ("centre_distance_mm", "distance of the centres", "mm", 2),
    ("reference_lesions", "lesions of the reference", "", 0),
    ("found_lesions", "of these found", "", 0),
    ("false_positive_lesions", "false positives", "", 0),
)


def overlap(
    reference: Annotated[
        Path, typer.Argument(help="The mask that counts as true.", metavar="REFERENCE")
    ],
    mask: Annotated[Path, typer.Argument(help="The mask to judge.", metavar="MASK")],
    tolerance_mm: Annotated[
        float, typer.Option(help="Distance that the surface Dice forgives, in mm.", min=0)
    ] = 2.0,
    lesion_dice: Annotated[
        float | None,
        typer.Option(help="Dice from which a piece matches a lesion; else any shared voxel."),
    ] = None,
    image: DrawnOn = None,
    region: Region = None,
    mask_region: Annotated[
        str | None,
        typer.Option("--mask-region", help="Segment or region of MASK, if called otherwise."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a mask with a reference: overlap, distances, surface, contour, lesions."""
    from oncotrace.pipeline.overlap import overlap_of_files

    result = overlap_of_files(
        reference,
        mask,
        tolerance_mm=tolerance_mm,
        lesion_dice=lesion_dice,
        image=image,
        region=region,
        mask_region=mask_region,
    )
    if as_json:
        typer.echo(json.dumps(result, indent=2, allow_nan=False))
    else:
        _show(result)


def _show(result: Mapping[str, object]) -> None:
    """Print the measures, and what the reader should know about them."""
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column()
    infinite = str(result["infinite_measures"]).split()
    for name, label, unit, decimals in _ROWS:
        value = result[name]
        known = f"{value:.{decimals}f}" if isinstance(value, int | float) else "-"
        table.add_row(label, "infinite" if name in infinite else known, unit)
    console.print(table)
    console.print(f"Surface Dice at {result['tolerance_mm']:g} mm.")
    warnings = result["warnings"]
    for warning in warnings if isinstance(warnings, list) else []:
        messages.print(f"note: {warning}", markup=False, soft_wrap=True)
