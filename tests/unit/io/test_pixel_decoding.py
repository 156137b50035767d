"""Compressed pixels: every codec gives stored values back, and none can take the program down."""

import os
import signal
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import jpeg_ls
import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_buffer
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from tests.unit.io.dicom_factory import series, slice_uid, values, write_series

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError, MissingDependencyError
from oncotrace.io.dicom_series import read_series
from oncotrace.io.pixel_decoder_process import (
    DECODED,
    FAILED,
    MISSING,
    REPLY_LENGTHS,
    REQUEST_LENGTHS,
    FrameFormat,
    decode_frame,
    limit_resources,
    serve,
)
from oncotrace.io.pixel_decoding import PixelDecoder, _values, encoded_frames

FILES = Path(__file__).parent / "files"
GRID = Geometry((48, 40, 3), (0.7, 0.9, 2.5), (-11.0, 7.0, 30.0))
ROWS, COLUMNS = np.mgrid[:32, :48]


def frame_format(syntax: str = RLELossless, *, bits: int = 16) -> FrameFormat:
    return FrameFormat(syntax, 40, 48, bits, bits, is_signed=False)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (12, True), (16, True)])
def test_lossless_compression_gives_stored_values_back(
    tmp_path: Path, syntax: str, bits: int, signed: bool
) -> None:
    stored = values(GRID, bits=bits, signed=signed)
    folder = write_series(tmp_path, series(stored, GRID, bits=bits, signed=signed), syntax)
    np.testing.assert_array_equal(read_series(folder).scan.voxels, stored)


@pytest.mark.parametrize(
    ("name", "expected", "tolerance"),
    [
        ("jpeg_lossless", 50 * ROWS + 30 * COLUMNS, 0),
        ("jpeg_lossless_signed_12", 50 * ROWS + 30 * COLUMNS - 2000, 0),
        ("jpeg_lossless_signed", 900 * ROWS - 600 * COLUMNS, 0),
        ("jpeg_baseline", 5 * ROWS + 2 * COLUMNS, 2),
        ("jpeg_extended", 50 * ROWS + 30 * COLUMNS, 2),
    ],
)
def test_jpeg_gives_stored_values_and_is_rescaled_once(
    tmp_path: Path, name: str, expected: np.ndarray, tolerance: int
) -> None:
    for z in range(2):
        dataset = pydicom.dcmread(FILES / f"{name}.dcm")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = slice_uid(z)
        dataset.ImagePositionPatient = ["0", "0", str(2 * z)]
        dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-10"
        dataset.save_as(tmp_path / f"{z}.dcm")

    voxels = read_series(tmp_path).scan.voxels
    assert np.abs((voxels + 10) / 2 - expected).max() <= tolerance


def test_damaged_codestream_is_an_error_that_names_the_slice(tmp_path: Path) -> None:
    datasets = series(values(GRID), GRID)
    folder = write_series(tmp_path, datasets, JPEG2000Lossless)
    path = folder / "0002.dcm"  # the middle slice
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\x4f\xff\x51")
    data[start + 4 : start + 40] = bytes(36)
    path.write_bytes(data)

    with pytest.raises(DicomError, match=r"slice 2 of 3 cannot be decoded \(JPEG 2000") as caught:
        read_series(folder)
    assert caught.value.code == "decode-failed"


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_noise_instead_of_pixels_never_gives_another_exception(syntax: str) -> None:
    rng = np.random.default_rng(7)
    with PixelDecoder() as decoder:
        for _ in range(10):
            noise = rng.integers(0, 256, 300, dtype=np.uint8).tobytes()
            with pytest.raises(DicomError, match="the slice cannot be decoded"):
                decoder.decode(noise, frame_format(syntax), "the slice")


def test_codestream_of_another_size_is_refused() -> None:
    encoded = next(encoded_jpeg_2000())
    wrong = FrameFormat(JPEG2000Lossless, 41, 48, 16, 12, is_signed=False)
    with (
        PixelDecoder() as decoder,
        pytest.raises(DicomError, match="has 40 x 48 pixels, the DICOM header says 41 x 48"),
    ):
        decoder.decode(encoded, wrong, "the slice")


def encoded_jpeg_2000() -> Iterator[bytes]:
    stored = values(GRID)
    for z in range(3):
        yield encode_buffer(stored[z].astype("<u2").tobytes(), 48, 40, 1, 12, False)


def test_child_that_is_killed_becomes_an_error() -> None:
    frames = list(encoded_jpeg_2000())
    described = FrameFormat(JPEG2000Lossless, 40, 48, 16, 12, is_signed=False)
    with PixelDecoder() as decoder:
        np.testing.assert_array_equal(
            decoder.decode(frames[0], described, "slice 1"), values(GRID)[0]
        )
        assert decoder.process_id is not None
        os.kill(decoder.process_id, signal.SIGKILL)
        with pytest.raises(DicomError, match=r"slice 2 cannot be decoded .*crashed") as caught:
            decoder.decode(frames[1], described, "slice 2")
    assert caught.value.code == "decode-failed"


def test_child_that_takes_too_long_is_killed() -> None:
    with (
        PixelDecoder(seconds_per_frame=0.001) as decoder,
        pytest.raises(DicomError, match=r"no result within 0\.001 s"),
    ):
        decoder.decode(next(encoded_jpeg_2000()), frame_format(JPEG2000Lossless), "the slice")


def test_no_child_outlives_its_context() -> None:
    with PixelDecoder() as decoder:
        assert decoder.process_id is None
        decoder.decode(next(encoded_jpeg_2000()), frame_format(JPEG2000Lossless), "the slice")
        process_id = decoder.process_id
        assert process_id is not None
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.kill(process_id, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such limits")
def test_child_cannot_take_more_memory_than_its_limit() -> None:
    process_id = os.fork()
    if process_id == 0:
        limit_resources(2**30, 60)
        try:
            np.zeros(2**31, dtype=np.uint8)
        except MemoryError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1]) == 7


def test_server_answers_each_request_until_the_input_ends() -> None:
    described = FrameFormat(JPEG2000Lossless, 40, 48, 16, 12, is_signed=False)
    requests, replies = BytesIO(), BytesIO()
    for encoded in (*encoded_jpeg_2000(), b"noise"):
        description = described.to_json()
        requests.write(REQUEST_LENGTHS.pack(len(description), len(encoded)))
        requests.write(description + encoded)
    requests.seek(0)
    serve(requests, replies)

    replies.seek(0)
    for z in range(3):
        assert REPLY_LENGTHS.unpack(replies.read(5)) == (DECODED, 40 * 48 * 2)
        np.testing.assert_array_equal(
            np.frombuffer(replies.read(40 * 48 * 2), "<u2").reshape(40, 48), values(GRID)[z]
        )
    status, length = REPLY_LENGTHS.unpack(replies.read(5))
    assert status == FAILED
    assert len(replies.read()) == length


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (FrameFormat(JPEGLSLossless, 40, 49, 16, 12, is_signed=False), "has 40 x 48 pixels"),
        (FrameFormat(JPEGLSLossless, 40, 48, 8, 8, is_signed=False), "where 8 bits are declared"),
    ],
)
def test_decoded_image_that_is_not_the_declared_one_is_refused(
    frame: FrameFormat, text: str
) -> None:
    stored = values(GRID)[0].astype("<u2").tobytes()
    encoded = bytes(jpeg_ls.encode_buffer(stored, 40, 48, 1, 12))
    with pytest.raises(ValueError, match=text):
        decode_frame(encoded, frame)


def test_absent_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openjpeg.utils", None)
    with pytest.raises(ImportError, match=r"openjpeg\.utils"):
        decode_frame(b"", frame_format(JPEG2000Lossless))


def test_reply_of_an_absent_decoder_becomes_an_error_with_a_hint() -> None:
    with pytest.raises(MissingDependencyError, match="the library openjpeg that decodes it"):
        _values(MISSING, b"openjpeg", frame_format(JPEG2000Lossless), "the slice")


def test_frames_in_several_fragments_are_joined() -> None:
    frames = list(encoded_jpeg_2000())
    data = encapsulate(frames, fragments_per_frame=3) + b"\xfe\xff\xdd\xe0" + bytes(4)
    assert [frame.rstrip(b"\0") for frame in encoded_frames(data, 3, "the file")] == [
        frame.rstrip(b"\0") for frame in frames
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is cut off"),
        (b"\xfe\xff\x00\xe0\x00\x00\x00\x00", "is cut off"),
        (b"\xfe\xff\x00\xe0\xff\xff\xff\x7f1234", "is cut off"),
        (b"no items in here at all", "is damaged"),
        (b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00", "is damaged"),
    ],
)
def test_damaged_encapsulation_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(DicomError, match=f"the file {text}"):
        list(encoded_frames(data, 1, "the file"))
