"""Segments of a DICOM segmentation as masks on an image's grid.

Frames are matched to slices by their planes, never by their order or by the images that they name.
Their rows and columns may run along the grid's axes in any direction; nothing is resampled.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.errors import DicomError, EmptyMaskError
from oncotrace.io.dicom_frames import Frame
from oncotrace.io.dicom_header import (
    DEFLATED_LITTLE,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DicomHeader,
    quiet_pydicom,
)
from oncotrace.io.dicom_pixels import pixel_payload, read_voxels
from oncotrace.io.dicom_seg_file import Segment, StoredSegmentation, opened_segmentation

_UNCOMPRESSED = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE)
_TURN = 0.01  # of a direction cosine; what less amounts to is measured at the corners
_OFF_GRID = 0.25  # voxels: more than the rounding of positions and spacings adds up to
_NOTED_OFF_GRID = 0.05


@dataclass(frozen=True, eq=False)
class SegmentMask:
    """A segment as a mask, with notes on whatever did not fit the image exactly.

    ``tracking`` is the identifier and the UID by which the segment is followed over time, empty if
    not stated; ``image_uids`` are the instances that the file says it was drawn on.
    """

    mask: Mask
    label: str
    notes: tuple[str, ...]
    segment: Segment
    tracking: tuple[str, str]
    image_uids: frozenset[str]


@dataclass(frozen=True)
class _Place:
    """Where a frame goes on the grid; ``offset`` is how far beside, at most, in voxels."""

    z: int
    is_transposed: bool
    steps_yx: tuple[int, int]
    offset: float

    def turned(self, pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Pixels [row, column] of the frame as voxels [y, x] of the slice."""
        y, x = self.steps_yx
        return (pixels.T if self.is_transposed else pixels)[::y, ::x]


def list_segments(path: Path) -> list[Segment]:
    """Segments of a DICOM segmentation, in the file's order, without the background of a label map.

    Raises
    ------
    DicomError
        The file is missing, damaged, truncated or not a segmentation.
    """
    with opened_segmentation(path) as stored:
        return stored.segments


def read_segment(
    path: Path,
    geometry: Geometry,
    *,
    number: int | None = None,
    frame_of_reference_uid: str = "",
    sop_instance_uids: Collection[str] = (),
) -> SegmentMask:
    """Mask of one segment of a DICOM segmentation on an image's grid.

    Slices without a frame are empty. Of a fractional segmentation, voxels of at least half the
    maximum are taken.

    Parameters
    ----------
    geometry
        Grid of the image. Frames must cover its slices pixel by pixel, to a quarter of a voxel.
    number
        Number of the segment. None where there is only one.
    frame_of_reference_uid
        The image's frame of reference; empty where it is unknown (a volume file).
    sop_instance_uids
        The image's instances; references to others are counted in a note.

    Raises
    ------
    DicomError
        The file cannot be read, the segment cannot be told, or it does not fit this image.
    EmptyMaskError
        The segment has no voxel.
    MissingDependencyError
        The pixels are compressed and the library that decodes them is not installed.
    """
    with opened_segmentation(path) as stored:
        segment = _chosen(stored.segments, number, path.name)
        _require_same_frame(stored.header, frame_of_reference_uid)
        frames = stored.frames_of(segment)
        tracking = stored.tracking_of(segment)
        image_uids = frozenset(stored.images_of(frames))
        notes = [*_notes_on_kind(stored), *_notes_on_images(image_uids, sop_instance_uids)]
    places = [_place(frame, geometry) for frame in frames]
    _require_one_per_slice(places, path.name)
    voxels = np.zeros(geometry.shape_zyx, dtype=np.bool_)
    for place, pixels in zip(places, _pixels(frames), strict=True):
        voxels[place.z] = place.turned(_belonging(pixels, stored, segment))
    if not voxels.any():
        raise EmptyMaskError(
            f"segment {segment.title} of {path.name} has no voxel.",
            hint="Check that this is the intended segment.",
        )
    notes += _notes_on_fit(places)
    mask = Mask(voxels, geometry)
    return SegmentMask(mask, segment.label, tuple(notes), segment, tracking, image_uids)


def _chosen(segments: list[Segment], number: int | None, file: str) -> Segment:
    """Return the segment of that number, or the only one."""
    listed = ", ".join(segment.title for segment in segments) or "none"
    found = [segment for segment in segments if number in (None, segment.number)]
    if not found:
        raise DicomError(
            f"{file} has no segment{'' if number is None else f' {number}'}.",
            hint=f"Its segments: {listed}.",
            code="segment-not-found",
        )
    if len(found) > 1:
        raise DicomError(
            f"{file} has {len(found)} segments: {listed}.",
            hint="Give the number of the one to be used.",
            code="segment-not-chosen",
        )
    return found[0]


def _require_same_frame(header: DicomHeader, frame_of_reference_uid: str) -> None:
    own = header.text("FrameOfReferenceUID")
    if own and frame_of_reference_uid and own != frame_of_reference_uid:
        raise DicomError(
            f"{header.label} lies in another frame of reference than the image: positions in the "
            "two cannot be compared.",
            hint="Give the series that was segmented.",
            code="wrong-frame-of-reference",
        )


def _belonging(
    pixels: NDArray[np.generic], stored: StoredSegmentation, segment: Segment
) -> NDArray[np.bool_]:
    """Which pixels of a frame belong to the segment (PS3.3, C.8.20.2.3)."""
    if stored.kind == "LABELMAP":
        return np.asarray(pixels == segment.number)
    return np.asarray(2 * pixels.astype(np.uint16) >= stored.largest_value)


def _notes_on_kind(stored: StoredSegmentation) -> list[str]:
    if stored.kind != "FRACTIONAL":
        return []
    return [
        f"The segmentation is fractional, from 0 to {stored.largest_value}; voxels of at least "
        "half were taken."
    ]


def _notes_on_images(named: frozenset[str], sop_instance_uids: Collection[str]) -> list[str]:
    foreign = named.difference(sop_instance_uids)
    if not sop_instance_uids or not foreign:
        return []
    return [
        f"{len(foreign)} of {len(named)} images that the segmentation refers to are not in this "
        "series; matched by position."
    ]


def _notes_on_fit(places: list[_Place]) -> list[str]:
    offset = max(place.offset for place in places)
    if offset <= _NOTED_OFF_GRID:
        return []
    return [f"Frames lie up to {offset:.2f} voxels beside the image's grid."]


# ---- frames on the grid -------------------------------------------------------------------------


def _place(frame: Frame, geometry: Geometry) -> _Place:
    """Place of a frame whose pixels are voxels of the grid.

    Raises
    ------
    DicomError
        ``segment-off-grid``: the frame is turned, or of another size or spacing, or lies between
        or outside of the slices.
    """
    axes, along = _followed_axes(frame, geometry)
    _require_same_pixels(frame, axes, geometry)
    columns, rows = frame.size_xy
    reach = np.array([[0, 0], [columns - 1, 0], [0, rows - 1]])
    reach_mm = reach * frame.pixel_spacing_mm
    size_xyz = np.array(geometry.size_xyz)
    with np.errstate(over="ignore", invalid="ignore"):  # absurd positions are refused below
        corners = geometry.to_index(frame.position_mm + reach_mm @ frame.orientation)
        z = np.rint(corners[:, 2].mean())
        first = np.where(along.sum(axis=0) < 0, size_xyz - 1, [0, 0, z])
        offset = float(np.abs(corners - first - reach @ along).max())
    if not (offset <= _OFF_GRID and 0 <= z < size_xyz[2]):
        raise _off_grid(
            f"frame {frame.index + 1} of {frame.header.label} fills no slice of the image: its "
            f"first pixel lies at voxel ({', '.join(f'{i:.5g}' for i in corners[0])}) of "
            f"{' x '.join(map(str, geometry.size_xyz))}, counted from 0."
        )
    x, y, _ = (int(step) for step in along.sum(axis=0))
    return _Place(int(z), bool(axes[0] == 1), (y, x), offset)


def _followed_axes(
    frame: Frame, geometry: Geometry
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Grid axes that the frame's rows and its columns follow, and their directions, (2, 3)."""
    cosines = frame.orientation @ geometry.axes
    axes = np.abs(cosines[:, :2]).argmax(axis=1)
    along = np.zeros((2, 3))
    along[[0, 1], axes] = np.sign(cosines[[0, 1], axes])
    if axes[0] == axes[1] or np.abs(cosines - along).max() > _TURN:
        nearest = min(1.0, float(np.abs(cosines[[0, 1], axes]).min()))
        raise _off_grid(
            f"the planes of {frame.header.label} are turned by "
            f"{np.degrees(np.arccos(nearest)):.1f} degrees against the image's slices."
        )
    return axes, along


def _require_same_pixels(frame: Frame, axes: NDArray[np.intp], geometry: Geometry) -> None:
    size = np.array(geometry.size_xyz)[axes]
    if tuple(size) != frame.size_xy:
        raise _off_grid(
            f"the frames of {frame.header.label} have {frame.size_xy[0]} x {frame.size_xy[1]} "
            f"pixels, the image's slices {size[0]} x {size[1]}."
        )
    found_mm, expected_mm = np.array(frame.pixel_spacing_mm), np.array(geometry.spacing_mm)[axes]
    if (np.abs(found_mm / expected_mm - 1) * size > _OFF_GRID).any():
        raise _off_grid(
            f"the pixels of {frame.header.label} measure {found_mm[0]:.5g} x {found_mm[1]:.5g} mm, "
            f"the image's {expected_mm[0]:.5g} x {expected_mm[1]:.5g} mm."
        )


def _off_grid(finding: str) -> DicomError:
    return DicomError(
        finding,
        hint="Give the series that was segmented, or resample the segmentation onto this one.",
        code="segment-off-grid",
    )


def _require_one_per_slice(places: list[_Place], file: str) -> None:
    for z, times in Counter(place.z for place in places).items():
        if times > 1:
            raise DicomError(
                f"{file} has {times} frames of one segment on slice {z + 1} of the image; which of "
                "them holds cannot be told.",
                hint="Export one time point or phase as a segmentation of its own.",
                code="duplicate-frames",
            )


# ---- pixels -------------------------------------------------------------------------------------


def _pixels(frames: list[Frame]) -> Iterable[NDArray[np.generic]]:
    """Return the stored values [row, column] of frames of one file."""
    if not frames:
        return []
    layout = frames[0].pixel_format.frame
    if layout.bits_stored == 1 and layout.transfer_syntax in _UNCOMPRESSED:
        return _unpacked(frames)
    with quiet_pydicom():
        return read_voxels(frames)


def _unpacked(frames: list[Frame]) -> Iterator[NDArray[np.uint8]]:
    """Yield frames of single bits, which follow each other without a gap (PS3.5, 8.1.1)."""
    header, pixel_format = frames[0].header, frames[0].pixel_format
    columns, rows = frames[0].size_xy
    pixels = rows * columns
    data = np.frombuffer(pixel_payload(header), dtype=np.uint8)
    needed = (pixels * pixel_format.number_of_frames + 7) // 8
    if len(data) not in (needed, needed + needed % 2):
        raise DicomError(
            f"{header.label} holds {len(data)} bytes of pixels, its rows, columns and frames need "
            f"{needed}: it is cut off or damaged.",
            hint="Fetch it again.",
            code="truncated",
        )
    for frame in frames:
        first_byte, first_bit = divmod(frame.index * pixels, 8)
        touched = data[first_byte : first_byte + (first_bit + pixels + 7) // 8]
        bits = np.unpackbits(touched, bitorder="little")[first_bit : first_bit + pixels]
        yield bits.reshape(rows, columns)
