"""``oncotrace register``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from oncotrace.cli.output import console, messages, show_folder
from oncotrace.cli.parse import known_modality
from oncotrace.errors import SettingsError


def register(
    moving: Annotated[
        Path,
        typer.Argument(
            help="The image to move: DICOM folder or zip, NIfTI, NRRD, MetaImage.",
            metavar="MOVING",
        ),
    ],
    fixed: Annotated[Path, typer.Argument(help="The image that stays.", metavar="FIXED")],
    out: Annotated[Path, typer.Option(help="New folder for what was moved, and the picture.")],
    transform: Annotated[str, typer.Option(help="rigid, affine or bspline.")] = "rigid",
    mask: Annotated[
        list[Path] | None,
        typer.Option(help="A mask drawn on MOVING that goes along with it; several times."),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="Region or segment of the masks that hold several; several times."),
    ] = None,
    modality: Annotated[str | None, typer.Option(help="Sequence of MOVING.")] = None,
    fixed_modality: Annotated[str | None, typer.Option(help="Sequence of FIXED.")] = None,
    initial: Annotated[
        str,
        typer.Option(help="Where the search begins: auto, none (as they lie), geometry, moments."),
    ] = "auto",
    mask_interpolation: Annotated[
        str, typer.Option(help="Of the masks: linear (half a voxel and more) or nearest.")
    ] = "linear",
    least_gain: Annotated[
        float, typer.Option(help="Nats by which the mutual information must rise.")
    ] = 0.005,
    most_shift: Annotated[
        float, typer.Option(help="Farthest that the body may move from the start, in mm.")
    ] = 60.0,
    most_rotation: Annotated[float, typer.Option(help="Most that it may turn, in degrees.")] = 30.0,
    least_overlap: Annotated[
        float, typer.Option(help="Share of the smaller body that must lie in the other image.")
    ] = 0.5,
    most_scatter: Annotated[
        float, typer.Option(help="Farthest that other starts may end from the result, in mm.")
    ] = 5.0,
    seed: Annotated[int, typer.Option(help="Of the points that are looked at.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Move an image and its masks onto another image's grid; refuse what is not believable."""
    from oncotrace.imaging.register_settings import (
        RegistrationLimits,
        RegistrationSettings,
        initial_named,
        transform_kind_named,
    )
    from oncotrace.pipeline.register import RegistrationInputs, register_files

    if mask_interpolation not in ("linear", "nearest"):
        raise SettingsError(
            f"--mask-interpolation is linear or nearest, not {mask_interpolation!r}."
        )
    limits = RegistrationLimits(
        least_gain_nats=least_gain,
        most_shift_mm=most_shift,
        most_rotation_deg=most_rotation,
        least_overlap=least_overlap,
        most_scatter_mm=most_scatter,
    )
    result = register_files(
        RegistrationInputs(
            moving,
            fixed,
            tuple(mask or ()),
            tuple(region or ()),
            known_modality(modality),
            known_modality(fixed_modality),
        ),
        out,
        settings=RegistrationSettings(
            transform_kind_named(transform), initial_named(initial), limits=limits
        ),
        mask_interpolation="linear" if mask_interpolation == "linear" else "nearest",
        seed=seed,
    )
    if as_json:
        typer.echo(json.dumps(result, indent=2, allow_nan=False))
        return
    _show(result, out)


def _show(result: Mapping[str, object], out: Path) -> None:
    """Print what was found and where it lies."""
    console.print(
        f"Mutual information {result['metric_before_nats']:.3f} to "
        f"{result['metric_after_nats']:.3f} nats."
    )
    console.print(
        f"Body displaced by {result['mean_displacement_mm']:.1f} mm on average, at most "
        f"{result['max_displacement_mm']:.1f} mm; turned by {result['rotation_deg']:.1f} degrees."
    )
    if result["was_aligned"]:
        console.print("So little says that they were aligned already: they stay as they lay.")
    warnings, masks = result["warnings"], result["masks"]
    for warning in warnings if isinstance(warnings, list) else []:
        messages.print(f"note: {warning}", markup=False, soft_wrap=True)
    found = [one for one in masks if isinstance(one, dict)] if isinstance(masks, list) else []
    names = [f"masks/{one['name']}.nii.gz" for one in found]
    matrix = ["transform.json"] if result["matrix"] is not None else []
    show_folder(out, "picture.png", "moved.nii.gz", *names, "transform.tfm", *matrix, "result.json")
