"""Bytes of a file at any place, of which only a short piece is ever in memory."""

import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

CHUNK_BYTES = 16 * 1024
MAX_SKIPPED_BYTES = 2**28  # of a stream that can only be read through, such as a zip's member

_INFLATE_BYTES = 256 * 1024

ReadAt = Callable[[int, int], bytes]


class SkippedTooMuch(Exception):  # noqa: N818  # a signal within the reader, never shown
    """A packed stream would have to be unpacked further than is worth it."""


class Window:
    """A piece of a file that moves to where it is asked for.

    Parameters
    ----------
    read_at
        Returns up to so many bytes at an offset; fewer only at the end of the file.

    Attributes
    ----------
    data, base, end
        The piece, and the offsets in the file at which it begins and ends.
    """

    __slots__ = ("base", "data", "end", "read_at")

    def __init__(self, read_at: ReadAt, offset: int = 0) -> None:
        self.read_at = read_at
        self.move(offset)

    def move(self, offset: int, at_least: int = 0) -> None:
        """Let the piece begin at ``offset``."""
        self.base = offset
        self.data = self.read_at(offset, max(CHUNK_BYTES, at_least))
        self.end = offset + len(self.data)

    def holds(self, offset: int, length: int) -> bool:
        """Whether the file has these bytes; afterwards they are in the piece."""
        if not self.base <= offset <= offset + length <= self.end:
            self.move(offset, length)
        return offset + length <= self.end


class _Forwards(Protocol):
    def read(self, size: int, /) -> bytes: ...


class ForwardReader:
    """Reads a stream that has no way back at growing offsets.

    Going on from within the last piece is possible, because a window may ask again for its end.
    """

    def __init__(self, stream: _Forwards | BinaryIO) -> None:
        self._stream = stream
        self._piece = b""
        self._start = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes at ``offset``.

        Raises
        ------
        SkippedTooMuch
            The offset lies further on than `MAX_SKIPPED_BYTES`.
        """
        if offset < self._start:
            raise ValueError("the stream cannot be read backwards")
        if offset + size > MAX_SKIPPED_BYTES:
            raise SkippedTooMuch
        kept = self._piece[offset - self._start :]
        position = self._start + len(self._piece)
        while position < offset:
            skipped = self._stream.read(min(_INFLATE_BYTES, offset - position))
            if not skipped:
                break
            position += len(skipped)
        self._start = offset
        self._piece = kept + self._read_fully(size - len(kept)) if position >= offset else b""
        return self._piece[:size]

    def _read_fully(self, size: int) -> bytes:
        pieces = []
        while size > 0 and (piece := self._stream.read(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class Inflated:
    """The inflated bytes of a deflated dataset (PS3.5, A.5), unpacked only as far as they are read.

    Parameters
    ----------
    read_at
        Bytes of the file.
    offset
        Where the deflated bytes begin.
    """

    def __init__(self, read_at: ReadAt, offset: int) -> None:
        self._read_at = read_at
        self._offset = offset
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def is_complete(self) -> bool:
        """Whether the end of the deflated data has been reached."""
        return self._inflater.eof

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` more bytes, none at the end.

        Raises
        ------
        zlib.error
            The data are damaged.
        """
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail
            if not packed:
                packed = self._read_at(self._offset, CHUNK_BYTES)
                self._offset += len(packed)
            if not packed:
                return b""
            if inflated := self._inflater.decompress(packed, size):
                return inflated
        return b""
