"""Reading what a journey starts from, whatever the format."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import MODALITIES, Modality, Scan
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.dicom_kind import DicomObject, dicom_object
from oncotrace.io.dicom_seg_file import Segment
from oncotrace.io.dicom_seg_read import list_segments, read_segment
from oncotrace.io.dicom_series import DicomSeries, is_dicom_source, list_series, read_series
from oncotrace.io.dicom_suv import SuvRecord, in_suv
from oncotrace.io.rtstruct import read_region
from oncotrace.io.slicer_segmentation import is_slicer_segmentation, read_slicer_segmentation
from oncotrace.io.volume_file import VOLUME_SUFFIXES, is_volume_file, read_scan
from oncotrace.io.volume_file import read_mask as read_mask_volume

OtherGrids = Literal["resample", "refuse"]
"""What is done with images of one patient that do not lie on the first one's grid."""

PetUnits = Literal["suv", "stored"]
"""What is made of PET from DICOM: SUV by body weight, or the values as the file has them."""

MaskKind = Literal["volume", "slicer", "seg", "rtstruct"]

MASK_TITLES: dict[MaskKind, str] = {
    "volume": "a mask volume",
    "slicer": "a segmentation of 3D Slicer",
    "seg": "a DICOM SEG",
    "rtstruct": "an RTSTRUCT",
}
"""What messages call the kinds of files that hold a mask."""


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan, what its reader noted, and the DICOM identifiers that contours refer to.

    Parameters
    ----------
    suv
        How PET from DICOM became SUV; none for any other image, and for stored values.
    """

    scan: Scan
    notes: tuple[str, ...] = ()
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()
    suv: SuvRecord | None = None


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask, what its reader noted, and what its file says of it.

    Parameters
    ----------
    name
        Name of the segment or region; empty for a plain volume.
    segment
        What a DICOM SEG says of its segment.
    tracking
        Identifier and UID by which the segment is followed over time; empty if not stated.
    image_uids
        SOP instances that a DICOM SEG says it was drawn on.
    """

    mask: Mask
    notes: tuple[str, ...] = ()
    name: str = ""
    segment: Segment | None = None
    tracking: tuple[str, str] = ("", "")
    image_uids: frozenset[str] = frozenset()


def load_scan(
    source: Path,
    modality: Modality | None = None,
    series_uid: str | None = None,
    *,
    pet_units: PetUnits = "suv",
) -> LoadedScan:
    """Scan in a DICOM folder, zip or file, or in a volume file.

    PET from DICOM comes in SUV, which is what networks, thresholds and steps expect; the values of
    a volume file are taken as they are.

    Parameters
    ----------
    pet_units
        ``stored`` leaves the values of PET as the file has them (usually Bq/ml); also for those who
        need no more than the grid.

    Raises
    ------
    InputError
        Nothing there can be read as one volume, or no SUV can be computed; the message says why.
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
    if series.scan.modality != "pet" or pet_units == "stored":
        return _loaded(series)
    made = in_suv(series, source)
    return _loaded(made.series, made.record)


def _loaded(series: DicomSeries, suv: SuvRecord | None = None) -> LoadedScan:
    return LoadedScan(
        series.scan,
        series.notes,
        series.series_uid,
        series.frame_of_reference_uid,
        series.sop_instance_uids,
        suv,
    )


def pet_units_named(name: str) -> PetUnits:
    """Return the choice of that name.

    Raises
    ------
    SettingsError
        There is none.
    """
    if name == "suv":
        return "suv"
    if name == "stored":
        return "stored"
    raise SettingsError(f"--pet-units is suv or stored, not {name!r}.")


def suv_json(record: SuvRecord | None) -> dict[str, object] | None:
    """Record of a conversion to SUV as plain JSON values."""
    return None if record is None else asdict(record)


def require_allowed_grids(scans: Mapping[Modality, Scan], other_grids: OtherGrids) -> None:
    """Refuse images on other grids than the first one's, if that is the setting.

    Raises
    ------
    GeometryMismatchError
        The message describes the two grids.
    """
    if other_grids == "resample":
        return
    first, *others = scans
    for name in others:
        scans[name].geometry.require_match(
            scans[first].geometry, this=f"{name} image", that=f"{first} image"
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


def mask_kind(source: Path) -> MaskKind:
    """Return what kind of file holds a mask, by its content where the name does not say it.

    Raises
    ------
    InputError
        There is no such file, or it is of no kind that holds a mask.
    """
    if is_volume_file(source):
        return "slicer" if is_slicer_segmentation(source) else "volume"
    found = None if source.is_dir() else dicom_object(source)
    if found is not None and found.kind == "segmentation":
        return "seg"
    if found is not None and found.kind == "structures":
        return "rtstruct"
    raise _holds_no_mask(source, found)


def load_mask(
    source: Path, *, image: LoadedScan | None = None, region: str | None = None
) -> LoadedMask:
    """Mask in a file of any kind that `mask_kind` knows.

    Parameters
    ----------
    image
        Image that it was drawn on. A DICOM SEG or RTSTRUCT needs it; what 3D Slicer has cropped is
        laid on its grid; a volume must have its grid.
    region
        Name of a region of an RTSTRUCT or a segment of 3D Slicer; number or label of a segment of a
        DICOM SEG. None where there is only one.

    Raises
    ------
    InputError
        The file cannot be read, does not fit ``image``, or has no such region, or several.
    EmptyMaskError
        A segment of a DICOM SEG, or a region of an RTSTRUCT, has no voxel.
    SettingsError
        A DICOM SEG or RTSTRUCT without the image it was drawn on, or a region of a plain volume.
    """
    kind = mask_kind(source)
    if kind == "volume":
        return _load_volume(source, image, region)
    if kind == "slicer":
        grid = None if image is None else image.scan.geometry
        mask = read_slicer_segmentation(source, segment=region, geometry=grid)
        return LoadedMask(mask, name=region or "")
    if image is None:
        raise SettingsError(
            f"{source.name} is {MASK_TITLES[kind]}, which needs the grid of the images that it was "
            "drawn on.",
            hint="Give their folder with --image, or a mask as a volume file.",
            code="no-source",
        )
    load = _load_segment if kind == "seg" else _load_region
    return load(source, image, region)


def _load_volume(source: Path, image: LoadedScan | None, region: str | None) -> LoadedMask:
    if region is not None:
        raise SettingsError(
            f"{source.name} is a plain volume: it has no regions or segments, none can be named."
        )
    mask = read_mask_volume(source)
    if image is not None:
        mask.geometry.require_match(image.scan.geometry, this="mask", that="image")
    return LoadedMask(mask)


def _load_segment(source: Path, image: LoadedScan, wanted: str | None) -> LoadedMask:
    found = read_segment(
        source,
        image.scan.geometry,
        number=None if wanted is None else _segment_number(source, wanted.strip()),
        frame_of_reference_uid=image.frame_of_reference_uid,
        sop_instance_uids=image.sop_instance_uids,
    )
    return LoadedMask(
        found.mask, found.notes, found.label, found.segment, found.tracking, found.image_uids
    )


def _load_region(source: Path, image: LoadedScan, wanted: str | None) -> LoadedMask:
    drawn = read_region(
        source,
        image.scan.geometry,
        name=wanted,
        frame_of_reference_uid=image.frame_of_reference_uid,
        sop_instance_uids=image.sop_instance_uids,
    )
    return LoadedMask(drawn.mask, drawn.notes, drawn.name)


def _segment_number(source: Path, wanted: str) -> int:
    """Return the number of the segment that has this number or this label."""
    segments = list_segments(source)
    found = [s for s in segments if wanted in (str(s.number), s.label)] or [
        s for s in segments if s.label.casefold() == wanted.casefold()
    ]
    if len(found) == 1:
        return found[0].number
    listed = ", ".join(segment.title for segment in found or segments) or "none"
    if not found:
        raise InputError(
            f"{source.name} has no segment {wanted!r}.",
            hint=f"Its segments: {listed}.",
            code="segment-not-found",
        )
    raise InputError(
        f"{source.name} has {len(found)} segments of the number or label {wanted!r}: {listed}.",
        hint="Give a number that is no other segment's label.",
        code="segment-ambiguous",
    )


def _holds_no_mask(source: Path, found: DicomObject | None) -> InputError:
    if found is not None and found.kind == "report":
        what = "is a structured report, which holds no mask"
        hint = "Read it with `oncotrace import`, or give the segmentation that it refers to."
    else:
        holds = "is a folder, not one file" if source.is_dir() else "is neither DICOM nor a volume"
        what = holds if found is None else f"holds no mask: it is {found.name}"
        hint = f"Give a DICOM SEG, an RTSTRUCT, or a file in {', '.join(VOLUME_SUFFIXES)}."
    return InputError(f"{source.name} {what}.", hint=hint, code="unknown-format")


def geometry_json(geometry: Geometry) -> dict[str, object]:
    """Geometry as plain JSON values, LPS millimetres."""
    return {
        "size_xyz": list(geometry.size_xyz),
        "spacing_mm": list(geometry.spacing_mm),
        "origin_mm": list(geometry.origin_mm),
        "direction": list(geometry.direction),
    }
