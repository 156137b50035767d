"""What one DICOM file says of itself, read from its beginning, never from its pixels."""

import re
import zlib
from dataclasses import dataclass, field

from oncotrace.io.headers.byte_window import ForwardReader, Inflated, ReadAt, SkippedTooMuch, Window
from oncotrace.io.headers.fields import WANTED, Field, Tree
from oncotrace.io.headers.walk import PIXEL_TAGS, UNDEFINED, DamagedHeader, Found, Walk

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_GE_IMPLICIT = "1.2.840.113619.5.2"  # a private syntax whose pixels alone are big endian

NOT_DICOM = "not-dicom"

_PREAMBLE_BYTES = 132
_MAGIC = b"DICM"
_STANDARD_ROOT = b"1.2.840.10008."
_DIRECTORY = b"1.2.840.10008.1.3.10"
_INFLATE_PIECE = 256 * 1024
_MAX_INFLATED_BYTES = 2**28
_VR = re.compile(rb"[A-Z]{2}")
_META = Tree(
    {
        0x00020002: Field("class_in_meta", b"UI"),
        0x00020010: Field("transfer_syntax", b"UI"),
    }
)


@dataclass(frozen=True)
class FileFields:
    """Wanted elements of one file.

    Parameters
    ----------
    code
        Why there are none; empty when the header was read to its end.
    found
        Values as they stand in the file.
    remarks
        Codes of what is odd, see `oncotrace.io.headers.walk.Walk`; and ``truncated-pixels`` where
        the file ends before its pixels do.
    """

    code: str = ""
    found: Found = field(default_factory=dict)
    remarks: frozenset[str] = frozenset()
    transfer_syntax: str = ""
    is_big_endian: bool = False


def read_fields(read_at: ReadAt, size_bytes: int) -> FileFields:
    """Read what an inventory wants from the header of one file; damage becomes a code.

    Parameters
    ----------
    read_at
        Returns up to so many bytes of the file at an offset that never goes back by more than the
        last piece.
    """
    window = Window(read_at)
    if not size_bytes:
        return FileFields("empty-file")
    has_preamble = window.data[_PREAMBLE_BYTES - 4 : _PREAMBLE_BYTES] == _MAGIC
    if not has_preamble and not _looks_like_dataset(window.data):
        return FileFields(NOT_DICOM)
    try:
        fields = _read(window, _PREAMBLE_BYTES if has_preamble else 0, size_bytes)
    except DamagedHeader as damage:
        return FileFields(damage.code if has_preamble else NOT_DICOM)
    except SkippedTooMuch:
        return FileFields("too-large")
    except zlib.error:
        return FileFields("truncated")
    if not has_preamble and not _names_an_object(fields):
        return FileFields(NOT_DICOM)
    return fields


def _looks_like_dataset(head: bytes) -> bool:
    """Whether the bytes can be the first element of a dataset in group 0002 or 0008."""
    if len(head) < 12:
        return False
    group, number = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
    length = int.from_bytes(head[4:8], "little")
    is_explicit = _VR.fullmatch(head, 4, 6) is not None
    return group in (0x0002, 0x0008) and number <= 0x0100 and (is_explicit or length <= 0x0400)


def _names_an_object(fields: FileFields) -> bool:
    sop_class = fields.found.get("sop_class", [(b"", b"")])[0][1]
    return sop_class.startswith(_STANDARD_ROOT) and "sop_instance_uid" in fields.found


def _read(window: Window, offset: int, size_bytes: int) -> FileFields:
    meta = Walk(window, big_endian=False)
    offset = meta.group(offset, size_bytes, 0x0002, _META)
    if not window.holds(offset, 8):
        raise DamagedHeader("truncated")
    if _first(meta.found, "class_in_meta") == _DIRECTORY:
        return FileFields("dicomdir")
    syntax = _first(meta.found, "transfer_syntax").decode("ascii", "replace")
    if syntax == DEFLATED_LITTLE:
        window, offset, size_bytes = _inflated(window, offset)
    start = window.data[offset - window.base : offset - window.base + 6]
    # What the file says of its encoding is often wrong; its first element shows it.
    is_big = syntax == EXPLICIT_BIG
    is_explicit = _VR.fullmatch(start, 4, 6) is not None
    walk = Walk(window, big_endian=is_big)
    walk.remarks |= meta.remarks
    walk.dataset(offset, size_bytes, WANTED, explicit=is_explicit)
    if syntax and is_explicit == (syntax in (IMPLICIT_LITTLE, _GE_IMPLICIT)):
        walk.remarks.add("other-encoding")
    if "sop_class" not in walk.found and "class_in_meta" in meta.found:
        walk.found["sop_class"] = meta.found["class_in_meta"]
    return _checked(walk, size_bytes, syntax, is_big)


def _checked(walk: Walk, size_bytes: int, syntax: str, is_big: bool) -> FileFields:
    """Refuse what names no object or series; remark pixels that are cut off."""
    if not all(_first(walk.found, name) for name in ("sop_class", "series_uid")):
        return FileFields("missing-tag")
    if walk.stop is not None and walk.stop[0] in PIXEL_TAGS:
        _, _, length, value = walk.stop
        if value + (0 if length == UNDEFINED else length) > size_bytes:
            walk.remarks.add("truncated-pixels")
    return FileFields("", walk.found, frozenset(walk.remarks), syntax, is_big)


def _first(found: Found, name: str) -> bytes:
    return found[name][0][1].strip(b" \0") if name in found else b""


def _inflated(window: Window, offset: int) -> tuple[Window, int, int]:
    """Window on the inflated dataset, where it begins in it, and its length.

    It is inflated twice, first to learn its length, so that it is never in memory as a whole.
    """
    counted = Inflated(window.read_at, offset)
    length = 0
    while piece := counted.read(_INFLATE_PIECE):
        length += len(piece)
        if length > _MAX_INFLATED_BYTES:
            raise SkippedTooMuch
    if not counted.is_complete:
        raise DamagedHeader("truncated")
    return Window(ForwardReader(Inflated(window.read_at, offset)).read_at), 0, length
