"""Reading what a journey starts from, whatever the format."""

from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import MODALITIES, Modality, Scan
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.dicom_series import is_dicom_source, list_series, read_series
from oncotrace.io.rtstruct import read_region
from oncotrace.io.volume_file import VOLUME_SUFFIXES, is_volume_file, read_scan
from oncotrace.io.volume_file import read_mask as read_mask_volume


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan, what its reader noted, and the DICOM identifiers that contours refer to."""

    scan: Scan
    notes: tuple[str, ...] = ()
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask and what its reader noted."""

    mask: Mask
    notes: tuple[str, ...] = ()


def load_scan(
    source: Path, modality: Modality | None = None, series_uid: str | None = None
) -> LoadedScan:
    """Scan in a DICOM folder, zip or file, or in a volume file.

    Raises
    ------
    InputError
        Nothing there can be read as one volume; the message says why.
    SettingsError
        A series is named, but the source is not DICOM.
    """
    if not source.exists():
        raise InputError(f"there is no file or folder {source.name}.", code="missing-file")
    if is_volume_file(source):
        if series_uid is not None:
            raise SettingsError(f"--series names a DICOM series, {source.name} is a volume file.")
        return LoadedScan(read_scan(source, modality))
    if not is_dicom_source(source):
        raise InputError(
            f"{source.name} is neither DICOM (folder, zip or file) nor a volume file.",
            hint=f"Volume files end in {', '.join(VOLUME_SUFFIXES)}.",
            code="unknown-format",
        )
    series = read_series(source, series_uid=series_uid, modality=modality)
    return LoadedScan(
        series.scan,
        series.notes,
        series.series_uid,
        series.frame_of_reference_uid,
        series.sop_instance_uids,
    )


def modality_of(source: Path, series_uid: str | None = None) -> Modality:
    """Modality that a DICOM source states beyond doubt: CT.

    Raises
    ------
    SettingsError
        The source is a volume file, or its series is not CT: the sequence must be given then.
    """
    if source.exists() and not is_volume_file(source) and is_dicom_source(source):
        found = {
            series.modality for series in list_series(source) if series_uid in (None, series.uid)
        }
        if found == {"CT"}:
            return "ct"
    raise SettingsError(
        f"{source.name} does not say which sequence it is.",
        hint=f"Give --modality, one of {', '.join(MODALITIES)}.",
        code="modality-unknown",
    )


def load_mask(
    source: Path, *, image: LoadedScan | None = None, region: str | None = None
) -> LoadedMask:
    """Mask in a volume file, or a region of an RTSTRUCT drawn on ``image``.

    Raises
    ------
    InputError
        The file cannot be read, or lies on another grid than ``image``.
    SettingsError
        An RTSTRUCT without the image it was drawn on, or a region of a volume file.
    """
    if is_volume_file(source):
        if region is not None:
            raise SettingsError(f"--region names an RTSTRUCT region, {source.name} is a volume.")
        mask = read_mask_volume(source)
        if image is not None:
            mask.geometry.require_match(image.scan.geometry, this="mask", that="image")
        return LoadedMask(mask)
    if image is None:
        raise SettingsError(
            f"{source.name} is taken for an RTSTRUCT, whose contours need the grid of their image.",
            hint="Give --image, or a mask as a volume file.",
        )
    drawn = read_region(
        source,
        image.scan.geometry,
        name=region,
        frame_of_reference_uid=image.frame_of_reference_uid,
        sop_instance_uids=image.sop_instance_uids,
    )
    return LoadedMask(drawn.mask, drawn.notes)


def geometry_json(geometry: Geometry) -> dict[str, object]:
    """Geometry as plain JSON values, LPS millimetres."""
    return {
        "size_xyz": list(geometry.size_xyz),
        "spacing_mm": list(geometry.spacing_mm),
        "origin_mm": list(geometry.origin_mm),
        "direction": list(geometry.direction),
    }
