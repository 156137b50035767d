"""The header of one DICOM file, read up to its pixels and without anything about the patient."""

import logging
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import StoredFile, inflate, refused_reads

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009

# What tells several frames at one position apart, in the words of the standard.
DISTINGUISHING_KEYWORDS = (
    "AcquisitionNumber", "AcquisitionTime", "ComplexImageComponent", "ContentTime",
    "ConvolutionKernel", "DiffusionBValue", "DiffusionGradientOrientation", "EchoNumbers",
    "EchoTime", "FlipAngle", "FrameReferenceTime", "ImageType", "InversionTime",
    "NominalPercentageOfCardiacPhase", "RepetitionTime", "TemporalPositionIdentifier",
    "TriggerTime",
)  # fmt: skip

_KEYWORDS = (
    *DISTINGUISHING_KEYWORDS,
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
    "FrameOfReferenceUID", "Modality", "SeriesDescription", "Units", "NumberOfFrames",
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing", "SpacingBetweenSlices",
    "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept",
    "ModalityLUTSequence", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip

_META_KEYWORDS = ("TransferSyntaxUID", "MediaStorageSOPClassUID")
_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_SHOWN = re.compile(r"[A-Za-z0-9 ._+-]{0,64}")
_UNDEFINED_LENGTH = 0xFFFFFFFF
_STANDARD_ROOT = "1.2.840.10008."
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"  # a DICOMDIR has nothing of what is wanted here
_MALFORMED = (
    AttributeError, BytesLengthException, EOFError, IndexError, KeyError, MemoryError,
    NotImplementedError, OSError, OverflowError, RecursionError, struct.error, TypeError,
    ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class PixelElement:
    """Where the pixels lie: tag, offset of the value, its length (none when encapsulated)."""

    tag: int
    value_offset: int
    length: int | None


@dataclass(frozen=True, eq=False)
class DicomHeader:
    """What one file says, without its pixels.

    Parameters
    ----------
    label
        How messages call the file; never a name that could hold the patient's.
    dataset
        The elements that reading a series needs; names and dates of birth are not among them.
    dataset_offset
        Where the dataset begins in the file (behind preamble and file meta information).
    content_bytes
        Length of the file, after inflation of a deflated dataset.
    """

    file: StoredFile
    label: str
    dataset: Dataset
    sop_class: str
    transfer_syntax: str
    dataset_offset: int
    content_bytes: int
    pixels: PixelElement | None

    def text(self, keyword: str) -> str:
        """Value of an identifier, code or number as text, empty when absent; fit to be shown.

        Raises
        ------
        DicomError
            The value is anything else: in a damaged file it may run on into the patient's name.
        """
        value = value_of(self.dataset, keyword, self.label)
        text = "" if value is None else str(value)
        if not _SHOWN.fullmatch(text):
            raise malformed_tag(keyword, self.label)
        return text

    @property
    def description(self) -> str:
        """Free text on the series; it may hold a name."""
        value = value_of(self.dataset, "SeriesDescription", self.label)
        return "" if value is None else str(value)

    def required_text(self, keyword: str) -> str:
        """Value of an element that must be present, as text.

        Raises
        ------
        DicomError
            It is absent or empty.
        """
        text = self.text(keyword)
        if not text:
            raise missing_tag(keyword, self.label)
        return text

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Value of an element that holds one whole number; ``default`` none when it must.

        Raises
        ------
        DicomError
            It is not a whole number, or it must be present and is not.
        """
        text = self.required_text(keyword) if default is None else self.text(keyword)
        try:
            return int(text) if text or default is None else default
        except ValueError:
            raise malformed_tag(keyword, self.label) from None

    @property
    def extended_offsets(self) -> tuple[bytes, bytes] | None:
        """Offsets and lengths of encapsulated frames, where the file lists them."""
        offsets = value_of(self.dataset, "ExtendedOffsetTable", self.label)
        lengths = value_of(self.dataset, "ExtendedOffsetTableLengths", self.label)
        if isinstance(offsets, bytes) and isinstance(lengths, bytes):
            return offsets, lengths
        return None

    def open_content(self) -> BinaryIO:
        """Open the stream in which the offset of the pixels counts."""
        stream = self.file.open()
        if self.transfer_syntax != DEFLATED_LITTLE:
            return stream
        with stream, refused_reads():
            stream.seek(self.dataset_offset)
            return inflate(stream)


def value_of(dataset: Dataset, keyword: str, label: str) -> object:
    """Value of an element, none when it is absent or empty.

    Raises
    ------
    DicomError
        The value is not of the element's type; the value itself is not repeated.
    """
    try:
        value = dataset.get(keyword)
    except _MALFORMED:
        # `from None`: pydicom's message repeats the bytes, and with them what may name the patient.
        raise malformed_tag(keyword, label) from None
    return None if value is None or value == "" else value


def missing_tag(keyword: str, label: str) -> DicomError:
    """Build the error for a file without an element that a volume needs."""
    return DicomError(
        f"{label} has no {keyword}, without which it cannot be placed in a volume.",
        hint="Export the original images, not screenshots or reformatted copies.",
        code="missing-tag",
    )


def malformed_tag(keyword: str, label: str) -> DicomError:
    """Build the error for an element whose value is not of its type."""
    return DicomError(
        f"{label}: the value of {keyword} is malformed.",
        hint="Fetch it again, or export it anew.",
        code="malformed-tag",
    )


def read_header(file: StoredFile, label: str) -> DicomHeader | None:
    """Header of a file, none when the file is not DICOM.

    A file without preamble counts as DICOM when its dataset names a SOP class of the standard.

    Raises
    ------
    DicomError
        The file begins as DICOM and then cannot be read on.
    """
    with file.open() as stream, refused_reads():
        head = stream.read(_PREAMBLE_BYTES + len(_MAGIC))
        has_preamble = head[_PREAMBLE_BYTES:] == _MAGIC
        if not has_preamble and not _looks_like_dataset(head):
            return None
        stream.seek(len(head) if has_preamble else 0)
        try:
            header = _parse(stream, file, label)
        except _MALFORMED:
            if has_preamble:
                raise _cut_off(label) from None
            return None
    if not has_preamble and not _names_an_object(header):
        return None
    if not header.sop_class or (not header.dataset and header.sop_class != _DIRECTORY_CLASS):
        raise _cut_off(label)
    return header


def _cut_off(label: str) -> DicomError:
    return DicomError(
        f"{label} is damaged or cut off inside its header.",
        hint="Fetch it again.",
        code="truncated",
    )


def _looks_like_dataset(head: bytes) -> bool:
    """Whether the bytes can be the first element of a dataset in group 0002 or 0008."""
    if len(head) < 12:
        return False
    group, element, length = struct.unpack("<HHI", head[:8])
    is_explicit = re.fullmatch(rb"[A-Z]{2}", head[4:6]) is not None
    return group in (0x0002, 0x0008) and element <= 0x0100 and (is_explicit or length <= 0x0400)


def _names_an_object(header: DicomHeader) -> bool:
    try:
        instance = header.text("SOPInstanceUID")
    except DicomError:
        return False
    return header.sop_class.startswith(_STANDARD_ROOT) and bool(instance)


def _parse(stream: BinaryIO, file: StoredFile, label: str) -> DicomHeader:
    meta = read_dataset(stream, False, True, stop_when=_after_meta, specific_tags=_META_TAGS)
    dataset_offset = stream.tell()
    syntax = str(meta.get("TransferSyntaxUID") or _guessed_syntax(stream))
    if not _SHOWN.fullmatch(syntax):
        raise _cut_off(label)
    content, content_bytes = stream, file.size_bytes
    if syntax == DEFLATED_LITTLE:
        inflated = inflate(stream)
        content, content_bytes = inflated, inflated.getbuffer().nbytes
    dataset = read_dataset(
        content,
        syntax == IMPLICIT_LITTLE,
        syntax != EXPLICIT_BIG,
        stop_when=_at_pixels,
        specific_tags=_TAGS,
    )
    return DicomHeader(
        file=file,
        label=label,
        dataset=dataset,
        sop_class=str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""),
        transfer_syntax=syntax,
        dataset_offset=dataset_offset,
        content_bytes=content_bytes,
        pixels=_pixel_element(content, big_endian=syntax == EXPLICIT_BIG),
    )


def _tags(keywords: tuple[str, ...]) -> list[BaseTag | int]:
    return [tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None]


_META_TAGS = _tags(_META_KEYWORDS)
_TAGS = _tags(_KEYWORDS)


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 0x0002


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA)


def _guessed_syntax(stream: BinaryIO) -> str:
    """Transfer syntax of a dataset without file meta information, by its first element."""
    start = stream.tell()
    first = stream.read(6)
    stream.seek(start)
    return EXPLICIT_LITTLE if re.fullmatch(rb"[A-Z]{2}", first[4:6]) else IMPLICIT_LITTLE


def _pixel_element(stream: BinaryIO, *, big_endian: bool) -> PixelElement | None:
    """Locate the pixel element at which reading stopped, none at the end of the file."""
    start = stream.tell()
    head = stream.read(12)
    if len(head) < 8:
        return None
    order = ">" if big_endian else "<"
    group, element = struct.unpack(f"{order}HH", head[:4])
    # An implicit length cannot be mistaken for a value representation: lengths are even, and
    # OB, OW, OF, OD, UN begin with an odd byte.
    header_bytes = 12 if head[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN") else 8
    if len(head) < header_bytes:
        return None
    (length,) = struct.unpack(f"{order}I", head[header_bytes - 4 : header_bytes])
    return PixelElement(
        group << 16 | element,
        start + header_bytes,
        None if length == _UNDEFINED_LENGTH else length,
    )


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom from warning about, and thereby repeating, what patients' files hold."""
    logger = logging.getLogger("pydicom")
    was_disabled = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was_disabled
