"""CT, MR and PET series: found in folders, archives and files, read as volumes or refused."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Modality, Scan
from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import StoredFile, is_zip, stored_files
from oncotrace.io.dicom_frames import MODALITY_OF_CLASS, Frame, frames_of
from oncotrace.io.dicom_geometry import same_plane, stack
from oncotrace.io.dicom_header import DicomHeader, quiet_pydicom, read_header
from oncotrace.io.dicom_pixels import pixel_payload, read_voxels

_OWN_MODALITIES: dict[str, Modality | None] = {"CT": "ct", "MR": None, "PT": "pet"}


@dataclass(frozen=True, eq=False)
class DicomSeries:
    """A series read as one volume.

    Parameters
    ----------
    scan
        Voxels rescaled by slope and intercept: Hounsfield units for CT, the scanner's units for
        MR, and for PET whatever its ``Units`` say (usually Bq/ml, not yet SUV; see ``notes``).
    frame_of_reference_uid
        Empty when the series names none.
    sop_instance_uids
        By file, in the order of the scan's z axis: one for every slice, or fewer of many frames.
    description
        Free text that may hold a name: for showing to the user, never for logs or errors.
    notes
        What the reader should know, without anything about the patient.
    """

    scan: Scan
    series_uid: str
    study_uid: str
    frame_of_reference_uid: str
    sop_instance_uids: tuple[str, ...]
    description: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SeriesSummary:
    """What a list of series shows.

    Parameters
    ----------
    modality
        As in DICOM: ``CT``, ``MR`` or ``PT``.
    description
        Free text that may hold a name.
    size_xyz
        Columns, rows, and slices over all files.
    """

    uid: str
    modality: str
    number_of_instances: int
    description: str
    size_xyz: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class StackedSeries:
    """Frames of a series in the order of the z axis of its grid.

    ``notes`` tell what was left out, without anything about the patient.
    """

    uid: str
    frames: list[Frame]
    geometry: Geometry
    notes: tuple[str, ...]

    @property
    def headers(self) -> list[DicomHeader]:
        """Files of the frames in their order, each once."""
        return list({id(frame.header): frame.header for frame in self.frames}.values())


@dataclass(frozen=True)
class _Content:
    """Images by series UID, and notes on what else the source holds."""

    series: dict[str, list[DicomHeader]]
    notes: tuple[str, ...]


def is_dicom_source(path: Path) -> bool:
    """Whether the path is a folder, a zip archive or a DICOM file, with or without preamble."""
    if path.is_dir():
        return True
    if not path.is_file():
        return False
    if is_zip(path):
        return True
    with stored_files(path) as files, quiet_pydicom():
        try:
            return read_header(files[0], path.name) is not None
        except DicomError:
            return True  # it begins as DICOM; reading it will say what is wrong


def list_series(source: Path) -> list[SeriesSummary]:
    """CT, MR and PET series in a folder, archive or file, the largest first.

    Raises
    ------
    DicomError
        The source is empty, holds no such series, or holds damaged files.
    """
    with stored_files(source) as files, quiet_pydicom():
        content = _content(files, source)
        summaries = [_summary(uid, headers) for uid, headers in content.series.items()]
    return sorted(summaries, key=lambda summary: (-summary.size_xyz[2], summary.uid))


def read_series(
    source: Path, *, series_uid: str | None = None, modality: Modality | None = None
) -> DicomSeries:
    """Read one series of a folder (recursively), zip archive or enhanced multi-frame file.

    Parameters
    ----------
    series_uid
        Which series, where the source holds several.
    modality
        What the scan is to be called; it must agree with the series.

    Raises
    ------
    InputError
        There is nothing at ``source``.
    DicomError
        The source does not hold exactly one such series, or the series is not one regular volume;
        ``code`` tells the reason.
    MissingDependencyError
        The pixels are compressed and the library that decodes them is not installed.
    """
    with stacked_series(source, series_uid) as series:
        first = series.frames[0].header
        own_modality = _modality(first)
        scan_modality = _agreed_modality(own_modality, modality)
        scan = Scan(read_voxels(series.frames), series.geometry, scan_modality)
        return DicomSeries(
            scan=scan,
            series_uid=series.uid,
            study_uid=first.text("StudyInstanceUID"),
            frame_of_reference_uid=first.text("FrameOfReferenceUID"),
            sop_instance_uids=tuple(h.required_text("SOPInstanceUID") for h in series.headers),
            description=first.description,
            notes=(*series.notes, *_value_notes(series.frames, own_modality)),
        )


@contextmanager
def stacked_series(source: Path, series_uid: str | None = None) -> Iterator[StackedSeries]:
    """Open one series and put its frames in order, without reading their pixels.

    The files can be read within the block.

    Raises
    ------
    InputError
        There is nothing at ``source``.
    DicomError
        The source does not hold exactly one such series, or the series is not one regular volume.
    """
    with stored_files(source) as files, quiet_pydicom():
        content = _content(files, source)
        uid = _chosen(content, series_uid)
        headers, duplicate_notes = _without_copies(content.series[uid])
        frames = [frame for header in headers for frame in frames_of(header)]
        frames, localiser_notes = _without_localisers(frames)
        stacked = stack(frames)
        notes = (*content.notes, *duplicate_notes, *localiser_notes, *stacked.notes)
        yield StackedSeries(uid, stacked.frames, stacked.geometry, notes)


def _content(files: list[StoredFile], source: Path) -> _Content:
    """Sort the files of a source by series; count what is not a CT, MR or PET image."""
    series: dict[str, list[DicomHeader]] = {}
    other_modalities: Counter[str] = Counter()
    foreign = 0
    for number, file in enumerate(files, start=1):
        header = read_header(file, _label(number, files, source))
        if header is None:
            _require_no_claim(file, number, files, source)
            foreign += 1
        elif header.sop_class in MODALITY_OF_CLASS:
            series.setdefault(header.required_text("SeriesInstanceUID"), []).append(header)
        else:
            other_modalities[header.text("Modality") or "other"] += 1
    if not series:
        raise _no_images(other_modalities, len(files))
    return _Content(series, _notes_on_others(other_modalities, foreign))


def _label(number: int, files: list[StoredFile], source: Path) -> str:
    """How messages call a file: by its number, for names of files may hold names of patients."""
    return source.name if len(files) == 1 else f"file {number} of {len(files)} (sorted by name)"


def _require_no_claim(file: StoredFile, number: int, files: list[StoredFile], source: Path) -> None:
    """Refuse a file that is called DICOM and is not: it may be a lost slice."""
    if len(files) == 1 or file.claims_dicom:
        raise DicomError(
            f"{_label(number, files, source)} is not DICOM, whatever its name says "
            f"({file.size_bytes} bytes).",
            hint="Fetch it again, or take it out of the folder.",
            code="not-dicom",
        )


def _no_images(other_modalities: Counter[str], number_of_files: int) -> DicomError:
    if not other_modalities:
        return DicomError(
            f"none of the {number_of_files} files is DICOM.",
            hint="Give the folder that holds the slices of the series.",
            code="not-dicom",
        )
    found = ", ".join(f"{count} {name}" for name, count in sorted(other_modalities.items()))
    return DicomError(
        f"there is no CT, MR or PET image among the {number_of_files} files; found {found}.",
        hint="Give the folder of the image series.",
        code="no-images",
    )


def _notes_on_others(other_modalities: Counter[str], foreign: int) -> tuple[str, ...]:
    notes = [
        f"{count} DICOM file(s) of type {name} were ignored."
        for name, count in sorted(other_modalities.items())
    ]
    if foreign:
        notes.append(f"{foreign} file(s) that are not DICOM were ignored.")
    return tuple(notes)


def _modality(header: DicomHeader) -> str:
    return header.text("Modality") or MODALITY_OF_CLASS[header.sop_class]


def _summary(uid: str, headers: list[DicomHeader]) -> SeriesSummary:
    columns, rows = (headers[0].integer(name, default=0) for name in ("Columns", "Rows"))
    return SeriesSummary(
        uid=uid,
        modality=_modality(headers[0]),
        number_of_instances=len(headers),
        description=headers[0].description,
        size_xyz=(
            columns,
            rows,
            sum(header.integer("NumberOfFrames", default=1) for header in headers),
        ),
    )


def _chosen(content: _Content, series_uid: str | None) -> str:
    """UID of the series to be read; refused where it is not clear which."""
    if series_uid in content.series:
        return series_uid
    if series_uid is None and len(content.series) == 1:
        return next(iter(content.series))
    summaries = [_summary(uid, headers) for uid, headers in content.series.items()]
    listed = "; ".join(
        f"{s.uid}: {s.modality}, {s.number_of_instances} file(s) of {s.size_xyz[0]} x "
        f"{s.size_xyz[1]} pixels"
        for s in sorted(summaries, key=lambda s: -s.size_xyz[2])
    )
    if series_uid is None:
        raise DicomError(
            f"{len(summaries)} series are found where one is expected: {listed}.",
            hint="Choose one with `--series UID`.",
            code="several-series",
        )
    raise DicomError(
        f"there is no series {series_uid}; found {listed}.",
        hint="Choose one with `--series UID`.",
        code="unknown-series",
    )


def _agreed_modality(own: str, wanted: Modality | None) -> Modality | None:
    """Modality of the scan, refused where what is wanted contradicts what the files say."""
    if wanted is None:
        return _OWN_MODALITIES.get(own)
    expected = {"ct": "CT", "pet": "PT"}.get(wanted, "MR")
    if own != expected:
        raise DicomError(
            f"the series is {own}, it cannot be read as {wanted} (which is {expected}).",
            hint="Check --modality, or give the other series.",
            code="wrong-modality",
        )
    return wanted


def _without_copies(headers: list[DicomHeader]) -> tuple[list[DicomHeader], tuple[str, ...]]:
    """Headers with every SOP instance once; copies must be identical in place and pixels."""
    kept: dict[str, DicomHeader] = {}
    copies = 0
    for header in headers:
        uid = header.required_text("SOPInstanceUID")
        if uid not in kept:
            kept[uid] = header
        elif _is_copy(header, kept[uid]):
            copies += 1
        else:
            raise DicomError(
                f"{header.label} and {kept[uid].label} carry the same SOPInstanceUID but differ.",
                hint="Find out which one is right and take the other out of the folder.",
                code="duplicate-slices",
            )
    notes = (f"{copies} identical copies of slices were ignored.",) if copies else ()
    return list(kept.values()), notes


def _is_copy(header: DicomHeader, other: DicomHeader) -> bool:
    return header.dataset == other.dataset and pixel_payload(header) == pixel_payload(other)


def _without_localisers(frames: list[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Frames without those marked as localisers, where these lie in other planes."""
    images = [frame for frame in frames if "LOCALIZER" not in frame.traits.get("ImageType", "")]
    if len(images) in (0, len(frames)) or all(same_plane(images[0], frame) for frame in frames):
        return frames, ()
    return images, (f"{len(frames) - len(images)} localiser image(s) were ignored.",)


def _value_notes(frames: list[Frame], modality: str) -> tuple[str, ...]:
    header = frames[0].header
    notes = []
    if modality == "PT":
        units = header.text("Units") or "unknown units"
        meaning = "SUV, g/ml" if units == "GML" else f"{units}, not converted to SUV"
        notes.append(f"PET values are as stored ({meaning}).")
    if modality == "CT" and not any(frame.is_rescaled for frame in frames):
        notes.append("The files have no RescaleSlope; stored values are taken as Hounsfield units.")
    if header.text("PhotometricInterpretation") == "MONOCHROME1":
        notes.append(
            "The series is meant to be shown inverted (MONOCHROME1); values are as stored."
        )
    if header.text("LossyImageCompression") == "01":
        notes.append("The images have been compressed with loss.")
    return tuple(notes)
