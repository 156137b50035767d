"""The converting journey: a DICOM series in, a volume file out, masks beside it."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import oncotrace
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import SettingsError
from oncotrace.imaging.metabolic_volume import UPTAKE_RULES, metabolic_volume, uptake
from oncotrace.io.dicom_seg_read import list_segments
from oncotrace.io.dicom_suv import SuvRecord
from oncotrace.io.rtstruct import list_regions
from oncotrace.io.volume_file import write_mask, write_scan
from oncotrace.measure.volume import volume_ml
from oncotrace.pipeline.inputs import (
    LoadedMask,
    LoadedScan,
    PetUnits,
    geometry_json,
    load_mask,
    load_scan,
    mask_kind,
    suv_json,
)
from oncotrace.pipeline.new_files import require_absent, stem_and_suffix
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.pipeline.run.folder import write_json

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Structures:
    """A file of outlines or segments, and which of them are wanted; all if none is named."""

    file: Path
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class WrittenMask:
    """A mask beside the image; ``name`` is that of its region or segment."""

    path: Path
    name: str
    volume_ml: float


@dataclass(frozen=True)
class Conversion:
    """What was written, or on a dry run what would be, and what a reader should know."""

    image: Path
    sidecar: Path
    masks: tuple[WrittenMask, ...]
    geometry: str
    suv: SuvRecord | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _NamedMask:
    path: Path
    loaded: LoadedMask


def convert(
    source: Path,
    target: Path,
    *,
    structures: Sequence[Structures] = (),
    modality: Modality | None = None,
    series_uid: str | None = None,
    pet_units: PetUnits = "suv",
    dry_run: bool = False,
) -> Conversion:
    """Write an image on its own grid, the chosen structures as masks, and a JSON file on both.

    PET from DICOM becomes SUV by body weight. The JSON file is written last: where it is, all is.

    Raises
    ------
    InputError
        The image or a structure cannot be read, or SUV cannot be computed.
    OutputError
        One of the files exists, its format is unknown, or it cannot be written.
    """
    stem, suffix = stem_and_suffix(target)
    sidecar = target.with_name(f"{stem}.json")
    require_absent([target, sidecar])
    loaded = load_scan(source, modality, series_uid, pet_units=pet_units)
    masks = _masks(structures, loaded, target.with_name(stem), suffix)
    require_absent(mask.path for mask in masks)
    notes = (*loaded.notes, *(note for mask in masks for note in mask.loaded.notes))
    if not dry_run:
        write_scan(loaded.scan, target)
        for mask in masks:
            write_mask(mask.loaded.mask, mask.path)
        write_json(sidecar, _record(source, target, loaded, structures, masks))
    return Conversion(
        target,
        sidecar,
        tuple(WrittenMask(m.path, m.loaded.name, volume_ml(m.loaded.mask)) for m in masks),
        loaded.scan.geometry.describe(),
        loaded.suv,
        tuple(dict.fromkeys(notes)),
    )


def metabolic_json(suv: Scan, mask: Mask) -> dict[str, object]:
    """Uptake and metabolic volumes of a mask as plain JSON values.

    Raises
    ------
    GeometryMismatchError, EmptyMaskError
        See `oncotrace.imaging.metabolic_volume`.
    """
    volumes = [asdict(metabolic_volume(suv, mask, rule)) for rule in UPTAKE_RULES]
    return {**asdict(uptake(suv, mask)), "metabolic_volumes": volumes}


def _masks(
    structures: Sequence[Structures], image: LoadedScan, stem: Path, suffix: str
) -> list[_NamedMask]:
    """Masks of the structures with the files they go to, each name once."""
    masks: list[_NamedMask] = []
    for wanted in structures:
        for name in wanted.names or _all_names(wanted.file):
            loaded = load_mask(wanted.file, image=image, region=name)
            path = stem.with_name(f"{stem.name}_mask_{file_name_of(loaded.name)}{suffix}")
            if path in [mask.path for mask in masks]:
                raise SettingsError(
                    f"two structures would be written to {path.name}.",
                    hint="Convert them one at a time, to targets of different names.",
                    code="same-output",
                )
            masks.append(_NamedMask(path, loaded))
    return masks


def _all_names(file: Path) -> tuple[str | None, ...]:
    """Names by which `load_mask` finds every structure of a file that encloses something."""
    kind = mask_kind(file)
    if kind == "rtstruct":
        return tuple(region.name for region in list_regions(file) if region.contours)
    if kind == "seg":
        return tuple(str(segment.number) for segment in list_segments(file))
    return (None,)


def file_name_of(structure: str) -> str:
    """Part of a file's name that tells a structure, without what file systems refuse."""
    return _UNSAFE.sub("-", structure).strip("-.")[:_LONGEST_NAME] or "structure"


def _record(
    source: Path,
    target: Path,
    image: LoadedScan,
    structures: Sequence[Structures],
    masks: Sequence[_NamedMask],
) -> dict[str, object]:
    inputs = {"image": source_digest(source)}
    for number, wanted in enumerate(structures, start=1):
        inputs[f"structures_{number}"] = source_digest(wanted.file)
    is_suv = image.suv is not None
    return {
        "format": 1,
        "journey": "convert",
        "version": oncotrace.__version__,
        "image": target.name,
        "modality": image.scan.modality,
        "series_uid": image.series_uid or None,
        "frame_of_reference_uid": image.frame_of_reference_uid or None,
        "geometry": geometry_json(image.scan.geometry),
        "pet_units": ("suv" if is_suv else "stored") if image.scan.modality == "pet" else None,
        "suv": suv_json(image.suv),
        "masks": [
            {
                "file": mask.path.name,
                "name": mask.loaded.name,
                "volume_ml": volume_ml(mask.loaded.mask),
                "uptake": metabolic_json(image.scan, mask.loaded.mask) if is_suv else None,
            }
            for mask in masks
        ],
        "notes": list(image.notes),
        "inputs": inputs,
    }
