"""Elements of a DICOM dataset, found by stepping from length to length without reading values.

Our own walk rather than pydicom's, because an inventory reads a million headers: the beginning of
the file is read once, what is not wanted is stepped over, nothing is converted. It trusts no
length: every element must lie within what holds it, and a file that lies about itself ends the
walk with a code.

References
----------
DICOM PS3.5, section 7 (data elements, sequences of items).
"""

import struct

from oncotrace.io.headers.byte_window import Window
from oncotrace.io.headers.fields import Field, Tree

MAX_ELEMENTS = 600_000
MAX_VALUE_BYTES = 64 * 1024
MAX_LISTED = 20_000
MAX_VARIETY = 64

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
CONTOURS = 0x30060039  # of an RTSTRUCT: long, and nothing behind them is wanted
STOPS = PIXEL_TAGS | {CONTOURS}
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF

_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

Raw = tuple[bytes, bytes]  # value representation, value
Found = dict[str, list[Raw]]  # by the name of the field
_Element = tuple[int, bytes, int, int]  # tag, value representation, length, offset of the value


class DamagedHeader(Exception):  # noqa: N818  # becomes a code in the index, never shown
    """The dataset is not what its lengths say; ``code`` tells in which way."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Walk:
    """One walk through a dataset.

    Attributes
    ----------
    found
        What was wanted and is there, in the order of the file.
    remarks
        Codes of what is odd and did not end the walk: ``unordered`` (tags do not ascend, or one
        comes twice), ``long-value`` (a wanted value is longer than any of its kind), ``too-many``
        (more items than are listed).
    stop
        Element at which the walk ended: the pixels, contours, or none at the end of the file.
    """

    def __init__(self, window: Window, *, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self.found: Found = {}
        self.remarks: set[str] = set()
        self.stop: _Element | None = None
        self._window = window
        self._explicit = struct.Struct(f"{order}HH2sH").unpack_from
        self._implicit = struct.Struct(f"{order}HHI").unpack_from
        self._length = struct.Struct(f"{order}I").unpack_from
        self._steps = 0

    def dataset(self, offset: int, end: int, wanted: Tree, *, explicit: bool) -> None:
        """Walk through the dataset of a file.

        Parameters
        ----------
        offset, end
            Where it begins and where the file ends.

        Raises
        ------
        DamagedHeader
            It cannot be walked through.
        """
        self._elements(offset, end, wanted, explicit, STOPS, is_item=False)

    def group(self, offset: int, end: int, group: int, wanted: Tree) -> int:
        """Walk through the elements of one group, explicit and at its beginning; return its end.

        Raises
        ------
        DamagedHeader
            It cannot be walked through.
        """
        first = group.to_bytes(2, "little")
        window = self._window
        while window.holds(offset, 8):
            if window.data[offset - window.base : offset - window.base + 2] != first:
                break
            tag, vr, length, value = element = self._element(offset, end, explicit=True)
            offset = self._after(element, end, explicit=True)
            want = wanted.get(tag)
            if isinstance(want, Field) and length:
                self._keep(want, vr, value, length)
        return offset

    def _elements(
        self,
        offset: int,
        end: int,
        wanted: Tree,
        explicit: bool,
        stops: frozenset[int],
        *,
        is_item: bool,
    ) -> int:
        """Walk up to ``end``, or to the delimiter of an item; return where that is."""
        last = -1
        while offset < end:
            element = tag, vr, length, value = self._element(offset, end, explicit)
            if tag in stops:
                self.stop = element
                return offset
            if tag == ITEM_END and is_item:
                return value
            if tag <= last:
                self.remarks.add("unordered")
            last = tag
            want = wanted.get(tag)
            if length and isinstance(want, Tree):
                offset = self._items(element, end, want, explicit and vr != b"UN")
                continue
            offset = value + length
            if offset > end or length == UNDEFINED:
                offset = self._after(element, end, explicit)
            if length and want is not None:
                self._keep(want, vr, value, length)
        if is_item:
            raise DamagedHeader("malformed-sequence")
        return offset

    def _element(self, offset: int, end: int, explicit: bool) -> _Element:
        """Tag, value representation, length and place of the element at ``offset``."""
        window = self._window
        at = offset - window.base
        if at < 0 or offset + 12 > window.end:
            window.move(offset)
            at = 0
            if offset + 8 > window.end:
                raise DamagedHeader("truncated")
        self._steps += 1
        if self._steps > MAX_ELEMENTS:
            raise DamagedHeader("too-many-elements")
        if explicit:
            group, number, vr, length = self._explicit(window.data, at)
            if vr in _SHORT_VRS:
                return group << 16 | number, vr, length, offset + 8
            if group != 0xFFFE and b"AA" <= vr <= b"ZZ":
                return self._long_element(group << 16 | number, vr, length, offset, end)
        group, number, length = self._implicit(window.data, at)
        return group << 16 | number, b"", length, offset + 8

    def _long_element(
        self, tag: int, vr: bytes, short_length: int, offset: int, end: int
    ) -> _Element:
        """Build the element whose length stands behind two empty bytes (PS3.5, 7.1.2)."""
        if vr not in _LONG_VRS:
            if not vr.isalpha():
                raise DamagedHeader("unknown-vr")
            self.remarks.add("unknown-vr")
            return tag, vr, short_length, offset + 8
        if offset + 12 > min(end, self._window.end):
            raise DamagedHeader("truncated")
        (length,) = self._length(self._window.data, offset - self._window.base + 8)
        return tag, vr, length, offset + 12

    def _after(self, element: _Element, end: int, explicit: bool) -> int:
        """Offset behind an element, which must lie before ``end``."""
        tag, vr, length, value = element
        if length == UNDEFINED:
            if tag in (ITEM, ITEM_END, SEQUENCE_END):
                raise DamagedHeader("malformed-sequence")
            return self._after_undefined(value, end, explicit and vr != b"UN")
        if value + length > end:
            raise DamagedHeader("truncated")
        return value + length

    def _after_undefined(self, offset: int, end: int, explicit: bool) -> int:
        """Offset behind a sequence of undefined length, however deep others lie in it."""
        open_parts = [(False, explicit)]  # for each: whether it is an item, and its encoding
        while open_parts:
            is_item, is_explicit = open_parts[-1]
            tag, vr, length, value = self._element(offset, end, is_explicit)
            offset = value
            if tag == (ITEM_END if is_item else SEQUENCE_END):
                open_parts.pop()
            elif not is_item and tag != ITEM:
                raise DamagedHeader("malformed-sequence")
            elif length == UNDEFINED:
                open_parts.append((not is_item, is_explicit and (not is_item or vr != b"UN")))
            elif value + length > end:
                raise DamagedHeader("truncated")
            else:
                offset = value + length
        return offset

    def _items(self, sequence: _Element, end: int, wanted: Tree, explicit: bool) -> int:
        """Walk through the items of a wanted sequence; return the offset behind it."""
        _, _, length, offset = sequence
        is_open = length == UNDEFINED
        if not is_open:
            if offset + length > end:
                raise DamagedHeader("truncated")
            end = offset + length
        while is_open or offset < end:
            tag, _, length, value = self._element(offset, end, explicit)
            if tag == SEQUENCE_END and is_open:
                return value
            if tag != ITEM or value > end:
                raise DamagedHeader("malformed-sequence")
            if length == UNDEFINED:
                offset = self._elements(value, end, wanted, explicit, frozenset(), is_item=True)
                continue
            offset = value + length
            if offset > end:
                raise DamagedHeader("truncated")
            self._elements(value, offset, wanted, explicit, frozenset(), is_item=False)
        return offset

    def _keep(self, field: Field | Tree, vr: bytes, value: int, length: int) -> None:
        """Put the value of a wanted element down."""
        if length > MAX_VALUE_BYTES or isinstance(field, Tree):
            self.remarks.add("long-value")
            return
        window = self._window
        is_here = window.base <= value and value + length <= window.end
        if not is_here and not window.holds(value, length):
            raise DamagedHeader("truncated")
        at = value - window.base
        # Without a representation in the file, or with an unknown one, the dictionary's counts.
        raw = (field.vr if vr in (b"", b"UN") else vr, window.data[at : at + length])
        values = self.found.get(field.name)
        if values is None:
            self.found[field.name] = [raw]
        elif len(values) >= (MAX_LISTED if field.is_listed else MAX_VARIETY):
            self.remarks.add("too-many")
        elif field.is_listed or values[-1] != raw:
            values.append(raw)
