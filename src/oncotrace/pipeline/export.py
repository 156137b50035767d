"""The exporting journey: a segmented tumour for archives, planning systems and viewers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from uuid import NAMESPACE_OID, uuid5

from oncotrace import __version__
from oncotrace.domain.clicks import Clicks
from oncotrace.domain.mask import Mask
from oncotrace.domain.measurement import Diameter
from oncotrace.domain.segmentation import Quality
from oncotrace.errors import InputError, SettingsError
from oncotrace.imaging.surface_mesh import surface_mesh
from oncotrace.io.clicks_file import read_clicks
from oncotrace.io.dicom_seg import (
    AlgorithmFamily,
    AlgorithmType,
    TumourSegment,
    write_segmentation,
)
from oncotrace.io.dicom_source import SourceSeries, read_source
from oncotrace.io.rtstruct_write import write_structure
from oncotrace.io.slicer_markups_write import write_case_markups
from oncotrace.io.slicer_segmentation import write_slicer_segmentation
from oncotrace.io.stl_file import write_stl
from oncotrace.io.structured_report import TumourReport, write_report
from oncotrace.io.volume_file import read_mask, write_mask
from oncotrace.measure.tumour_size import tumour_size
from oncotrace.pipeline.export_formats import DICOM_FORMATS, FILE_OF_FORMAT
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.folder import read_json, require_new, whole_folder
from oncotrace.pipeline.run.replacement import is_half_replaced
from oncotrace.pipeline.segmented_case import CLICKS_FILE, MASK_FILE

_VOLUMES = {"nifti", "nrrd"}
_DIAMETERS = {
    "longest_axial_diameter": "Longest axial diameter",
    "perpendicular_diameter": "Perpendicular diameter",
    "longest_3d_diameter": "Longest 3D diameter",
}
_REGION_NAME = "GTV"
_SEGMENT_NAME = "Tumour"
_ALGORITHM_FAMILY: dict[str, AlgorithmFamily] = {"six-click-graphcut": "graph-cut"}


@dataclass(frozen=True)
class Exported:
    """Files that were written, and what the reader should know of their source."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def export_case(
    case_folder: Path,
    out: Path,
    *,
    formats: Collection[str],
    source: Path | None,
    series_uid: str | None = None,
) -> Exported:
    """Write the tumour of a case that was segmented into a new folder, in every format named.

    Parameters
    ----------
    case_folder
        What `segment` wrote for one case: a folder with ``mask.nii.gz`` and ``result.json``, and
        ``clicks.json`` for the markups, which without it hold the diameters alone.
    formats
        Names of `FILE_OF_FORMAT`.
    source
        DICOM folder, zip or file with the images that were segmented; needed for DICOM formats.
    series_uid
        Which series, where the source holds several.

    Raises
    ------
    SettingsError
        There is no such format, or a DICOM format is asked for without the images.
    InputError
        The folder holds no case, or one whose correction was interrupted, or the source is not the
        series that was segmented.
    ClickError
        The case's clicks, wanted for the markups, cannot be read.
    EmptyMaskError
        The mask is empty.
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    wanted = known_formats(formats)
    require_new(out)
    if source is None and (dicom := [name for name in wanted if name in DICOM_FORMATS]):
        raise SettingsError(
            f"{', '.join(dicom)} must refer to the images that were segmented.",
            hint="Give their DICOM folder with --source.",
            code="no-source",
        )
    _require_whole(case_folder)
    result = _result_of(case_folder)
    mask = read_mask(case_folder / MASK_FILE)
    mask.require_not_empty()
    series = None if source is None else _source_of(source, series_uid, mask, result)
    clicks = _clicks_of(case_folder) if "markups" in wanted else None
    with whole_folder(out) as folder:
        files = write_formats(mask, result, series, folder, wanted, clicks=clicks)
    notes = [] if series is None else [*series.notes]
    if "markups" in wanted and clicks is None:
        notes.append("the case has no clicks, so the markups are its diameters alone.")
    return Exported(tuple(out / file.name for file in files), tuple(notes))


def known_formats(names: Collection[str]) -> tuple[str, ...]:
    """Return the formats in their order; with a report always the segmentation it refers to.

    Raises
    ------
    SettingsError
        None is named, or one that there is not.
    """
    unknown = sorted(set(names) - FILE_OF_FORMAT.keys())
    if unknown or not names:
        what = f"there is no format {unknown[0]!r}" if unknown else "no format is named"
        raise SettingsError(
            f"{what}.", hint=f"Known formats: {', '.join(FILE_OF_FORMAT)}.", code="unknown-export"
        )
    wanted = {*names, "seg"} if "sr" in names else set(names)
    return tuple(name for name in FILE_OF_FORMAT if name in wanted)


def write_formats(
    mask: Mask,
    result: Mapping[str, object],
    series: SourceSeries | None,
    folder: Path,
    formats: Collection[str],
    *,
    clicks: Clicks | None = None,
) -> list[Path]:
    """Write a mask and what ``result.json`` says of it in the formats; returns the files.

    The clicks are shown by markups alone.
    """
    files = {name: folder / FILE_OF_FORMAT[name] for name in formats}
    if series is not None and any(name in files for name in DICOM_FORMATS):
        _write_dicom(mask, result, series, files)
    if "stl" in files:
        write_stl(surface_mesh(mask), files["stl"])
    if "slicer" in files:
        write_slicer_segmentation(mask, files["slicer"], name=_SEGMENT_NAME)
    for name in _VOLUMES & files.keys():
        write_mask(mask, files[name])
    if "markups" in files:
        diameters = {title: _diameter(result, name) for name, title in _DIAMETERS.items()}
        write_case_markups(files["markups"], clicks=clicks, diameters=diameters)
    return list(files.values())


def _write_dicom(
    mask: Mask, result: Mapping[str, object], series: SourceSeries, files: Mapping[str, Path]
) -> None:
    maker, case_id = str(result["model"]), str(result["case_id"])
    mask = Mask(mask.voxels, series.geometry)  # exact, where a file has rounded the grid
    algorithm_type = _algorithm_type(result)
    tracking_id = str(result.get("tracking_id", case_id))
    own_uid = _tracking_uid(series.series_uid, str(result["input_digest"]))
    tracking_uid = str(result.get("tracking_uid", own_uid))
    if "rtstruct" in files:
        write_structure(
            mask, files["rtstruct"], series, name=_REGION_NAME, algorithm=algorithm_type
        )
    if "seg" in files:
        segment = TumourSegment(
            algorithm_type=algorithm_type,
            algorithm_name=maker,
            tracking_id=tracking_id,
            tracking_uid=tracking_uid,
            label=_SEGMENT_NAME,
            algorithm_version="unknown" if "imported_from" in result else __version__,
            algorithm_family=_ALGORITHM_FAMILY.get(maker, "artificial-intelligence"),
        )
        segmentation = write_segmentation(mask, files["seg"], series, segment=segment)
        if "sr" in files:
            report = TumourReport(
                size=tumour_size(mask),
                maker=maker,
                tracking_id=tracking_id,
                tracking_uid=tracking_uid,
                quality=_quality(result),
            )
            write_report(report, files["sr"], series, segmentation=segmentation)


def _algorithm_type(result: Mapping[str, object]) -> AlgorithmType:
    """How the mask came about; one of unknown origin is the user's own (PS3.3, C.8.20.4)."""
    stated = result.get("algorithm_type", "SEMIAUTOMATIC")
    return next((known for known in get_args(AlgorithmType) if known == stated), "MANUAL")


def _tracking_uid(series_uid: str, input_digest: str) -> str:
    """UID of a tumour: the same however often it is written (PS3.5, B.2)."""
    return f"2.25.{uuid5(NAMESPACE_OID, f'{series_uid} {input_digest}').int}"


def _quality(result: Mapping[str, object]) -> Quality | None:
    """Predicted quality that ``result.json`` holds, if the segmenter predicts it."""
    dice, interval = result.get("predicted_dice"), result.get("predicted_dice_interval")
    slices, ends = result.get("slices_to_check"), result.get("ends_to_check")
    if not isinstance(dice, float) or not isinstance(interval, list):
        return None
    low, high = interval
    return Quality(
        dice,
        (float(low), float(high)),
        tuple(map(int, slices)) if isinstance(slices, list) else (),
        tuple(map(str, ends)) if isinstance(ends, list) else (),
    )


def _require_whole(case_folder: Path) -> None:
    """Refuse a case of whose files some are those before a correction and some those after."""
    if is_half_replaced(case_folder):
        raise InputError(
            f"a correction of {case_folder.name} was interrupted, so its files do not belong "
            "together.",
            hint="Run oncotrace refine on it once, without options, which finishes the correction.",
            code="correction-interrupted",
        )


def _clicks_of(case_folder: Path) -> Clicks | None:
    """Clicks of a case; none where the mask was made elsewhere."""
    path = case_folder / CLICKS_FILE
    clicks = read_clicks(path) if path.is_file() else Clicks()
    return clicks if clicks.has_first or clicks.corrections else None


def _diameter(result: Mapping[str, object], name: str) -> Diameter:
    """Return a diameter that ``result.json`` holds, with its ends."""
    match result.get(f"{name}_mm"), result.get(f"{name}_points_mm"):
        case (
            float(length_mm),
            [[float(x1), float(y1), float(z1)], [float(x2), float(y2), float(z2)]],
        ):
            return Diameter(length_mm, (x1, y1, z1), (x2, y2, z2))
    raise InputError(
        f"{RESULT_FILE} does not hold {name}_mm and {name}_points_mm, a length and two points.",
        hint="Give a folder that oncotrace segment or import has written; if it is one, restore "
        f"its {RESULT_FILE} from a copy.",
        code="not-a-case",
    )


def _result_of(case_folder: Path) -> dict[str, object]:
    result = read_json(case_folder / RESULT_FILE)
    missing = [name for name in ("case_id", "model", "input_digest") if name not in result]
    if missing:
        raise InputError(
            f"{case_folder.name} does not hold a segmented case: its {RESULT_FILE} has no "
            f"{missing[0]}.",
            hint="Give a folder that oncotrace segment has written, or one below cases/ of a run.",
            code="not-a-case",
        )
    return result


def _source_of(
    source: Path, series_uid: str | None, mask: Mask, result: Mapping[str, object]
) -> SourceSeries:
    """Series that the mask was made on, as far as that can be told."""
    series = read_source(source, series_uid=series_uid)
    segmented = result.get("series_uid")
    if segmented not in (None, series.series_uid):
        raise InputError(
            f"{source.name} holds another series than the one that was segmented, {segmented}.",
            hint="Give the folder of the segmented images, or name the series with --series.",
            code="wrong-source",
        )
    mask.geometry.require_match(series.geometry, this="mask", that="source series")
    return series
