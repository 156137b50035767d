"""Voxels of a stack of frames, read file by file and rescaled to physical values."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import refused_reads
from oncotrace.io.dicom_frames import Frame
from oncotrace.io.dicom_header import DicomHeader, PixelElement
from oncotrace.io.pixel_decoding import (
    PixelDecoder,
    encoded_frames,
    native_values,
    significant_values,
)
from oncotrace.io.transfer_syntaxes import NATIVE, READABLE


def read_voxels(frames: list[Frame]) -> NDArray[np.float32]:
    """Rescaled voxels [z, y, x] of frames in the order of the z axis.

    Raises
    ------
    DicomError
        A file is cut off, its pixels do not have the length that its header says, its transfer
        syntax is unknown, or a frame cannot be decoded.
    """
    for frame in frames:
        _require_whole_pixels(frame)
    columns, rows = frames[0].size_xy
    voxels = np.empty((len(frames), rows, columns), dtype=np.float32)
    with PixelDecoder() as decoder:
        for z, values in _stored_values(frames, decoder):
            _rescale_into(voxels[z], values, frames[z])
    return voxels


def pixel_payload(header: DicomHeader) -> bytes:
    """Pixel data as stored, to compare two files."""
    pixels = _located(header)
    with header.open_content() as stream, refused_reads():
        stream.seek(pixels.value_offset)
        # A length that lies would take that much memory before the file turns out to end.
        left = header.content_bytes - pixels.value_offset
        return stream.read(left if pixels.length is None else min(left, pixels.length))


def _require_whole_pixels(frame: Frame) -> None:
    """Refuse a frame whose file is shorter, or whose pixel data are not as long, as declared.

    Raises
    ------
    DicomError
        ``truncated``, ``pixel-length`` or ``unsupported-transfer-syntax``.
    """
    header, label = frame.header, frame.header.label
    pixels = _located(header)
    _require_known_syntax(header)
    if pixels.length is None and header.transfer_syntax not in NATIVE:
        return
    available_bytes = header.content_bytes - pixels.value_offset
    if pixels.length is not None and pixels.length > available_bytes:
        raise DicomError(
            f"{label} is cut off: {available_bytes} of {pixels.length} bytes of its pixels are "
            "there.",
            hint="Fetch it again.",
            code="truncated",
        )
    expected = frame.pixel_format.frame_bytes * frame.pixel_format.number_of_frames
    if header.transfer_syntax not in NATIVE or pixels.length not in (
        expected,
        expected + expected % 2,
    ):
        found = "an undefined number of" if pixels.length is None else str(pixels.length)
        raise DicomError(
            f"{label} declares {found} bytes of pixels, its rows, columns, frames and bits need "
            f"{expected}.",
            hint="Fetch it again; the file contradicts itself.",
            code="pixel-length",
        )


def _require_known_syntax(header: DicomHeader) -> None:
    if header.transfer_syntax not in READABLE:
        raise DicomError(
            f"{header.label} is stored in a transfer syntax that is not supported "
            f"({UID(header.transfer_syntax).name}).",
            hint="Export the series uncompressed (Explicit VR Little Endian).",
            code="unsupported-transfer-syntax",
        )


def _located(header: DicomHeader) -> PixelElement:
    if header.pixels is None:
        raise DicomError(f"{header.label} ends before its pixels.", code="truncated")
    return header.pixels


def _stored_values(
    frames: list[Frame], decoder: PixelDecoder
) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """Slice index and stored values of every frame; each file is opened once, read in its order."""
    slices_of_file: dict[int, list[int]] = {}
    for z, frame in enumerate(frames):
        slices_of_file.setdefault(id(frame.header), []).append(z)
    for slices in slices_of_file.values():
        slices.sort(key=lambda z: frames[z].index)
        is_native = frames[slices[0]].header.transfer_syntax in NATIVE
        yield from (
            _native_frames(frames, slices)
            if is_native
            else _compressed_frames(frames, slices, decoder)
        )


def _native_frames(
    frames: list[Frame], slices: list[int]
) -> Iterator[tuple[int, NDArray[np.generic]]]:
    header, pixel_format = frames[slices[0]].header, frames[slices[0]].pixel_format
    frame_bytes = pixel_format.frame_bytes
    with header.open_content() as stream:
        for z in slices:
            with refused_reads():
                stream.seek(_located(header).value_offset + frames[z].index * frame_bytes)
                data = stream.read(frame_bytes)
            if len(data) != frame_bytes:
                raise DicomError(f"{header.label} is cut off.", code="truncated")
            yield z, native_values(data, pixel_format.frame, big_endian=pixel_format.big_endian)


def _compressed_frames(
    frames: list[Frame], slices: list[int], decoder: PixelDecoder
) -> Iterator[tuple[int, NDArray[np.generic]]]:
    header, pixel_format = frames[slices[0]].header, frames[slices[0]].pixel_format
    slice_of_frame = {frames[z].index: z for z in slices}
    encoded = encoded_frames(
        pixel_payload(header),
        pixel_format.number_of_frames,
        header.label,
        extended_offsets=header.extended_offsets,
    )
    for index, data in enumerate(encoded):
        if (z := slice_of_frame.get(index)) is not None:
            yield z, decoder.decode(data, pixel_format.frame, f"slice {z + 1} of {len(frames)}")


def _rescale_into(target: NDArray[np.float32], stored: NDArray[np.generic], frame: Frame) -> None:
    values = significant_values(stored, frame.pixel_format.frame, frame.header.label)
    if frame.slope == 1 and frame.intercept == 0:
        target[...] = values
    else:
        target[...] = values.astype(np.float64) * frame.slope + frame.intercept
