"""Whether a DICOM file is as long as it says."""

import struct
from typing import BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset

from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import refused_reads
from oncotrace.io.dicom_header import (
    DEFLATED_LITTLE,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
    DicomHeader,
    PixelElement,
)

_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED_LENGTH = 0xFFFFFFFF
_HEADER_BYTES = 8  # tag, value representation and length, or tag and length


def require_whole(header: DicomHeader) -> None:
    """Refuse a file that ends before its last element does.

    Only lengths are looked at: pixels are not read, all else is.

    Raises
    ------
    DicomError
        ``truncated``.
    """
    with header.open_content() as stream, refused_reads():
        is_whole = (
            _holds_all_elements(stream, header)
            if header.pixels is None
            else _holds_pixels(stream, header, header.pixels)
        )
    if not is_whole:
        raise DicomError(
            f"{header.label} is cut off.",
            hint="Fetch it again; if it stays so, it is damaged where it is stored.",
            code="truncated",
        )


def _holds_pixels(stream: BinaryIO, header: DicomHeader, pixels: PixelElement) -> bool:
    if pixels.length is not None:
        return pixels.value_offset + pixels.length <= header.content_bytes
    stream.seek(pixels.value_offset)
    while len(head := stream.read(8)) == 8:  # items of encapsulated pixels (PS3.5, A.4)
        group, element, length = struct.unpack("<HHI", head)
        if (tag := group << 16 | element) == _SEQUENCE_END:
            return True
        if tag != _ITEM or length == _UNDEFINED_LENGTH:
            return False
        stream.seek(length, 1)
    return False


def _holds_all_elements(stream: BinaryIO, header: DicomHeader) -> bool:
    is_inflated = header.transfer_syntax == DEFLATED_LITTLE
    stream.seek(0 if is_inflated else header.dataset_offset)
    syntax, noted = header.transfer_syntax, _ShortReads(stream)
    try:
        dataset = read_dataset(
            noted,  # type: ignore[arg-type]  # has what pydicom uses
            syntax == IMPLICIT_LITTLE,
            syntax != EXPLICIT_BIG,
        )
    except Exception:  # what pydicom raises on damaged files is no closed set
        return False
    is_complete = all(map(_is_complete, map(dataset.get_item, dataset.keys())))
    return is_complete and not noted.ends_in_a_header


class _ShortReads:
    """A stream that notices an end within the header of an element, which pydicom passes over."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.ends_in_a_header = False
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        if 0 < len(content) < size == _HEADER_BYTES:
            self.ends_in_a_header = True
        return content


def _is_complete(element: object) -> bool:
    """Whether a value is as long as announced; what pydicom has parsed to its end is."""
    if not isinstance(element, RawDataElement) or element.length == _UNDEFINED_LENGTH:
        return True
    return len(element.value or b"") == element.length
