"""Looking at the voxels of an inventory's images and masks; every image is read once."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.curate.check_rules import Limits
from oncotrace.curate.cohort_checks import identical_pixels
from oncotrace.curate.flag import Flag
from oncotrace.curate.read_checks import (
    mask_not_found,
    mask_of_unread_image,
    read_flag,
    refused_image,
    refused_mask,
    suv_flag,
)
from oncotrace.curate.series import Series
from oncotrace.curate.voxel_checks import coarse_body, flip_of_bodies, image_flags, mask_flags
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import MODALITIES, Modality, Scan
from oncotrace.errors import OncotraceError
from oncotrace.io.dicom_seg_read import list_segments
from oncotrace.io.rtstruct_file import Structure, read_structures
from oncotrace.io.series_files import files_of_series, gathered
from oncotrace.pipeline.inputs import LoadedScan, load_mask, load_scan, mask_kind

OfSeries = tuple[str, Flag]
"""UID of a series, and a flag of it."""

_KNOWN: dict[str, Modality] = {name: name for name in MODALITIES}


@dataclass(frozen=True)
class LookedAt:
    """One series of images whose voxels were looked at; ``done`` of ``total`` so far."""

    done: int
    total: int


@dataclass(frozen=True)
class SeriesFiles:
    """Where the files of an inventory lie.

    Parameters
    ----------
    root
        Folder or archive that the inventory was made of.
    index
        Index beside the inventory; none if it is gone. Without it a series is looked for in the one
        folder that the inventory names.
    """

    root: Path
    index: Path | None

    @contextmanager
    def of(self, series: Series) -> Iterator[Path]:
        """Give a folder that holds the files of a series; with an index these alone.

        Raises
        ------
        OncotraceError
            Files are gone, or the index does not know them.
        """
        if self.index is None:
            yield self.root / series.folder
            return
        key = (series.series_uid, series.study_uid, series.patient_id)
        with gathered(self.root, files_of_series(self.index, *key)) as folder:
            yield folder


@dataclass
class VoxelChecks:
    """What is remembered from one image to the next: digests, and a body per frame of reference."""

    files: SeriesFiles
    limits: Limits
    digests: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Mask] = field(default_factory=dict)

    def look_at(self, all_series: Sequence[Series]) -> Iterator[OfSeries | LookedAt]:
        """Yield the flags of all images and their masks, and how far it is."""
        volumes = [s for s in all_series if s.holds_pixels and s.modality in ("CT", "MR", "PT")]
        masks = {s.series_uid: s for s in all_series if s.modality in ("RTSTRUCT", "SEG")}
        for done, one in enumerate(volumes, start=1):
            of_image = [masks[uid] for uid in one.referred_by if uid in masks]
            yield from self._image(one, of_image)
            yield LookedAt(done, len(volumes))
        yield from identical_pixels(self.digests).items()

    def _image(self, series: Series, masks: Sequence[Series]) -> Iterator[OfSeries]:
        loaded, flags = self._read(series)
        yield from ((series.series_uid, flag) for flag in flags)
        if loaded is None:
            yield from ((mask.series_uid, mask_of_unread_image()) for mask in masks)
            return
        voxels = loaded.scan.voxels
        self.digests[series.series_uid] = hashlib.sha256(voxels.tobytes()).hexdigest()
        for flag in image_flags(loaded.scan, self.limits):
            yield series.series_uid, flag
        if flip := self._flip(series, loaded.scan):
            yield series.series_uid, flip
        for mask in masks:
            yield from ((mask.series_uid, flag) for flag in self._masks(mask, loaded))

    def _read(self, series: Series) -> tuple[LoadedScan | None, list[Flag]]:
        """Read a volume; a PET that does not become SUV as it is stored."""
        try:
            with self.files.of(series) as folder:
                return _volume(series, folder)
        except OncotraceError as error:
            return None, [refused_image(error)]

    def _flip(self, series: Series, scan: Scan) -> Flag | None:
        """Compare left and right with the first image that shows a body in the same frame."""
        body = coarse_body(scan)
        if body is None:
            return None
        first = self.bodies.setdefault(series.frame_of_reference_uid or series.series_uid, body)
        return None if first is body else flip_of_bodies(body, first, self.limits)

    def _masks(self, masks: Series, image: LoadedScan) -> Iterator[Flag]:
        """Yield the flags of every structure of a structure set or segmentation."""
        is_guess = masks.link != "series"
        try:
            with self.files.of(masks) as folder:
                files = sorted(path for path in folder.glob("*") if path.is_file())
                if self.files.index is None and len(files) != 1:
                    yield mask_not_found(len(files))
                    return
                for drawn in (one for file in files for one in drawn_in(file)):
                    yield from self._structure(drawn, image, is_guess=is_guess)
        except OncotraceError as error:
            yield from refused_mask(error, image_is_guess=is_guess)

    def _structure(self, drawn: "Drawn", image: LoadedScan, *, is_guess: bool) -> Iterator[Flag]:
        try:
            mask = load_mask(drawn.file, image=image, region=drawn.region).mask
        except OncotraceError as error:
            flags = refused_mask(error, image_is_guess=is_guess)
        else:
            flags = mask_flags(mask, image.scan, self.limits, drawn_mm=drawn.points_mm())
        for flag in flags:
            yield Flag(flag.check, flag.passed, f"{drawn.name}: {flag.value}", flag.rule)


@dataclass(frozen=True)
class Drawn:
    """A structure in a file: what it is asked for by, and called; contours if it has them."""

    file: Path
    region: str
    name: str
    contours: Structure | None = None

    def points_mm(self) -> NDArray[np.float64] | None:
        """Points (n, 3) of its closed contours; none of a segmentation."""
        if self.contours is None:
            return None
        return np.concatenate([contour.points_mm() for contour in self.contours.closed])


def drawn_in(file: Path) -> list[Drawn]:
    """Regions of a structure set, or segments of a segmentation.

    Raises
    ------
    InputError
        It is neither, or cannot be read.
    """
    if mask_kind(file) == "rtstruct":
        return [Drawn(file, s.name, s.name, s) for s in read_structures(file)]
    return [Drawn(file, str(s.number), s.label) for s in list_segments(file)]


def _volume(series: Series, folder: Path) -> tuple[LoadedScan, list[Flag]]:
    """Read a volume, with the flags of that; a PET without SUV as its values are stored.

    Raises
    ------
    OncotraceError
        It is not one volume.
    """
    modality, uid = _KNOWN.get(series.modality_name), series.series_uid
    flags = []
    try:
        loaded = load_scan(folder, modality, uid)
    except OncotraceError as error:
        if series.modality != "PT":
            raise
        loaded = load_scan(folder, modality, uid, pet_units="stored")
        flags.append(suv_flag(error))
    else:
        if loaded.suv is not None:
            flags.append(suv_flag(None))
    return loaded, [read_flag(loaded.scan.geometry.describe()), *flags]
