"""Whether a dataset is what its lengths say, found without reading a value or calling itself.

What follows may then trust lengths, the depth of nesting, and where the dataset ends.
"""

import struct
from dataclasses import dataclass
from functools import cache

from pydicom._dicom_dict import DicomDictionary

from oncotrace.errors import DicomError

MAX_DEPTH = 32
"""Sequences within sequences; the deepest of the standard's own have about ten."""

MAX_ELEMENTS = 5_000_000

_UNDEFINED = 0xFFFFFFFF
_LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT = frozenset(
    (
        b"AE",
        b"AS",
        b"AT",
        b"CS",
        b"DA",
        b"DS",
        b"DT",
        b"FD",
        b"FL",
        b"IS",
        b"LO",
        b"LT",
        b"PN",
        b"SH",
        b"SL",
        b"SS",
        b"ST",
        b"TM",
        b"UI",
        b"UL",
        b"US",
    )
)
_ITEM = 0xFFFEE000
_END_OF = {"dataset": 0xFFFEE00D, "sequence": 0xFFFEE0DD, "fragments": 0xFFFEE0DD}
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))


@dataclass
class _Level:
    """A dataset, a sequence or a run of fragments that has been begun and not yet ended.

    Parameters
    ----------
    end
        Offset behind its last byte; none when a delimiter ends it.
    bound
        Offset that nothing in it may reach beyond.
    implicit
        Whether its elements name no value representation.
    """

    kind: str
    end: int | None
    bound: int
    implicit: bool
    last_tag: int = -1


def require_sound(content: memoryview, *, implicit: bool, big_endian: bool) -> int:
    """Where a dataset ends: behind its pixels, or else where only zeros are left.

    What the standard allows behind the pixels, signatures and padding, no profile passes on.

    Raises
    ------
    DicomError
        ``malformed-dataset``: a length reaches beyond what holds it, a value representation does
        not exist, elements are not in ascending order, something is not delimited, sequences are
        nested too deep.
    """
    walker = _Walker(content, implicit, big_endian)
    while walker.step():
        pass
    return walker.end


class _Walker:
    """Walks from element to element; `step` returns False behind the last one."""

    def __init__(self, content: memoryview, implicit: bool, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self._tag = struct.Struct(f"{order}HH")
        self._u16 = struct.Struct(f"{order}H")
        self._u32 = struct.Struct(f"{order}I")
        self._content = content
        self._at = 0
        self._elements = 0
        self._has_pixels = False
        self._levels = [_Level("dataset", len(content), len(content), implicit)]

    @property
    def end(self) -> int:
        """Offset behind what has been walked."""
        return self._at

    def step(self) -> bool:
        level = self._levels[-1]
        if len(self._levels) == 1 and (self._has_pixels or self._only_zeros_left()):
            return False
        if level.end is not None and self._at >= level.end:
            if self._at > level.end:
                raise _malformed("a length reaches beyond what holds it")
            self._levels.pop()
            return bool(self._levels)
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise _malformed("it holds too many elements")
        tag = self._read_tag()
        if tag >> 16 == 0xFFFE:
            self._delimiter(tag, level)
        elif level.kind == "dataset":
            self._element(tag, level)
        else:
            raise _malformed("an element stands where an item must")
        return True

    def _only_zeros_left(self) -> bool:
        rest = self._content[self._at : self._at + 8]
        return not any(rest) and not any(self._content[self._at :])

    def _delimiter(self, tag: int, level: _Level) -> None:
        length = self._read_length()
        if tag == _ITEM and level.kind == "sequence":
            self._begin("dataset", length, level.implicit)
        elif tag == _ITEM and level.kind == "fragments":
            self._skip(length)
        elif level.end is None and tag == _END_OF.get(level.kind):
            self._levels.pop()
        else:
            raise _malformed("a delimiter stands where none can")

    def _element(self, tag: int, level: _Level) -> None:
        if tag <= level.last_tag:
            raise _malformed("elements are not in ascending order")
        level.last_tag = tag
        self._has_pixels |= len(self._levels) == 1 and tag in _PIXELS
        name, length = (b"", self._read_length()) if level.implicit else self._read_explicit()
        if length == _UNDEFINED:
            self._begin_undefined(tag, name, level)
        elif name == b"SQ" or (name in (b"", b"UN") and tag in _sequence_tags()):
            self._begin("sequence", length, level.implicit or name == b"UN")
        else:
            self._skip(length)

    def _begin_undefined(self, tag: int, name: bytes, level: _Level) -> None:
        if name in (b"OB", b"OW") or (tag in _PIXELS and not name):
            self._begin("fragments", _UNDEFINED, level.implicit)
        elif name in (b"", b"SQ", b"UN"):
            # PS3.5, 6.2.2: an unknown sequence of undefined length is in implicit representation.
            self._begin("sequence", _UNDEFINED, level.implicit or name == b"UN")
        else:
            raise _malformed("a value has no length")

    def _begin(self, kind: str, length: int, implicit: bool) -> None:
        if len(self._levels) > 2 * MAX_DEPTH:
            raise _malformed(f"sequences are nested more than {MAX_DEPTH} deep")
        bound = self._levels[-1].bound
        end = None if length == _UNDEFINED else self._at + length
        if end is not None and end > bound:
            raise _malformed("a length reaches beyond what holds it")
        self._levels.append(_Level(kind, end, bound if end is None else end, implicit))

    def _read_explicit(self) -> tuple[bytes, int]:
        name = bytes(self._take(2))
        if name in _LONG:
            self._take(2)
            return name, self._read_length()
        if name not in _SHORT:
            raise _malformed("a value representation does not exist")
        (length,) = self._u16.unpack(self._take(2))
        return name, int(length)

    def _read_tag(self) -> int:
        group, element = self._tag.unpack(self._take(4))
        return int(group) << 16 | int(element)

    def _read_length(self) -> int:
        (length,) = self._u32.unpack(self._take(4))
        return int(length)

    def _take(self, count: int) -> memoryview:
        start = self._at
        self._skip(count)
        return self._content[start : self._at]

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > self._levels[-1].bound:
            raise _malformed("a length reaches beyond what holds it")


@cache
def _sequence_tags() -> frozenset[int]:
    """Tags of the standard whose values are sequences, which implicit datasets do not say."""
    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


def _malformed(what: str) -> DicomError:
    return DicomError(
        f"the file contradicts itself: {what}.",
        hint="Fetch it again, or export it anew.",
        code="malformed-dataset",
    )
