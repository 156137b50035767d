"""Stored pixel values of frames: native ones read here, others decoded in a child process."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.uid import UID

from oncotrace.errors import DicomError, MissingDependencyError
from oncotrace.io.pixel_decoder_process import (
    DECODED,
    MISSING,
    REPLY_LENGTHS,
    REQUEST_LENGTHS,
    FrameFormat,
)

_START_SECONDS = 30.0
_SECONDS_PER_MEGAPIXEL = 10.0
_MEMORY_BYTES = 2 * 2**30  # libraries and their threads reserve most of it
_MEMORY_PER_PIXEL_BYTES = 64
_CPU_SECONDS = 3600
_ONE_THREAD = {
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class PixelDecoder(AbstractContextManager["PixelDecoder"]):
    """A child process that decodes one compressed frame after another.

    It starts with the first frame, in an empty temporary folder, with bounded memory; it is killed
    when a frame takes longer than its size allows, and when this context ends. A crash of a codec
    ends the child and becomes a `DicomError`.

    Parameters
    ----------
    seconds_per_frame
        Time limit of a frame; none for one in proportion to its pixels.
    """

    def __init__(self, *, seconds_per_frame: float | None = None) -> None:
        self._seconds_per_frame = seconds_per_frame
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        return self

    @property
    def process_id(self) -> int | None:
        """Identifier of the child process, none before the first frame."""
        return self._process.pid if self._process else None

    def decode(self, encoded: bytes, frame: FrameFormat, label: str) -> NDArray[np.generic]:
        """Return the stored values [y, x] of one compressed frame.

        Parameters
        ----------
        label
            How a message calls the frame.

        Raises
        ------
        DicomError
            The frame cannot be decoded, or not within its time and memory.
        MissingDependencyError
            The library that decodes this transfer syntax is not installed.
        """
        try:
            process = self._started(frame)
        except OSError as error:
            raise _decode_failed(label, frame, "the decoder cannot be started") from error
        seconds = self._seconds_per_frame or _time_limit_s(frame)
        expired = threading.Event()
        timer = threading.Timer(seconds, _kill, (process, expired))
        timer.start()
        try:
            status, reply = _exchange(process, encoded, frame)
        except (OSError, EOFError) as error:
            process.wait()
            reason = (
                f"no result within {seconds:g} s" if expired.is_set() else "the decoder crashed"
            )
            raise _decode_failed(label, frame, reason) from error
        finally:
            timer.cancel()
        return _values(status, reply, frame, label)

    def _started(self, frame: FrameFormat) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._folder = tempfile.TemporaryDirectory(prefix="oncotrace-decoder-")
            memory_bytes = _MEMORY_BYTES + _MEMORY_PER_PIXEL_BYTES * frame.rows * frame.columns
            # -P: never import from the working folder.
            self._process = subprocess.Popen(  # noqa: S603  # no shell, and numbers as arguments
                [
                    *(sys.executable, "-P", "-m", "oncotrace.io.pixel_decoder_process"),
                    *(str(memory_bytes), str(_CPU_SECONDS)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder.name,
                env=os.environ | _ONE_THREAD,
            )
        return self._process


def _time_limit_s(frame: FrameFormat) -> float:
    return _START_SECONDS + _SECONDS_PER_MEGAPIXEL * frame.rows * frame.columns / 1e6


def _kill(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    process.kill()


def _exchange(
    process: subprocess.Popen[bytes], encoded: bytes, frame: FrameFormat
) -> tuple[int, bytes]:
    """Send a frame and wait for its reply.

    Raises
    ------
    OSError, EOFError
        The child has ended.
    """
    if process.stdin is None or process.stdout is None:
        raise EOFError
    description = frame.to_json()
    process.stdin.write(REQUEST_LENGTHS.pack(len(description), len(encoded)))
    process.stdin.write(description)
    process.stdin.write(encoded)
    process.stdin.flush()
    status, length = REPLY_LENGTHS.unpack(_read_exactly(process.stdout, REPLY_LENGTHS.size))
    return status, _read_exactly(process.stdout, length)


def _read_exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise EOFError
    return data


def _values(status: int, reply: bytes, frame: FrameFormat, label: str) -> NDArray[np.generic]:
    if status == MISSING:
        raise MissingDependencyError(
            f"{label} is compressed ({UID(frame.transfer_syntax).name}); the library "
            f"{reply.decode(errors='replace')} that decodes it is not installed.",
            hint="Install oncotrace with its dependencies, or export the series uncompressed.",
            code="missing-decoder",
        )
    if status != DECODED or len(reply) != frame.rows * frame.columns * frame.dtype.itemsize:
        raise _decode_failed(label, frame, reply.decode(errors="replace").rstrip("."))
    return np.frombuffer(reply, frame.dtype).reshape(frame.rows, frame.columns)


def _decode_failed(label: str, frame: FrameFormat, reason: str) -> DicomError:
    return DicomError(
        f"{label} cannot be decoded ({UID(frame.transfer_syntax).name}): {reason}.",
        hint="Fetch it again, or export the series uncompressed.",
        code="decode-failed",
    )


def native_values(data: bytes, frame: FrameFormat, *, big_endian: bool) -> NDArray[np.generic]:
    """Return the stored values [y, x] of one frame that is not compressed."""
    dtype = frame.dtype.newbyteorder(">") if big_endian else frame.dtype
    return np.frombuffer(data, dtype).reshape(frame.rows, frame.columns)


def significant_values(
    stored: NDArray[np.generic], frame: FrameFormat, label: str
) -> NDArray[np.generic]:
    """Return stored values as numbers: the sign extended from the highest stored bit.

    Raises
    ------
    DicomError
        Values use bits beyond ``BitsStored``.
    """
    spare_bits = frame.bits_allocated - frame.bits_stored
    if spare_bits == 0:
        return stored
    integers = stored.astype(np.int64)
    low, high = int(integers.min()), int(integers.max())
    lowest = -(1 << (frame.bits_stored - 1)) if frame.is_signed else 0
    if low < lowest or high >= 1 << frame.bits_stored:
        raise DicomError(
            f"{label} holds stored values from {low} to {high}, which do not fit the "
            f"{frame.bits_stored} bits that its header declares.",
            code="inconsistent-bits",
        )
    if not frame.is_signed or high < 1 << (frame.bits_stored - 1):
        return stored
    shift = 64 - frame.bits_stored
    return np.asarray((integers << shift) >> shift)


def encoded_frames(
    data: bytes,
    number_of_frames: int,
    label: str,
    *,
    extended_offsets: tuple[bytes, bytes] | None = None,
) -> Iterator[bytes]:
    """Yield the encoded frames of encapsulated pixel data (PS3.5, A.4).

    Raises
    ------
    DicomError
        The data are cut off, damaged, or hold another number of frames.
    """
    _require_whole(data, label)
    count = 0
    try:
        for encoded in generate_frames(
            data, number_of_frames=number_of_frames, extended_offsets=extended_offsets
        ):
            count += bool(encoded)
            yield encoded
    except (ValueError, IndexError) as error:
        raise _damaged(label) from error
    if count != number_of_frames:
        raise _damaged(label)


def _require_whole(data: bytes, label: str) -> None:
    """Refuse encapsulated data whose items do not reach their end."""
    offset = 0
    while data[offset : offset + 4] == b"\xfe\xff\x00\xe0":
        offset += 8 + int.from_bytes(data[offset + 4 : offset + 8], "little")
    if offset + 8 > len(data):
        raise DicomError(
            f"{label} is cut off: its compressed pixels end too early.",
            hint="Fetch it again.",
            code="truncated",
        )
    if data[offset : offset + 4] != b"\xfe\xff\xdd\xe0":
        raise _damaged(label)


def _damaged(label: str) -> DicomError:
    return DicomError(
        f"{label} is damaged: its compressed pixels are not divided into frames as they should be.",
        hint="Fetch it again.",
        code="decode-failed",
    )
