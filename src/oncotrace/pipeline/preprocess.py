"""The pre-processing journey for one image: steps in, image, mask, record and picture out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import oncotrace
from oncotrace.atomic import write_bytes
from oncotrace.curate.prepared_image import PreparedImage
from oncotrace.curate.preprocess_fit import (
    FittedSteps,
    Parameters,
    fitted_json,
    parameters_of,
    summary_of,
)
from oncotrace.curate.preprocess_settings import Preprocessing, described
from oncotrace.curate.preprocess_steps import as_it_comes, preprocessed
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.imaging.intensity_statistics import intensity_statistics
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.pipeline.inputs import geometry_json, load_mask, load_scan, suv_json
from oncotrace.pipeline.new_files import require_absent, stem_and_suffix
from oncotrace.pipeline.preprocess_grids import grid_files, grid_roles, read_grids
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.pipeline.run.folder import write_json
from oncotrace.report.preprocessing_picture import (
    Snapshot,
    acquired_plane,
    preprocessing_picture,
    snapshot,
)


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """An image after its last step, with what was seen on the way.

    Parameters
    ----------
    stages
        The image as it came and after every step: name, settings, grid and intensity statistics,
        as plain JSON values.
    snapshots
        The same stages for the picture; empty if none was asked for.
    """

    image: PreparedImage
    stages: tuple[Mapping[str, object], ...]
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True)
class PreprocessedFiles:
    """What was written; ``mask`` and ``picture`` are None if not asked for."""

    image: Path
    sidecar: Path
    mask: Path | None
    picture: Path | None
    stages: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]


def preprocess_image(
    source: Path,
    preprocessing: Preprocessing,
    target: Path,
    *,
    fitted: FittedSteps,
    modality: Modality | None = None,
    series_uid: str | None = None,
    mask: Path | None = None,
    region: str | None = None,
    pictures: bool = False,
) -> PreprocessedFiles:
    """Pre-process one image and write it with a JSON file on every step beside it.

    Parameters
    ----------
    mask
        Structure that goes along: resampled and cropped with the image, and looked at by steps
        that say so.
    pictures
        Whether a PNG of every stage is written too.

    Raises
    ------
    InputError, SettingsError
        The image cannot be read, or a step cannot work on it.
    OutputError
        One of the files exists, its format is unknown, or it cannot be written.
    """
    stem, suffix = stem_and_suffix(target)
    sidecar = target.with_name(f"{stem}.json")
    mask_file = target.with_name(f"{stem}_mask{suffix}") if mask else None
    picture_file = target.with_name(f"{stem}.png") if pictures else None
    files = [target, sidecar, *filter(None, (mask_file, picture_file))]
    require_absent(files)
    grids = grid_files(preprocessing, {})
    loaded = load_scan(source, modality, series_uid)
    structure = load_mask(mask, image=loaded, region=region) if mask else None
    prepared = prepare(
        preprocessing,
        loaded.scan,
        structure.mask if structure else None,
        fitted,
        pictures=pictures,
        grids=read_grids(grids),
    )
    write_scan(prepared.image.scan, target)
    if mask_file is not None and prepared.image.mask is not None:
        write_mask(prepared.image.mask, mask_file)
    if picture_file is not None:
        write_bytes(picture_file, preprocessing_picture(prepared.snapshots))
    inputs = {"image": source, **({"mask": mask} if mask else {}), **grid_roles(grids)}
    record = {
        "format": 1,
        "journey": "preprocess",
        "version": oncotrace.__version__,
        "modality": loaded.scan.modality,
        "preprocessing": preprocessing.model_dump(mode="json"),
        "parameters": fitted_json(fitted),
        "suv": suv_json(loaded.suv),
        "stages": list(prepared.stages),
        "inputs": {role: source_digest(path) for role, path in inputs.items()},
    }
    write_json(sidecar, record)
    notes = (*loaded.notes, *(structure.notes if structure else ()))
    return PreprocessedFiles(target, sidecar, mask_file, picture_file, prepared.stages, notes)


def prepare(
    preprocessing: Preprocessing,
    scan: Scan,
    mask: Mask | None,
    fitted: FittedSteps,
    *,
    pictures: bool,
    grids: Mapping[str, Geometry] | None = None,
) -> PreparedScan:
    """Take one image through all steps.

    Parameters
    ----------
    grids
        Of other images, by what the steps call them; see `oncotrace.pipeline.preprocess_grids`.

    Raises
    ------
    InputError, SettingsError
        See `oncotrace.curate.preprocess_steps.preprocessed`.
    """
    image = as_it_comes(preprocessing, scan, mask, grids)
    plane = acquired_plane(scan.geometry)
    stages = [_stage("as it comes", image)]
    taken = [snapshot("as it comes", scan, mask, plane)] if pictures else []
    for done in preprocessed(preprocessing, image, fitted):
        image = done.image
        stages.append(_stage(described(done.step), image))
        if pictures:
            title = f"{done.number + 1}  {done.step.step}"
            taken.append(snapshot(title, image.scan, image.mask, plane))
    return PreparedScan(image, tuple(stages), tuple(taken))


def fitted_on(
    preprocessing: Preprocessing, reference: Path, modality: Modality | None
) -> dict[int, Parameters]:
    """Parameters of the fitted steps from one reference image.

    Raises
    ------
    InputError, SettingsError
        It cannot be read, or a step cannot work on it.
    """
    scan = load_scan(reference, modality).scan
    fitted: dict[int, Parameters] = {}
    for number in preprocessing.fitted:
        grids = read_grids(grid_files(preprocessing, {}))
        image = image_before(preprocessing, number, scan, None, fitted, grids)
        step = preprocessing.steps[number]
        fitted[number] = parameters_of(step, [summary_of(step, image)])
    return fitted


def image_before(
    preprocessing: Preprocessing,
    number: int,
    scan: Scan,
    mask: Mask | None,
    fitted: FittedSteps,
    grids: Mapping[str, Geometry] | None = None,
) -> PreparedImage:
    """Image as it comes to step ``number`` (from 0)."""
    image = as_it_comes(preprocessing, scan, mask, grids)
    for done in preprocessed(preprocessing, image, fitted, until=number):
        image = done.image
    return image


def _stage(name: str, image: PreparedImage) -> dict[str, object]:
    within = None
    if image.mask is not None and not image.mask.is_empty:
        within = asdict(intensity_statistics(image.scan, image.mask))
    return {
        "stage": name,
        "geometry": geometry_json(image.scan.geometry),
        "intensities": asdict(intensity_statistics(image.scan)),
        "intensities_in_mask": within,
    }
