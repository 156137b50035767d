"""Series compressed by other people's programs, and decoders that crash or hang."""

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from tests.unit.io.dicom_factory import enhanced, series, values, write, write_series
from typer.testing import Result

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError
from oncotrace.io.dicom_seg import TumourSegment, write_segmentation
from oncotrace.io.dicom_seg_read import read_segment
from oncotrace.io.dicom_series import DicomSeries, read_series
from oncotrace.io.dicom_source import read_source
from oncotrace.io.rtstruct import read_region
from oncotrace.io.volume_file import read_scan

PACKAGE = {
    "dcmcjpeg": "dcmtk",
    "dcmcjpls": "dcmtk",
    "dcmcrle": "dcmtk",
    "gdcmconv": "libgdcm-tools",
}
ENCODERS: dict[str, tuple[UID, tuple[str, ...]]] = {
    "JPEG lossless, first-order": (JPEGLosslessSV1, ("dcmcjpeg", "+e1")),
    "JPEG lossless, sixth predictor": (JPEGLossless, ("dcmcjpeg", "+el", "+sv", "6")),
    "JPEG-LS": (JPEGLSLossless, ("dcmcjpls", "+el")),
    "JPEG 2000": (JPEG2000Lossless, ("gdcmconv", "--j2k")),
    "RLE": (RLELossless, ("dcmcrle",)),
}
SERIES = {"CT": "STS_003/CT", "MR": "STS_025/MR_T1", "PET": "STS_003/PET"}
SLICES = 6  # of a real series: each is a run of the encoder
GRID = Geometry((48, 40, 4), (0.7, 0.9, 2.5), (-11.0, 7.0, 30.0))

encoders = pytest.mark.parametrize("encoder", ENCODERS)


class Compress(Protocol):
    """Copy every file of a folder, compressed by the encoder of that name."""

    def __call__(self, folder: Path, encoder: str) -> Path: ...


@pytest.fixture
def compress(tmp_path: Path) -> Compress:
    """Compress by dcmtk or GDCM; skipped where the program is not installed."""

    def compressed(folder: Path, encoder: str) -> Path:
        syntax, command = ENCODERS[encoder]
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed (Debian: {PACKAGE[command[0]]})")
        out = tmp_path / "compressed"
        out.mkdir()
        for path in sorted(folder.iterdir()):
            subprocess.run(
                [*command, path, out / path.name], check=True, capture_output=True, timeout=60
            )
            assert pydicom.dcmread(out / path.name).file_meta.TransferSyntaxUID == syntax
        return out

    return compressed


@pytest.fixture
def few_slices(shared_data: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy some neighbouring slices of a real series, out of its middle."""

    def copied(name: str) -> Path:
        folder = shared_data / "sts_dicom" / name / "image"
        position = {
            path: pydicom.dcmread(path, stop_before_pixels=True) for path in folder.iterdir()
        }
        paths = sorted(position, key=lambda path: float(position[path].ImagePositionPatient[2]))
        middle = len(paths) // 2
        (tmp_path / "plain").mkdir()
        for path in paths[middle : middle + SLICES]:
            shutil.copy(path, tmp_path / "plain")
        return tmp_path / "plain"

    return copied


def assert_same(found: DicomSeries, expected: DicomSeries) -> None:
    np.testing.assert_array_equal(found.scan.voxels, expected.scan.voxels)
    assert found.scan.geometry == expected.scan.geometry
    assert found.sop_instance_uids == expected.sop_instance_uids
    assert found.notes == expected.notes


@pytest.mark.slow
@encoders
@pytest.mark.parametrize("name", SERIES)
def test_compressed_series_of_a_patient_is_the_uncompressed_one(
    name: str, encoder: str, few_slices: Callable[[str], Path], compress: Compress
) -> None:
    plain = few_slices(SERIES[name])
    expected = read_series(plain)
    assert np.ptp(expected.scan.voxels) > 0
    assert expected.scan.geometry.size_xyz[2] == SLICES
    assert_same(read_series(compress(plain, encoder)), expected)


@pytest.mark.slow
@encoders
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_compressed_frames_of_an_enhanced_object_are_the_uncompressed_ones(
    modality: str, encoder: str, tmp_path: Path, compress: Compress
) -> None:
    stored, slopes = values(GRID), (1.0, 0.5, 2.0, 0.25)
    multi = enhanced(stored, GRID, order=(2, 0, 3, 1), modality=modality, slopes=slopes)
    write(multi, tmp_path / "plain" / "multi.dcm")
    expected = read_series(tmp_path / "plain")
    np.testing.assert_allclose(
        expected.scan.voxels, stored * np.array(slopes)[:, None, None] - 7, rtol=1e-6
    )
    assert_same(read_series(compress(tmp_path / "plain", encoder)), expected)


@encoders
def test_signed_values_of_sixteen_bits_keep_their_sign(
    encoder: str, tmp_path: Path, compress: Compress
) -> None:
    stored = values(GRID, bits=16, signed=True)
    plain = write_series(tmp_path / "plain", series(stored, GRID, bits=16, signed=True))
    np.testing.assert_array_equal(read_series(compress(plain, encoder)).scan.voxels, stored)


@encoders
def test_segmentation_of_a_compressed_series_is_one_of_the_uncompressed(
    encoder: str,
    few_slices: Callable[[str], Path],
    shared_data: Path,
    tmp_path: Path,
    compress: Compress,
) -> None:
    plain = few_slices(SERIES["MR"])
    source, uncompressed = read_source(compress(plain, encoder)), read_source(plain)
    structures = shared_data / "sts_dicom" / SERIES["MR"] / "mask" / "RS.dcm"
    drawn = read_region(structures, source.geometry).mask
    segment = TumourSegment("MANUAL", "reader", "lesion 1", "2.25.301")
    write_segmentation(drawn, tmp_path / "seg.dcm", source, segment=segment)
    found = read_segment(
        tmp_path / "seg.dcm",
        uncompressed.geometry,
        frame_of_reference_uid=uncompressed.frame_of_reference_uid,
        sop_instance_uids=uncompressed.sop_instance_uids,
    )
    np.testing.assert_array_equal(found.mask.voxels, drawn.voxels)
    assert found.notes == ()


@pytest.mark.slow
@encoders
def test_damaged_frames_give_an_error_or_an_image_and_nothing_else(
    encoder: str, tmp_path: Path, compress: Compress
) -> None:
    write(enhanced(values(GRID), GRID), tmp_path / "plain" / "multi.dcm")
    folder = compress(tmp_path / "plain", encoder)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    pixels = whole.rindex(b"\xe0\x7f\x10\x00")
    rng = np.random.default_rng(11)
    codes = []
    for _ in range(4):
        damaged = bytearray(whole)
        for position in rng.integers(pixels + 12, len(whole) - 8, 12):
            damaged[position] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            assert read_series(folder).scan.geometry.size_xyz == GRID.size_xyz
        except DicomError as error:
            codes.append(error.code)
    assert codes
    assert set(codes) <= {"decode-failed", "truncated", "inconsistent-bits"}


# ---- decoders that fail --------------------------------------------------------------------------

# These stand in for the library that decodes JPEG-LS, in the child process that decodes.
CRASHES = "import os\ndef decode_buffer(encoded):\n    os.abort()\n"
HANGS = "import time\ndef decode_buffer(encoded):\n    time.sleep(3600)\n"
TAKES_ALL_MEMORY = "def decode_buffer(encoded):\n    return bytearray(1 << 40), {}\n"


@pytest.fixture
def decoder_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let another module decode JPEG-LS."""

    def replace(content: str) -> None:
        folder = tmp_path / "decoder"
        folder.mkdir()
        (folder / "jpeg_ls.py").write_text(content)
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return replace


def write_compressed(folder: Path, syntax: UID) -> Path:
    return write_series(folder, series(values(GRID), GRID), syntax)


def assert_refused_and_others_are_read(tmp_path: Path, reason: str) -> None:
    folder = write_compressed(tmp_path / "images", JPEGLSLossless)
    with pytest.raises(DicomError, match=rf"cannot be decoded \(JPEG-LS.*{reason}") as caught:
        read_series(folder)
    assert caught.value.code == "decode-failed"
    other = read_series(write_compressed(tmp_path / "other", JPEG2000Lossless))
    np.testing.assert_array_equal(other.scan.voxels, values(GRID))


@pytest.mark.parametrize(
    ("content", "reason"), [(CRASHES, "the decoder crashed"), (TAKES_ALL_MEMORY, "MemoryError")]
)
def test_decoder_that_fails_fails_for_its_series_only(
    content: str, reason: str, decoder_that: Callable[[str], None], tmp_path: Path
) -> None:
    decoder_that(content)
    assert_refused_and_others_are_read(tmp_path, reason)


@pytest.mark.slow
def test_decoder_that_hangs_is_stopped(decoder_that: Callable[[str], None], tmp_path: Path) -> None:
    decoder_that(HANGS)
    assert_refused_and_others_are_read(tmp_path, r"no result within 30\.\d+ s")


@pytest.mark.slow
def test_series_whose_decoder_crashes_is_one_failed_case_of_its_cohort(
    cohort: Callable[[int], Path],
    cli: Callable[..., Result],
    decoder_that: Callable[[str], None],
    tmp_path: Path,
) -> None:
    table, out = cohort(2), tmp_path / "run"
    image = read_scan(table.parent / "case-01" / "image.nii.gz")
    stored = np.rint(image.voxels).astype(np.int64)
    images = series(stored, image.geometry, modality="MR")
    write_series(table.parent / "case-01" / "images", images, JPEGLSLossless)
    table.write_text(table.read_text().replace("case-01/image.nii.gz", "case-01/images"))
    assert cli("segment", table, "--out", tmp_path / "whole", "--model", "ellipsoid").exit_code == 0

    decoder_that(CRASHES)
    run = cli("segment", table, "--out", out, "--model", "ellipsoid")
    assert run.exit_code == 1
    with (out / "failures.csv").open(newline="") as stream:
        (failure,) = csv.DictReader(stream)
    assert (failure["case_id"], failure["code"]) == ("case-01", "decode-failed")
    assert {path.name for path in (out / "cases").iterdir()} == {"case-00"}
