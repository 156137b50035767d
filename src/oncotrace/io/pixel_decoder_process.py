"""The child process that decodes compressed frames, so that a crash or a hang stays outside.

Run as ``python -P -m oncotrace.io.pixel_decoder_process MEMORY_BYTES CPU_SECONDS`` in an empty
folder. It reads requests on standard input and answers on standard output until the input ends:

* request: ``>II`` lengths, a JSON description of the frame, the encoded frame;
* reply: ``>BI`` status and length, then the decoded frame (native, little endian, rows x columns
  samples of ``bits_allocated`` bits), or for an error its reason.

Only the encoded frame and its dimensions cross the border, never a header.
"""

import json
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # libraries are imported where they decode, so that the child starts at once
    from pydicom.dataset import Dataset

DECODED, FAILED, MISSING = 0, 1, 2
REQUEST_LENGTHS = struct.Struct(">II")
REPLY_LENGTHS = struct.Struct(">BI")

_GDCM_FILE = "frame.dcm"


@dataclass(frozen=True)
class FrameFormat:
    """What a decoder must know about a frame: its encoding and the shape of its pixels."""

    transfer_syntax: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the decoded samples, little endian."""
        return np.dtype(f"<{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")

    def to_json(self) -> bytes:
        """Write the description that crosses the pipe."""
        return json.dumps(asdict(self)).encode()


def decode_rle(encoded: bytes, frame: FrameFormat) -> NDArray[np.generic]:
    """Decode RLE Lossless (DICOM PS3.5 annex G)."""
    from pydicom.pixels.decoders.base import RLELosslessDecoder

    samples, _ = RLELosslessDecoder.as_array(
        _bare_dataset(encoded, frame), decoding_plugin="pydicom"
    )
    return np.asarray(samples)


def decode_jpeg_2000(encoded: bytes, frame: FrameFormat) -> NDArray[np.generic]:
    """Decode JPEG 2000, after its own header has been held against the DICOM header."""
    from openjpeg.utils import decode, get_parameters

    found = get_parameters(encoded)
    _require_same_shape((int(found["rows"]), int(found["columns"])), frame)
    return np.asarray(decode(encoded))


def decode_jpeg_ls(encoded: bytes, frame: FrameFormat) -> NDArray[np.generic]:
    """Decode JPEG-LS, lossless or near-lossless."""
    import jpeg_ls  # type: ignore[import-untyped]

    samples, found = jpeg_ls.decode_buffer(encoded)
    _require_same_shape((found["height"], found["width"]), frame)
    container = np.dtype("<u1" if found["bits_per_sample"] <= 8 else "<u2")
    return np.frombuffer(samples, dtype=container)


def decode_jpeg(encoded: bytes, frame: FrameFormat) -> NDArray[np.generic]:
    """Decode JPEG baseline, extended or lossless with the GDCM that SimpleITK holds.

    The frame is wrapped in a file without rescaling, so that stored values come back.
    """
    import SimpleITK as sitk

    path = Path(_GDCM_FILE)
    _bare_dataset(encoded, frame).save_as(path, enforce_file_format=True)
    try:
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(path))
        return np.asarray(sitk.GetArrayFromImage(reader.Execute()))
    finally:
        path.unlink()


def _bare_dataset(encoded: bytes, frame: FrameFormat) -> "Dataset":
    """Wrap one encoded frame in the smallest dataset that a reader accepts."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, SecondaryCaptureImageStorage, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(frame.transfer_syntax)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = frame.rows, frame.columns
    dataset.BitsAllocated, dataset.BitsStored = frame.bits_allocated, frame.bits_stored
    dataset.HighBit = frame.bits_stored - 1
    dataset.PixelRepresentation = int(frame.is_signed)
    dataset.PixelData = encapsulate([encoded])
    dataset["PixelData"].VR = "OB"
    return dataset


_Decoder = Callable[[bytes, FrameFormat], NDArray[np.generic]]

DECODERS: dict[str, _Decoder] = {
    "1.2.840.10008.1.2.4.50": decode_jpeg,
    "1.2.840.10008.1.2.4.51": decode_jpeg,
    "1.2.840.10008.1.2.4.57": decode_jpeg,
    "1.2.840.10008.1.2.4.70": decode_jpeg,
    "1.2.840.10008.1.2.4.80": decode_jpeg_ls,
    "1.2.840.10008.1.2.4.81": decode_jpeg_ls,
    "1.2.840.10008.1.2.4.90": decode_jpeg_2000,
    "1.2.840.10008.1.2.4.91": decode_jpeg_2000,
    "1.2.840.10008.1.2.4.201": decode_jpeg_2000,
    "1.2.840.10008.1.2.4.202": decode_jpeg_2000,
    "1.2.840.10008.1.2.4.203": decode_jpeg_2000,
    "1.2.840.10008.1.2.5": decode_rle,
}


def decode_frame(encoded: bytes, frame: FrameFormat) -> bytes:
    """Decode one frame to rows x columns little-endian samples of ``bits_allocated`` bits.

    Raises
    ------
    ValueError
        The decoded image is not the one that the DICOM header describes.
    ImportError
        The decoder's library is not installed.
    """
    samples = DECODERS[frame.transfer_syntax](encoded, frame)
    if samples.size != frame.rows * frame.columns:
        raise ValueError(f"{samples.size} samples instead of {frame.rows} x {frame.columns}")
    if samples.dtype.itemsize > frame.dtype.itemsize:
        raise ValueError(f"{samples.dtype} samples where {frame.bits_allocated} bits are declared")
    # Codestreams may hold fewer bits, or another sign, than the header: keep the bits.
    return samples.astype(frame.dtype).tobytes()


def _require_same_shape(found: tuple[int, int], frame: FrameFormat) -> None:
    if found != (frame.rows, frame.columns):
        raise ValueError(
            f"the encoded image has {found[0]} x {found[1]} pixels, the DICOM header says "
            f"{frame.rows} x {frame.columns}"
        )


def limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Bound this process's address space and processor time, where the system can."""
    if sys.platform != "win32":
        import resource

        for limit, value in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_CPU, cpu_seconds),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(limit)
            allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (allowed, hard))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while len(lengths := requests.read(REQUEST_LENGTHS.size)) == REQUEST_LENGTHS.size:
        description_length, encoded_length = REQUEST_LENGTHS.unpack(lengths)
        frame = FrameFormat(**json.loads(requests.read(description_length)))
        status, reply = _answer(requests.read(encoded_length), frame)
        replies.write(REPLY_LENGTHS.pack(status, len(reply)))
        replies.write(reply)
        replies.flush()


def _answer(encoded: bytes, frame: FrameFormat) -> tuple[int, bytes]:
    try:
        return DECODED, decode_frame(encoded, frame)
    except ImportError as error:
        return MISSING, (error.name or "a decoder").encode()
    except Exception as error:  # whatever a codec raises on damaged data is an answer, not a crash
        return FAILED, f"{type(error).__name__}: {error}"[:300].encode()


def main() -> None:
    """Serve the parent process within the limits on the command line."""
    memory_bytes, cpu_seconds = (int(argument) for argument in sys.argv[1:3])
    limit_resources(memory_bytes, cpu_seconds)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print must not write into the replies
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
