"""The frames of CT, MR and PET images: where each lies and how its stored values become physical.

A classic object holds one frame, an enhanced one holds many, with what they share and what they do
not in functional groups (DICOM PS3.3, C.7.6.16).
"""

import math
from collections.abc import MutableSequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from oncotrace.errors import DicomError
from oncotrace.io.dicom_header import (
    DISTINGUISHING_KEYWORDS,
    EXPLICIT_BIG,
    PIXEL_DATA,
    DicomHeader,
    missing_tag,
    value_of,
)
from oncotrace.io.pixel_decoder_process import FrameFormat

MAX_VOXELS = 2**31
_ABSURD = 1e20  # times a stored value it still fits float32

_CLASSIC_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
_ENHANCED_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128.1": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PT",
}
MODALITY_OF_CLASS = _CLASSIC_CLASSES | _ENHANCED_CLASSES

_DISTINGUISHING_ELEMENTS = tuple(("", keyword) for keyword in DISTINGUISHING_KEYWORDS)
_DISTINGUISHING_GROUPS = (
    ("FrameContentSequence", "StackID"),
    ("FrameContentSequence", "TemporalPositionIndex"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("MRImageFrameTypeSequence", "FrameType"),
    ("CTImageFrameTypeSequence", "FrameType"),
    ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
)


@dataclass(frozen=True)
class PixelFormat:
    """How the frames of one file are stored."""

    frame: FrameFormat
    number_of_frames: int
    big_endian: bool

    @property
    def frame_bytes(self) -> int:
        """Length of one frame that is not compressed."""
        return self.frame.rows * self.frame.columns * self.frame.bits_allocated // 8


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice of a series.

    Parameters
    ----------
    index
        Which frame of its file, from 0.
    position_mm
        Centre of the first pixel, LPS, shape (3,).
    orientation
        Direction cosines of a row (x axis) and of a column (y axis), shape (2, 3).
    pixel_spacing_mm
        Distance between columns (x) and between rows (y).
    spacing_between_slices_mm
        What the tag of that name says, 0 when absent; the positions decide.
    is_rescaled
        Whether the file gives a slope; without one it is 1.
    traits
        What tells frames at one position apart, by the standard's keyword.
    """

    header: DicomHeader
    pixel_format: PixelFormat
    index: int
    position_mm: NDArray[np.float64]
    orientation: NDArray[np.float64]
    pixel_spacing_mm: tuple[float, float]
    spacing_between_slices_mm: float
    slope: float
    intercept: float
    is_rescaled: bool
    traits: dict[str, str]

    @property
    def size_xy(self) -> tuple[int, int]:
        """Columns and rows."""
        return self.pixel_format.frame.columns, self.pixel_format.frame.rows


def frames_of(header: DicomHeader) -> list[Frame]:
    """Frames of one CT, MR or PET file.

    Raises
    ------
    DicomError
        An element that places or scales the frames is missing, malformed or contradictory.
    """
    pixel_format = pixel_format_of(header)
    by_frame = _elements_by_frame(header, pixel_format.number_of_frames)
    return [_frame(elements, index, pixel_format) for index, elements in enumerate(by_frame)]


def pixel_format_of(header: DicomHeader) -> PixelFormat:
    """How the file's pixels are stored, after its elements have been held against each other.

    Raises
    ------
    DicomError
        The image is not monochrome, not integer, absurdly large, or contradicts itself.
    """
    _require_monochrome(header)
    if header.pixels is None:
        raise DicomError(
            f"{header.label} ends before its pixels: it is cut off.",
            hint="Fetch it again.",
            code="truncated",
        )
    if header.pixels.tag != PIXEL_DATA:
        raise DicomError(
            f"{header.label} holds floating-point pixels, CT, MR and PET images hold integers.",
            code="float-pixel-data",
        )
    frames = header.integer("NumberOfFrames", default=1)
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if min(rows, columns, frames) < 1 or rows * columns * frames > MAX_VOXELS:
        raise DicomError(
            f"{header.label} claims {columns} x {rows} pixels and {frames} frames; between 1 and "
            f"2^31 voxels can be read.",
            code="too-large",
        )
    stored = FrameFormat(
        transfer_syntax=header.transfer_syntax,
        rows=rows,
        columns=columns,
        bits_allocated=header.integer("BitsAllocated"),
        bits_stored=header.integer("BitsStored"),
        is_signed=header.integer("PixelRepresentation") == 1,
    )
    _require_consistent_bits(header, stored)
    return PixelFormat(stored, frames, header.transfer_syntax == EXPLICIT_BIG)


def _require_monochrome(header: DicomHeader) -> None:
    samples = header.integer("SamplesPerPixel", default=1)
    photometric = header.text("PhotometricInterpretation")
    if samples != 1 or not photometric.startswith("MONOCHROME"):
        raise DicomError(
            f"{header.label} is not a grey-scale image ({photometric or 'unknown'}, {samples} "
            "values per pixel).",
            hint="Give the original CT, MR or PET series, not a colour copy.",
            code="not-monochrome",
        )


def _require_consistent_bits(header: DicomHeader, stored: FrameFormat) -> None:
    high_bit = header.integer("HighBit", default=stored.bits_stored - 1)
    representation = header.integer("PixelRepresentation")
    if (
        stored.bits_allocated not in (8, 16, 32)
        or not 1 <= stored.bits_stored <= stored.bits_allocated
        or high_bit != stored.bits_stored - 1
        or representation not in (0, 1)
    ):
        raise DicomError(
            f"{header.label} describes its pixels in a way that cannot be: {stored.bits_allocated} "
            f"bits allocated, {stored.bits_stored} stored, high bit {high_bit}, pixel "
            f"representation {representation}.",
            code="inconsistent-bits",
        )


@dataclass(frozen=True)
class _Elements:
    """Elements of one frame: its own functional groups, the shared ones, or the classic header."""

    header: DicomHeader
    groups: tuple[Dataset, ...] = ()

    def value(self, sequence: str, keyword: str) -> object:
        """Value of an element, which in enhanced objects lies in ``sequence``."""
        if not self.groups:
            return value_of(self.header.dataset, keyword, self.header.label)
        for group in self.groups:
            items = value_of(group, sequence, self.header.label)
            if isinstance(items, Sequence) and len(items):
                return value_of(items[0], keyword, self.header.label)
        return None

    def numbers(self, sequence: str, keyword: str, count: int) -> list[float]:
        """Values of an element that must hold ``count`` finite numbers."""
        value = self.value(sequence, keyword)
        if value is None:
            raise missing_tag(keyword, self.header.label)
        values = list(value) if isinstance(value, MutableSequence) else [value]
        try:
            numbers = [float(str(number)) for number in values]
        except ValueError:
            numbers = []
        if len(numbers) != count or not all(map(math.isfinite, numbers)):
            raise DicomError(
                f"{self.header.label}: {keyword} does not hold {count} finite number(s).",
                code="malformed-tag",
            )
        return numbers

    def number(self, sequence: str, keyword: str, default: float) -> float:
        """Value of an element that holds one number or is absent."""
        if self.value(sequence, keyword) is None:
            return default
        return self.numbers(sequence, keyword, 1)[0]

    def traits(self) -> dict[str, str]:
        """Collect what may tell this frame from another one at its position."""
        pairs = _DISTINGUISHING_GROUPS if self.groups else _DISTINGUISHING_ELEMENTS
        return {keyword: self._trait(sequence, keyword) for sequence, keyword in pairs}

    def _trait(self, sequence: str, keyword: str) -> str:
        try:
            return str(self.value(sequence, keyword))
        except DicomError:
            return "malformed"  # no volume depends on it


def _elements_by_frame(header: DicomHeader, number_of_frames: int) -> list[_Elements]:
    if header.sop_class not in _ENHANCED_CLASSES:
        if number_of_frames != 1:
            raise DicomError(
                f"{header.label} holds {number_of_frames} frames but is a single-frame object, "
                "which cannot say where they lie.",
                code="missing-tag",
            )
        return [_Elements(header)]
    own = value_of(header.dataset, "PerFrameFunctionalGroupsSequence", header.label)
    shared = value_of(header.dataset, "SharedFunctionalGroupsSequence", header.label)
    if not isinstance(own, Sequence) or len(own) != number_of_frames:
        found = len(own) if isinstance(own, Sequence) else 0
        raise DicomError(
            f"{header.label} holds {number_of_frames} frames and the positions of {found}.",
            code="missing-tag",
        )
    common = tuple(shared)[:1] if isinstance(shared, Sequence) else ()
    return [_Elements(header, (item, *common)) for item in own]


def _frame(elements: _Elements, index: int, pixel_format: PixelFormat) -> Frame:
    orientation = elements.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6)
    row_spacing, column_spacing = elements.numbers("PixelMeasuresSequence", "PixelSpacing", 2)
    if min(row_spacing, column_spacing) <= 0:
        raise DicomError(
            f"{elements.header.label}: PixelSpacing must be positive, found {row_spacing:g} x "
            f"{column_spacing:g} mm.",
            code="malformed-tag",
        )
    slope, intercept = _rescaling(elements)
    return Frame(
        header=elements.header,
        pixel_format=pixel_format,
        index=index,
        position_mm=np.array(elements.numbers("PlanePositionSequence", "ImagePositionPatient", 3)),
        orientation=np.array(orientation).reshape(2, 3),
        pixel_spacing_mm=(column_spacing, row_spacing),
        spacing_between_slices_mm=elements.number(
            "PixelMeasuresSequence", "SpacingBetweenSlices", 0.0
        ),
        slope=slope,
        intercept=intercept,
        is_rescaled=elements.value("PixelValueTransformationSequence", "RescaleSlope") is not None,
        traits=elements.traits(),
    )


def _rescaling(elements: _Elements) -> tuple[float, float]:
    header = elements.header
    if "ModalityLUTSequence" in header.dataset:
        raise DicomError(
            f"{header.label} maps its values through a table (Modality LUT), which is not "
            "supported; a slope and an intercept are.",
            code="modality-lut",
        )
    slope = elements.number("PixelValueTransformationSequence", "RescaleSlope", 1.0)
    intercept = elements.number("PixelValueTransformationSequence", "RescaleIntercept", 0.0)
    if not 0 < abs(slope) < _ABSURD or abs(intercept) > _ABSURD:
        raise DicomError(
            f"{header.label}: RescaleSlope is {slope:g} and RescaleIntercept {intercept:g}, which "
            "leaves no image.",
            code="malformed-tag",
        )
    return slope, intercept
