"""What a DICOM segmentation holds (PS3.3, A.51 and C.8.20), before its pixels are read."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from oncotrace.errors import DicomError, OncotraceError
from oncotrace.io.dicom_files import StoredFile
from oncotrace.io.dicom_frames import Frame, PixelFormat
from oncotrace.io.dicom_header import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    DicomHeader,
    malformed_tag,
    missing_tag,
    quiet_pydicom,
    read_header,
)
from oncotrace.io.pixel_decoder_process import FrameFormat

_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_BITS = {"BINARY": (1,), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
_KEYWORDS = (
    "SegmentationType", "SegmentSequence", "MaximumFractionalValue", "PixelPaddingValue",
    "ConcatenationUID", "InConcatenationTotalNumber", "SourceImageSequence",
    "ReferencedSeriesSequence",
)  # fmt: skip
_TAGS = [tag for keyword in _KEYWORDS if (tag := tag_for_keyword(keyword)) is not None]
_LARGEST_FILE_BYTES = 1 << 32  # a hundred organs of a whole body have less


@dataclass(frozen=True)
class Segment:
    """One segment of a segmentation; texts are empty where the file gives none.

    Parameters
    ----------
    property_type
        What it is, as coded by its maker: ``Neoplasm (SCT 108369006)``.
    algorithm_type
        ``AUTOMATIC``, ``SEMIAUTOMATIC`` or ``MANUAL``.
    """

    number: int
    label: str
    property_type: str
    algorithm_type: str
    algorithm_name: str

    @property
    def title(self) -> str:
        """Number and label, as messages call the segment."""
        return f"{self.number} ('{self.label}')"


@dataclass(frozen=True, eq=False)
class StoredSegmentation:
    """A segmentation file without its pixels.

    Parameters
    ----------
    kind
        ``BINARY``, ``FRACTIONAL`` or ``LABELMAP``.
    bits
        Bits of a pixel.
    groups
        Functional groups of each frame (PS3.3, C.7.6.16), its own before the shared ones.
    """

    header: DicomHeader
    dataset: Dataset
    kind: str
    bits: int
    groups: list[tuple[Dataset, ...]]

    @cached_property
    def segments(self) -> list[Segment]:
        """Segments in the file's order, without the background of a label map."""
        segments = [_segment(item) for item in self.dataset.get("SegmentSequence") or []]
        _require_unique_numbers(segments, self.header.label)
        if self.kind != "LABELMAP":
            return segments
        background = int(self.dataset.get("PixelPaddingValue") or 0)
        return [segment for segment in segments if segment.number != background]

    def tracking_of(self, segment: Segment) -> tuple[str, str]:
        """Return the identifier and UID by which a segment is followed; empty if not stated."""
        for item in self.dataset.get("SegmentSequence") or []:
            if int(item.SegmentNumber) == segment.number:
                return str(item.get("TrackingID") or ""), str(item.get("TrackingUID") or "")
        return "", ""

    @property
    def largest_value(self) -> int:
        """Stored value of a pixel that belongs wholly to the segment of its frame.

        Raises
        ------
        DicomError
            The file is fractional and does not say so.
        """
        if self.kind == "BINARY":
            return 1
        value = self.dataset.get("MaximumFractionalValue")
        if not isinstance(value, int) or not 1 <= value <= 255:
            raise malformed_tag("MaximumFractionalValue", self.header.label)
        return value

    def frames_of(self, segment: Segment) -> list[Frame]:
        """Frames that may hold the segment: of a label map all.

        Raises
        ------
        DicomError
            A frame does not say to which segment it belongs or where it lies.
        """
        return [
            self._frame(index)
            for index in range(len(self.groups))
            if self.kind == "LABELMAP" or self._segment_number(index) == segment.number
        ]

    def images_of(self, frames: list[Frame]) -> set[str]:
        """Instances that the segmentation says it was drawn on, as a whole or frame by frame."""
        references = list(self.dataset.get("SourceImageSequence") or [])
        for series in self.dataset.get("ReferencedSeriesSequence") or []:
            references += series.get("ReferencedInstanceSequence") or []
        for frame in frames:
            for item in self.groups[frame.index][0].get("DerivationImageSequence") or []:
                references += item.get("SourceImageSequence") or []
        return {str(item.get("ReferencedSOPInstanceUID") or "") for item in references} - {""}

    @cached_property
    def _pixel_format(self) -> PixelFormat:
        syntax = self.header.transfer_syntax
        layout = FrameFormat(
            transfer_syntax=syntax,
            rows=self.header.integer("Rows"),
            columns=self.header.integer("Columns"),
            bits_allocated=max(self.bits, 8),  # decoders give a byte for a bit
            bits_stored=self.bits,
            is_signed=False,
        )
        return PixelFormat(layout, len(self.groups), big_endian=syntax == EXPLICIT_BIG)

    def _segment_number(self, index: int) -> int:
        (number,) = self._numbers(index, "SegmentIdentification", "ReferencedSegmentNumber", 1)
        return int(number)

    def _frame(self, index: int) -> Frame:
        row_mm, column_mm = self._numbers(index, "PixelMeasures", "PixelSpacing", 2)
        cosines = self._numbers(index, "PlaneOrientation", "ImageOrientationPatient", 6)
        return Frame(
            header=self.header,
            pixel_format=self._pixel_format,
            index=index,
            position_mm=self._numbers(index, "PlanePosition", "ImagePositionPatient", 3),
            orientation=cosines.reshape(2, 3),
            pixel_spacing_mm=(float(column_mm), float(row_mm)),
            spacing_between_slices_mm=0.0,
            slope=1.0,
            intercept=0.0,
            is_rescaled=False,
            traits={},
        )

    def _numbers(self, index: int, macro: str, keyword: str, count: int) -> NDArray[np.float64]:
        """Numbers in the functional group of one frame, all finite."""
        label = f"frame {index + 1} of {self.header.label}"
        for group in self.groups[index]:
            if items := group.get(f"{macro}Sequence"):
                value = items[0].get(keyword)
                numbers = np.atleast_1d(np.array(value, dtype=np.float64))
                if len(numbers) != count or not np.isfinite(numbers).all():
                    raise malformed_tag(keyword, label)
                return numbers
        raise missing_tag(keyword, label)


@contextmanager
def opened_segmentation(path: Path) -> Iterator[StoredSegmentation]:
    """Open a segmentation file; its elements can be read within the block.

    Raises
    ------
    DicomError
        The file is missing, damaged, truncated or not a segmentation, also where that shows only
        within the block.
    """
    try:
        with quiet_pydicom():
            yield _opened(path)
    except OncotraceError:
        raise
    except Exception:  # what pydicom raises on damaged files is no closed set
        # `from None`: its message repeats bytes that may name the patient.
        raise DicomError(
            f"{path.name} is damaged: what it says of its segments and frames cannot be read.",
            hint="Fetch it again, or export it anew.",
            code="malformed-tag",
        ) from None


def _opened(path: Path) -> StoredSegmentation:
    header = _header(path)
    dataset = _dataset(header)
    kind, bits = str(dataset.get("SegmentationType")), header.integer("BitsAllocated")
    if bits not in _BITS.get(kind, ()):
        raise DicomError(
            f"{header.label} is of no known segmentation type: BINARY with 1 bit, FRACTIONAL with "
            f"8, LABELMAP with 8 or 16 (it has {bits}).",
            hint="Export it as a binary segmentation.",
            code="unknown-segmentation-type",
        )
    _require_whole(dataset, header.label)
    return StoredSegmentation(header, dataset, kind, bits, _functional_groups(header))


def _header(path: Path) -> DicomHeader:
    file = path.name
    if not path.is_file():
        raise DicomError(f"there is no file {file}.", code="missing-file")
    size_bytes = path.stat().st_size
    if size_bytes > _LARGEST_FILE_BYTES:
        raise DicomError(
            f"{file} has {size_bytes >> 20} MiB, far more than any segmentation.",
            hint="Give the DICOM SEG file.",
            code="too-large",
        )
    header = read_header(StoredFile(file, size_bytes, lambda: path.open("rb")), file)
    if header is None:
        raise DicomError(
            f"{file} is not a DICOM file.", hint="Give the DICOM SEG file.", code="not-dicom"
        )
    if header.sop_class not in _CLASSES:
        raise DicomError(
            f"{file} is not a segmentation but {_kind(header.sop_class)} (modality "
            f"{header.text('Modality') or 'not stated'}).",
            hint="Give the file of modality SEG.",
            code="not-seg",
        )
    if header.pixels is None:
        raise DicomError(
            f"{file} ends before its pixels: it is cut off.",
            hint="Fetch it again.",
            code="truncated",
        )
    return header


def _kind(sop_class: str) -> str:
    """Name of a SOP class; in a damaged file the UID may run on into the patient's name."""
    name = str(UID(sop_class).name)
    return "of no known kind" if name == sop_class else name


def _dataset(header: DicomHeader) -> Dataset:
    """Read what the header of an image does not hold."""
    syntax = header.transfer_syntax
    with header.open_content() as stream:
        stream.seek(0 if syntax == DEFLATED_LITTLE else header.dataset_offset)
        return read_dataset(
            stream,
            syntax == IMPLICIT_LITTLE,
            syntax != EXPLICIT_BIG,
            stop_when=_at_pixels,
            specific_tags=_TAGS,
        )


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag == PIXEL_DATA)


def _require_whole(dataset: Dataset, label: str) -> None:
    """Refuse a part of a concatenation (PS3.3, C.7.6.16), which alone is another mask."""
    if "ConcatenationUID" in dataset and dataset.get("InConcatenationTotalNumber") != 1:
        raise DicomError(
            f"{label} is one of several files that together hold the segmentation.",
            hint="Export it as one file.",
            code="segmentation-in-parts",
        )


def _functional_groups(header: DicomHeader) -> list[tuple[Dataset, ...]]:
    own = header.dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = header.dataset.get("SharedFunctionalGroupsSequence") or []
    frames = header.integer("NumberOfFrames", default=1)
    if len(own) != frames:
        raise DicomError(
            f"{header.label} holds {frames} frames and the positions of {len(own)}.",
            hint="Export it again.",
            code="missing-tag",
        )
    return [(item, *shared[:1]) for item in own]


def _segment(item: Dataset) -> Segment:
    (code, *_) = item.get("SegmentedPropertyTypeCodeSequence") or [Dataset()]
    value = code.get("CodeValue") or code.get("LongCodeValue")
    coded = f"{code.get('CodeMeaning')} ({code.get('CodingSchemeDesignator')} {value})"
    return Segment(
        number=int(item.SegmentNumber),
        label=str(item.get("SegmentLabel") or "").strip(),
        property_type=coded if value else "",
        algorithm_type=str(item.get("SegmentAlgorithmType") or ""),
        algorithm_name=str(item.get("SegmentAlgorithmName") or ""),
    )


def _require_unique_numbers(segments: list[Segment], label: str) -> None:
    for number, times in Counter(segment.number for segment in segments).items():
        if times > 1:
            raise DicomError(
                f"{label} gives the number {number} to {times} segments; whose frames they are "
                "cannot be told.",
                hint="Export it again.",
                code="duplicate-segment-number",
            )
