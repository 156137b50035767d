"""``oncotrace segment``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncotrace.cli.options import Jobs, Resume
from oncotrace.cli.output import finish_cohort, show_folder, show_size
from oncotrace.cli.parse import clicks_from_options, known_modality, refuse_together
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import SettingsError

if TYPE_CHECKING:
    from oncotrace.pipeline.inputs import OtherGrids
    from oncotrace.pipeline.views import ViewSource
    from oncotrace.segment.lung_settings import LungSettings


def segment(
    source: Annotated[
        Path,
        typer.Argument(
            help="An image (DICOM folder or zip, NIfTI, NRRD, MetaImage), or a cohort.csv.",
            metavar="IMAGE|COHORT.csv",
        ),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the results.")],
    clicks: Annotated[
        Path | None,
        typer.Option(help="Clicks: .json, .csv, or 3D Slicer's .mrk.json or .fcsv."),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(help="One click as x,y,z in LPS mm; give it six times.", metavar="X,Y,Z"),
    ] = None,
    box: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="A box around the tumour instead of clicks, two corners in LPS mm.",
            metavar="X,Y,Z X,Y,Z",
        ),
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Sequence: ct, mr-t1, mr-t1gd, mr-t1fs, mr-t2, mr-t2fs, pet.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Segmenter or model folder; the modality's default if not given."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Without clicks: automatic, multi-sequence, coarse-to-fine or lung."),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="Another sequence of the same patient, for a model that looks at several.",
            metavar="NAME=IMAGE",
        ),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(
            help="An image of the same tumour in another plane, and the model that segments it; "
            "the masks are joined.",
            metavar="IMAGE=MODEL",
        ),
    ] = None,
    other_grids: Annotated[
        str, typer.Option(help="Channels on another grid than the image: resample or refuse.")
    ] = "resample",
    lung_settings: Annotated[
        Path | None, typer.Option(help="TOML with settings of the recipe lung.")
    ] = None,
    dropout_looks: Annotated[
        int,
        typer.Option(help="So many more looks without some features (Monte-Carlo).", min=0),
    ] = 0,
    series: Annotated[
        str | None, typer.Option(help="Series Instance UID, if the folder holds several series.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of whatever the segmenter draws.", min=0)] = 0,
    resume: Resume = False,
    jobs: Jobs = 1,
) -> None:
    """Segment and measure one tumour, from its clicks or without, or every case of a cohort."""
    grids = _other_grids(other_grids)
    if source.suffix.lower() == ".csv":
        refuse_together(
            "a cohort",
            {"--clicks": clicks, "--point": point, "--box": box, "--series": series}
            | {"--channel": channel, "--view": view},
        )
        _segment_cohort(
            source,
            out,
            modality,
            model,
            recipe,
            grids,
            lung_settings,
            dropout_looks,
            seed,
            resume,
            jobs,
        )
        return
    refuse_together("one image", {"--resume": resume, "--jobs": jobs if jobs != 1 else None})
    from oncotrace.pipeline.segment import segment_case
    from oncotrace.segment.segmenters import is_without_clicks

    given = any((clicks, point, box))
    without = not given and (recipe is not None or (model is not None and is_without_clicks(model)))
    result = segment_case(
        source,
        None if without else clicks_from_options(clicks, point, box),
        out,
        modality=known_modality(modality),
        model=model,
        seed=seed,
        series_uid=series,
        recipe=recipe,
        channels=_channels(channel or []),
        other_grids=grids,
        lung=_lung(lung_settings),
        dropout_looks=dropout_looks,
        views=_views(view or []),
    )
    show_size(result)
    show_folder(out, "picture.png", "mask.nii.gz", "result.json")


def _segment_cohort(
    table: Path,
    out: Path,
    modality: str | None,
    model: str | None,
    recipe: str | None,
    other_grids: "OtherGrids",
    lung_settings: Path | None,
    dropout_looks: int,
    seed: int,
    resume: bool,
    jobs: int,
) -> None:
    from oncotrace.pipeline.segment import segment_cohort

    run = segment_cohort(
        table,
        out,
        modality=known_modality(modality),
        model=model,
        seed=seed,
        resume=resume,
        jobs=jobs,
        recipe=recipe,
        other_grids=other_grids,
        lung=_lung(lung_settings),
        dropout_looks=dropout_looks,
    )
    finish_cohort(run.outcomes, run.cases, "segmenting", out)


def _channels(given: list[str]) -> dict[Modality, Path]:
    """Images by sequence, from NAME=IMAGE."""
    channels: dict[Modality, Path] = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or not file or name in channels:
            raise SettingsError(
                f"--channel {text} is not NAME=IMAGE, or its sequence is given twice.",
                hint="For example --channel pet=pet.nii.gz.",
            )
        channels[modality_named(name)] = Path(file)
    return channels


def _views(given: list[str]) -> "tuple[ViewSource, ...]":
    """Images of other planes with their models, from IMAGE=MODEL."""
    from oncotrace.pipeline.views import ViewSource

    views = []
    for text in given:
        image, _, model = text.rpartition("=")
        if not image or not model:
            raise SettingsError(
                f"--view {text} is not IMAGE=MODEL.",
                hint="For example --view sagittal.nii.gz=models/sagittal.",
            )
        views.append(ViewSource(Path(image), model))
    return tuple(views)


def _lung(settings: Path | None) -> "LungSettings | None":
    """Return the settings of the recipe lung, if any are given."""
    from oncotrace.segment.lung_settings import read_lung_settings

    return None if settings is None else read_lung_settings(settings)


def _other_grids(text: str) -> "OtherGrids":
    if text == "refuse":
        return "refuse"
    if text == "resample":
        return "resample"
    raise SettingsError(f"--other-grids is resample or refuse, not {text!r}.")
