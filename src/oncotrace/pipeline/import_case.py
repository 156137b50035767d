"""The importing journey: a mask made elsewhere and the images it was made on become a case."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from oncotrace.atomic import write_bytes
from oncotrace.domain.case import Case
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import TumourSize
from oncotrace.domain.scan import Modality
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.volume_file import is_volume_file, write_mask
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.cohort import file_of
from oncotrace.pipeline.inputs import (
    MASK_TITLES,
    LoadedMask,
    LoadedScan,
    MaskKind,
    geometry_json,
    load_mask,
    load_scan,
    mask_kind,
    modality_of,
)
from oncotrace.pipeline.measure import size_json, size_warnings
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.digests import file_digest, source_digest
from oncotrace.pipeline.run.folder import require_new
from oncotrace.pipeline.run.single_run import run_single
from oncotrace.pipeline.segmented_case import MASK_FILE, PICTURE_FILE
from oncotrace.report.case_picture import case_picture

UNKNOWN_MAKER = "imported"
"""``model`` in ``result.json`` where the file does not say which program made the mask."""

_OF_DICOM: tuple[MaskKind, ...] = ("seg", "rtstruct")
_LONGEST_TEXT = 64
_UID = re.compile(r"(?=.{1,64}$)[0-2](\.(0|[1-9][0-9]*))+")  # PS3.5, 9.1


@dataclass(frozen=True)
class ImportTask:
    """Bringing in the mask of one case from a file.

    Parameters
    ----------
    mask
        The file: a volume, a segmentation of 3D Slicer, a DICOM SEG or an RTSTRUCT.
    modality
        Sequence of the images that it was made on.
    segment
        Which segment or region, where the file holds several; see `oncotrace.pipeline.inputs`.
    series_uid
        Series Instance UID, where the DICOM source holds several series.
    """

    mask: Path
    modality: Modality
    segment: str | None = None
    series_uid: str | None = None
    journey: ClassVar[str] = "import"

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values; the path is made complete, for verify."""
        return {
            "mask": str(self.mask.resolve()),
            "modality": self.modality,
            "segment": self.segment,
            "series_uid": self.series_uid,
        }

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of images and mask file."""
        image = file_of(case, case.images, self.modality, "image")
        return {"image": source_digest(image), "mask": file_digest(self.mask)}

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Write mask and picture of the case and return its result."""
        with clock.stage("read"):
            image = file_of(case, case.images, self.modality, "image")
            loaded = load_scan(image, self.modality, self.series_uid, pet_units="stored")
            found = load_mask(self.mask, image=loaded, region=self.segment)
            _require_same_images(found, loaded, self.mask, image)
            mask = Mask(found.mask.voxels, loaded.scan.geometry)  # exact, where a file has rounded
            mask.require_not_empty()
        with clock.stage("measure"):
            size = tumour_size(mask)
        with clock.stage("write"):
            write_mask(mask, folder / MASK_FILE)
        with clock.stage("picture"):
            title = f"{case.case_id}   {self.modality}   {_maker(found)}"
            picture = case_picture(loaded.scan, mask, size=size, title=title)
            write_bytes(folder / PICTURE_FILE, picture)
        return _result(mask_kind(self.mask), found, mask, loaded, size)


def import_case(
    mask: Path,
    source: Path | None,
    out: Path,
    *,
    segment: str | None = None,
    series_uid: str | None = None,
    modality: Modality | None = None,
    case_id: str = "case",
) -> dict[str, object]:
    """Bring a mask into a case folder of its own and return the content of ``result.json``.

    Parameters
    ----------
    mask
        A DICOM SEG, an RTSTRUCT, a segmentation of 3D Slicer, or a volume file.
    source
        The images that it was made on: DICOM folder, zip or file; for a volume or 3D Slicer's
        segmentation also a volume file.
    segment
        Number or name of the segment, or name of the region, where the file holds several.
    series_uid
        Which series, where the source holds several.
    modality
        Sequence of the images; none where DICOM says that it is CT.

    Raises
    ------
    OncotraceError
        Whatever is wrong with the mask, the images, the settings or the place for results; nothing
        is written then.
    """
    require_new(out)
    images = _required_source(mask, source)
    known = modality or modality_of(images, series_uid)
    task = ImportTask(mask, known, segment, series_uid)
    return run_single(task, Case(case_id, case_id, {known: images}), images, out, seed=0)


def _required_source(mask: Path, source: Path | None) -> Path:
    """Refuse a mask without images, and one of DICOM with images that have left DICOM."""
    kind = mask_kind(mask)
    if source is None:
        raise SettingsError(
            f"{mask.name} is {MASK_TITLES[kind]}; it becomes a case together with the images that "
            "it was made on.",
            hint="Give their DICOM folder with --source.",
            code="no-source",
        )
    if not source.exists():
        raise InputError(f"there is no file or folder {source.name}.", code="missing-file")
    if kind in _OF_DICOM and is_volume_file(source):
        raise SettingsError(
            f"{mask.name} is {MASK_TITLES[kind]}; whether it was made on {source.name}, a volume "
            "file, cannot be told.",
            hint="Give the DICOM folder of the images with --source.",
            code="no-source",
        )
    return source


def _require_same_images(found: LoadedMask, loaded: LoadedScan, mask: Path, source: Path) -> None:
    """Refuse a series of which a DICOM SEG names not a single image.

    RTSTRUCTs are not judged by it: many name images that do not exist.
    """
    if found.image_uids and found.image_uids.isdisjoint(loaded.sop_instance_uids):
        raise InputError(
            f"{mask.name} was made on other images than those of {source.name}: none of the "
            f"{len(found.image_uids)} that it names is there.",
            hint="Give the folder of the images that were segmented, or name the series with "
            "--series.",
            code="wrong-source",
        )


def _maker(found: LoadedMask) -> str:
    """Name of the program that made the mask, if the file gives one."""
    return (_long_string(found.segment.algorithm_name) if found.segment else "") or UNKNOWN_MAKER


def _long_string(text: str) -> str:
    """Text of a file if an export can write it again (LO, PS3.5, table 6.2-1), else nothing."""
    kept = text.strip()
    is_fit = len(kept) <= _LONGEST_TEXT and kept.isprintable() and "\\" not in kept
    return kept if is_fit else ""


def _tracking(found: LoadedMask) -> dict[str, str]:
    """By what the tumour is followed over time, for exports to go on with."""
    tracking_id, tracking_uid = found.tracking
    if not (_long_string(tracking_id) and _UID.fullmatch(tracking_uid)):
        return {}
    return {"tracking_id": _long_string(tracking_id), "tracking_uid": tracking_uid}


def _history(kind: MaskKind, found: LoadedMask) -> str:
    what = f", segment {found.segment.title}" if found.segment else ""
    if not what and found.name:
        what = f", {'region' if kind == 'rtstruct' else 'segment'} '{found.name}'"
    return f"imported from {MASK_TITLES[kind]}{what}"


def _result(
    kind: MaskKind, found: LoadedMask, mask: Mask, loaded: LoadedScan, size: TumourSize
) -> dict[str, object]:
    return {
        "modality": loaded.scan.modality,
        "model": _maker(found),
        "algorithm_type": (found.segment.algorithm_type or None) if found.segment else None,
        "imported_from": kind,
        **_tracking(found),
        **size_json(size),
        "predicted_dice": None,
        "predicted_dice_interval": None,
        "slices_to_check": None,
        "ends_to_check": None,
        "warnings": [*loaded.notes, *found.notes, *size_warnings(size)],
        "history": [_history(kind, found)],
        "series_uid": loaded.series_uid or None,
        "geometry": geometry_json(loaded.scan.geometry),
        "voxels": int(np.count_nonzero(mask.voxels)),
    }
