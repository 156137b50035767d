"""The registering journey: two images in, one moved onto the other's grid out."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import SimpleITK as sitk

from oncotrace.atomic import write_atomically, write_bytes
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality
from oncotrace.errors import SettingsError
from oncotrace.imaging.register import Registration, register
from oncotrace.imaging.register_apply import MASK_THRESHOLD, moved_mask, moved_scan
from oncotrace.imaging.register_map import PointMap
from oncotrace.imaging.register_settings import RegistrationSettings
from oncotrace.imaging.resample import Interpolation
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.analysis_folder import as_result
from oncotrace.pipeline.inputs import LoadedScan, load_mask, load_scan, mask_kind
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.pipeline.run.folder import require_new, whole_folder, write_json
from oncotrace.pipeline.run.provenance import as_json, now, provenance
from oncotrace.report.registration_picture import registration_picture

PICTURE_FILE = "picture.png"
MOVED_FILE = "moved.nii.gz"
MASKS = "masks"
TRANSFORM_FILE = "transform.tfm"
MATRIX_FILE = "transform.json"
_MAPS = "points of FIXED to points of MOVING, LPS mm"
_NOTABLE_SHARE = 0.9
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class RegistrationInputs:
    """What is registered.

    Parameters
    ----------
    masks
        Drawn on the moving image: volumes on its grid, DICOM SEGs, RTSTRUCTs, or segmentations of
        3D Slicer.
    regions
        Which regions or segments of those masks that are no plain volumes; without any, their
        only one.
    """

    moving: Path
    fixed: Path
    masks: tuple[Path, ...] = ()
    regions: tuple[str, ...] = ()
    moving_modality: Modality | None = None
    fixed_modality: Modality | None = None


def register_files(
    inputs: RegistrationInputs,
    out: Path,
    *,
    settings: RegistrationSettings,
    mask_interpolation: Interpolation = "linear",
    seed: int = 0,
) -> dict[str, object]:
    """Move an image and its masks onto another image's grid, and return ``result.json``.

    Where both are DICOM of one frame of reference, ``auto`` begins as the images lie. Of a result
    that is refused the folder holds the picture, ``result.json`` and ``run.json`` alone.

    Raises
    ------
    InputError
        A file cannot be read, or the result is refused: the code says by which limit.
    SettingsError
        The limits or the regions are impossible.
    OutputError
        ``out`` exists and is not empty, or cannot be written.
    """
    require_new(out)
    start = now()
    fixed = load_scan(inputs.fixed, inputs.fixed_modality)
    moving = load_scan(inputs.moving, inputs.moving_modality)
    masks = _masks(inputs, moving)
    clock = time.monotonic()
    made = register(
        moving.scan,
        fixed.scan,
        settings=with_known_start(settings, moving, fixed),
        seed=seed,
    )
    seconds = time.monotonic() - clock
    result = {
        **registration_result(made, settings),
        "mask_interpolation": mask_interpolation,
        "mask_threshold": MASK_THRESHOLD,
        "seconds": seconds,
    }
    grid = fixed.scan.geometry

    def carried(point_map: PointMap) -> dict[str, Mask]:
        return {
            name: moved_mask(mask, grid, point_map, interpolation=mask_interpolation)
            for name, mask in masks.items()
        }

    as_it_lies = PointMap(sitk.Transform())
    before, after = carried(as_it_lies), carried(made.point_map)
    result["masks"] = [
        {"name": name, "volume_ml": volume_ml(mask), "carried_volume_ml": volume_ml(after[name])}
        for name, mask in masks.items()
    ]
    result["warnings"] = [*fixed.notes, *moving.notes, *_shortened(masks, after)]
    image = moved_scan(moving.scan, grid, made.point_map, interpolation="linear")
    picture = registration_picture(
        fixed.scan,
        moved_scan(moving.scan, grid, as_it_lies, interpolation="linear"),
        image,
        {name: (before[name], after[name]) for name in masks},
        title=f"{settings.transform} registration",
        verdict=verdict(made),
    )
    with whole_folder(out) as folder:
        write_bytes(folder / PICTURE_FILE, picture)
        if not made.refused:
            write_scan(image, folder / MOVED_FILE)
            for name, mask in after.items():
                write_mask(mask, folder / MASKS / f"{name}.nii.gz")
            write_transform(made.point_map, folder)
        write_json(folder / RESULT_FILE, as_result(result))
        record = provenance(
            {"journey": "register", **asdict(settings), "mask_interpolation": mask_interpolation},
            seed=seed,
            input_digests=_digests(inputs),
            start=start,
        )
        write_json(folder / RUN_FILE, {**as_json(record), "end": now()})
    made.require_usable(hint=f"See {out / PICTURE_FILE}; nothing else was written.")
    return as_result(result)


def with_known_start(
    settings: RegistrationSettings, moving: LoadedScan, fixed: LoadedScan
) -> RegistrationSettings:
    """Let the search begin as the images lie, if they share a frame of reference and it may."""
    shared = fixed.frame_of_reference_uid
    if settings.initial == "auto" and shared and shared == moving.frame_of_reference_uid:
        return replace(settings, initial="none")
    return settings


def registration_result(made: Registration, settings: RegistrationSettings) -> dict[str, object]:
    """Return what ``result.json`` says of a registration, plain values."""
    matrix = made.point_map.matrix
    return {
        "transform": settings.transform,
        "start": made.start,
        "is_used": not made.refused,
        "was_aligned": made.was_aligned,
        "refused": [asdict(refusal) for refusal in made.refused],
        "metric": "mutual information, nats",
        "gain_nats": made.found.gain_nats,
        **asdict(made.found),
        "maps": _MAPS,
        "matrix": None if matrix is None else matrix.tolist(),
        "limits": asdict(settings.limits),
    }


def verdict(made: Registration) -> str:
    """One or two sentences for people: what was found, and whether it is used."""
    found = made.found
    gained = (
        f"mutual information {found.metric_before_nats:.3f} to {found.metric_after_nats:.3f} nats, "
        f"body displaced by {found.mean_displacement_mm:.1f} mm (at most "
        f"{found.max_displacement_mm:.1f} mm)"
    )
    if made.refused:
        return f"REFUSED, not used: {'; '.join(r.text for r in made.refused)}. Found: {gained}."
    if made.was_aligned:
        return (
            "The images were aligned already: the search gained "
            f"{found.gain_nats:.4f} nats and ended {found.mean_shift_mm:.1f} mm from its start, "
            "which is kept."
        )
    return f"Registered: {gained}."


def write_transform(point_map: PointMap, folder: Path) -> None:
    """Write the map as SimpleITK's ``transform.tfm``, and a matrix as ``transform.json`` too."""
    write_atomically(
        folder / TRANSFORM_FILE,
        lambda temporary: sitk.WriteTransform(point_map.transform, str(temporary)),
    )
    matrix = point_map.matrix
    if matrix is not None:
        plain = {"format": 1, "frame": "LPS", "maps": _MAPS, "matrix": matrix.tolist()}
        write_json(folder / MATRIX_FILE, plain)


def _masks(inputs: RegistrationInputs, moving: LoadedScan) -> dict[str, Mask]:
    """Masks of the moving image by the names of their files to be."""
    found: dict[str, Mask] = {}
    for path in inputs.masks:
        is_volume = mask_kind(path) == "volume"
        regions: Sequence[str | None] = (None,) if is_volume else (inputs.regions or (None,))
        for region in regions:
            loaded = load_mask(path, image=moving, region=region)
            name = _free_name(region or loaded.name or "mask", found)
            found[name] = loaded.mask
    if inputs.regions and all(mask_kind(path) == "volume" for path in inputs.masks):
        raise SettingsError("--region names a region of a mask; there is none that has regions.")
    return found


def _shortened(masks: Mapping[str, Mask], after: Mapping[str, Mask]) -> list[str]:
    """Name the masks of which much lies outside the fixed image."""
    return [
        f"mask {name} has {volume_ml(after[name]):.1f} ml of {volume_ml(mask):.1f} ml after it was "
        "carried over: the rest lies outside the fixed image, or between its voxels."
        for name, mask in masks.items()
        if volume_ml(after[name]) < _NOTABLE_SHARE * volume_ml(mask)
    ]


def _free_name(name: str, taken: Mapping[str, Mask]) -> str:
    plain = _UNSAFE.sub("-", name).strip("-")[:60] or "mask"
    names = {one.casefold() for one in taken}
    if plain.casefold() not in names:
        return plain
    return next(f"{plain}-{n}" for n in range(2, 10_000) if f"{plain}-{n}".casefold() not in names)


def _digests(inputs: RegistrationInputs) -> dict[str, str]:
    masks = {f"mask {number}": path for number, path in enumerate(inputs.masks, start=1)}
    files = {"moving": inputs.moving, "fixed": inputs.fixed, **masks}
    return {name: source_digest(path) for name, path in files.items()}
