"""The parts of a ``multipart/related`` message (RFC 2046, 5.1; RFC 2387), as they arrive.

Only what is needed to find the next boundary is held in memory, however long a part is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from oncotrace.errors import InputError
from oncotrace.io.pacs.patience import broken_off

ReadSome = Callable[[], bytes]
"""Gives the next bytes, however many there are, and none at the end."""

_MOST_HEADER_BYTES = 16 * 1024
_LONGEST_BOUNDARY = 70  # RFC 2046, 5.1.1


@dataclass(frozen=True)
class Part:
    """One part: its headers, and its body, which can be read once and before the next part."""

    headers: Message
    body: Iterator[bytes]

    @property
    def length(self) -> int | None:
        """Bytes of the body that the headers announce, if they do."""
        text = str(self.headers.get("Content-Length", ""))
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def boundary_of(headers: Message) -> bytes:
    """Boundary that the headers of a message name.

    Raises
    ------
    InputError
        ``pacs-answer``: the message is not ``multipart/related``, or names no boundary.
    """
    boundary = headers.get_boundary() or ""
    is_fit = 0 < len(boundary) <= _LONGEST_BOUNDARY and boundary.isascii()
    if headers.get_content_type() != "multipart/related" or not is_fit:
        raise InputError(
            "the PACS does not answer with the parts of a message (multipart/related).",
            hint="Check that the address is the root of its DICOMweb service.",
            code="pacs-answer",
        )
    return boundary.encode("ascii")


def read_parts(boundary: bytes, read_some: ReadSome) -> Iterator[Part]:
    """Parts of a message, one by one.

    What is left of a body when the next part is asked for is passed over.

    Raises
    ------
    InputError
        ``pacs-interrupted``: the message ends before its closing boundary. ``pacs-answer``: the
        headers of a part have no end.
    """
    content = _Content(read_some)
    delimiter = b"\r\n--" + boundary
    for _ in content.until(delimiter):  # a preamble means nothing
        pass
    while content.take(2) != b"--":
        part = Part(_part_headers(content), content.until(delimiter))
        yield part
        for _ in part.body:
            pass


class _Content:
    """A stream of bytes in which strings are looked for."""

    def __init__(self, read_some: ReadSome) -> None:
        self._read_some = read_some
        self._held = bytearray(b"\r\n")  # the first boundary may come without a line before it

    def until(self, delimiter: bytes) -> Iterator[bytes]:
        """Bytes up to the delimiter, which is taken and not given."""
        while (found := self._held.find(delimiter)) < 0:
            certain = len(self._held) - len(delimiter) + 1
            if certain > 0:
                yield self._drop(certain)
            self._read_more()
        if found:
            yield self._drop(found)
        self._drop(len(delimiter))

    def take(self, number: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._held) < number:
            self._read_more()
        return bytes(self._held[:number])

    def take_line(self) -> bytes:
        """Bytes up to the end of the line, which belongs to them."""
        while (found := self._held.find(b"\r\n")) < 0:
            if len(self._held) > _MOST_HEADER_BYTES:
                raise InputError(
                    "the PACS sends a part whose headers have no end.", code="pacs-answer"
                )
            self._read_more()
        return self._drop(found + 2)

    def _drop(self, number: int) -> bytes:
        dropped = bytes(self._held[:number])
        del self._held[:number]
        return dropped

    def _read_more(self) -> None:
        more = self._read_some()
        if not more:
            raise broken_off()
        self._held += more


def _part_headers(content: _Content) -> Message:
    """Headers behind a boundary; blanks may stand between it and the end of its line."""
    content.take_line()
    lines: list[bytes] = []
    while (line := content.take_line()) != b"\r\n":
        lines.append(line)
        if sum(map(len, lines)) > _MOST_HEADER_BYTES:
            raise InputError("the PACS sends a part whose headers have no end.", code="pacs-answer")
    return BytesHeaderParser().parsebytes(b"".join(lines))
