"""Voxel values of NIfTI files, read whole or not at all.

SimpleITK reads NIfTI headers well, but fills a truncated file up with other values, and takes the
voxels of ``scan.nii.gz`` from ``scan.nii`` when both lie in one folder. Neither raises an error.

References
----------
NIfTI-1.1, nifti.nimh.nih.gov/nifti-1: ``nifti1.h``, header fields at their byte offsets.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oncotrace.errors import InputError

_DTYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_HEADER_BYTES = 348
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_HIGHEST_RATIO = 1040  # deflate cannot compress more
_CHUNK_BYTES = 1 << 20


class _Header(NamedTuple):
    dtype: np.dtype[np.generic]
    offset: int
    slope: float
    intercept: float


def read_nifti_voxels(path: Path, shape_zyx: tuple[int, int, int]) -> NDArray[np.generic]:
    """Voxels [z, y, x] of a NIfTI file, scaled by the slope and intercept of its header.

    Raises
    ------
    InputError
        The file is damaged or ends too early, or its voxels are not plain numbers.
    """
    longest = path.stat().st_size
    try:
        with path.open("rb") as stream:
            # By content, not by name: both occur under either suffix.
            if stream.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
                stream.seek(0)
                return _read(stream, path.name, shape_zyx, longest)
        with gzip.open(path) as unpacked:
            return _read(unpacked, path.name, shape_zyx, longest * _GZIP_HIGHEST_RATIO)
    except (EOFError, zlib.error, OSError) as error:
        raise _damaged(path.name) from error


def _read(
    stream: gzip.GzipFile | BinaryIO, name: str, shape_zyx: tuple[int, int, int], longest: int
) -> NDArray[np.generic]:
    header = _parse(stream.read(_HEADER_BYTES))
    if header is None:
        raise InputError(
            f"{name} holds values that are not plain numbers, or is not a single NIfTI file.",
            code="unreadable-volume",
        )
    length = math.prod(shape_zyx) * header.dtype.itemsize
    # Asked before reading: a header can promise more than any memory holds.
    if header.offset < 0 or header.offset + length > longest:
        raise _damaged(name)
    stream.seek(header.offset)
    content = stream.read(length)
    if len(content) < length:
        raise _damaged(name)
    while stream.read(_CHUNK_BYTES):  # the checksum of gzip stands at the end
        pass
    stored = np.frombuffer(content, header.dtype).reshape(shape_zyx)
    native = stored.astype(header.dtype.newbyteorder("="), copy=False)
    if (header.slope, header.intercept) == (1.0, 0.0):
        return native
    return np.asarray(native * header.slope + header.intercept)


def _parse(head: bytes) -> _Header | None:
    for order in ("<", ">"):
        if head[344:348] != b"n+1\0" or struct.unpack_from(f"{order}i", head)[0] != _HEADER_BYTES:
            continue
        (code,) = struct.unpack_from(f"{order}h", head, 70)
        offset, slope, intercept = struct.unpack_from(f"{order}3f", head, 108)
        if code not in _DTYPES or not math.isfinite(offset):
            return None
        # The standard: a slope of zero means that the values are not scaled.
        scaled = math.isfinite(slope) and math.isfinite(intercept) and slope != 0
        dtype = np.dtype(order + _DTYPES[code])
        return _Header(dtype, int(offset), *((slope, intercept) if scaled else (1.0, 0.0)))
    return None


def _damaged(name: str) -> InputError:
    return InputError(
        f"{name} is damaged: it ends before its last voxel, or its checksum is wrong.",
        hint="Copy or export it again.",
        code="damaged-volume",
    )
