"""Sources and encodings: archives, files without preamble, deflated and big-endian datasets."""

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.unit.io.dicom_factory import GRID, PLANTED_NAME, series, values, write_series

from oncotrace.errors import DicomError
from oncotrace.io import dicom_files
from oncotrace.io.dicom_series import is_dicom_source, list_series, read_series


def zipped(
    folder: Path, archive: Path, *, prefix: str = "", method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(archive, "w", method) as target:
        for path in sorted(folder.iterdir()):
            target.write(path, prefix + path.name)
    return archive


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_every_native_encoding_gives_the_same_voxels(tmp_path: Path, syntax: str) -> None:
    read = read_series(write_series(tmp_path, series(), syntax))
    np.testing.assert_array_equal(read.scan.voxels, values())
    assert read.scan.geometry.matches(GRID)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_dataset_without_preamble_and_meta_information_is_read(tmp_path: Path, syntax: str) -> None:
    folder = write_series(tmp_path, series(), syntax)
    for path in folder.iterdir():
        data = path.read_bytes()
        meta_bytes = 12 + struct.unpack("<I", data[140:144])[0]
        path.write_bytes(data[132 + meta_bytes :])

    assert is_dicom_source(next(folder.iterdir()))
    np.testing.assert_array_equal(read_series(folder).scan.voxels, values())


def test_compressed_pixels_without_a_transfer_syntax_are_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series(), "1.2.840.10008.1.2.5")
    for path in folder.iterdir():
        data = path.read_bytes()
        meta_bytes = 12 + struct.unpack("<I", data[140:144])[0]
        path.write_bytes(data[132 + meta_bytes :])

    with pytest.raises(DicomError, match="declares an undefined number of bytes") as caught:
        read_series(folder)
    assert caught.value.code == "pixel-length"


def test_transfer_syntax_that_is_no_identifier_is_not_shown(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series())
    for path in folder.iterdir():
        path.write_bytes(
            path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"(Planted)/Name?/1.2\0")
        )

    with pytest.raises(DicomError, match="damaged or cut off inside its header") as caught:
        read_series(folder)
    assert "Planted" not in str(caught.value)


def test_file_that_begins_with_its_meta_information_is_read(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])

    np.testing.assert_array_equal(read_series(folder).scan.voxels, values())


def test_bytes_that_only_resemble_a_first_element_are_not_dicom(tmp_path: Path) -> None:
    path = tmp_path / "resembling"
    path.write_bytes(b"\x08\x00\x05\x00CS\x0a\x00" + b"something else " * 20)
    assert not is_dicom_source(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_archive_is_read_as_its_folder(tmp_path: Path, method: int) -> None:
    folder = write_series(tmp_path / "images", series())
    read = read_series(zipped(folder, tmp_path / "images.zip", method=method))
    np.testing.assert_array_equal(read.scan.voxels, values())


def test_archive_is_recognised_without_its_suffix(tmp_path: Path) -> None:
    archive = zipped(write_series(tmp_path / "images", series()), tmp_path / "upload")
    assert is_dicom_source(archive)
    assert list_series(archive)[0].number_of_instances == 4


def test_names_in_an_archive_are_not_used_as_paths(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "images", series())
    archive = zipped(folder, tmp_path / "archive.zip", prefix="../../../outside/")
    before = sorted(tmp_path.rglob("*"))

    np.testing.assert_array_equal(read_series(archive).scan.voxels, values())
    assert sorted(tmp_path.rglob("*")) == before


def test_archive_of_compressed_slices_is_read(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "images", series(), "1.2.840.10008.1.2.5")
    read = read_series(zipped(folder, tmp_path / "images.zip"))
    np.testing.assert_array_equal(read.scan.voxels, values())


def test_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_series(tmp_path / "images", series())
    archive = zipped(folder, tmp_path / "images.zip")
    monkeypatch.setattr(dicom_files, "MAX_ARCHIVE_BYTES", 1000)
    with pytest.raises(DicomError, match=r"the archive holds 4 files of .* GiB unpacked") as caught:
        read_series(archive)
    assert caught.value.code == "zip-too-large"


def test_archive_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_series(tmp_path / "images", series())
    monkeypatch.setattr(dicom_files, "MAX_ARCHIVE_MEMBERS", 3)
    with pytest.raises(DicomError, match="the archive holds 4 files") as caught:
        read_series(zipped(folder, tmp_path / "images.zip"))
    assert caught.value.code == "zip-too-large"


def test_archive_that_declares_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "images", series())
    archive = zipped(folder, tmp_path / "images.zip")
    data = bytearray(archive.read_bytes())
    size = next(folder.iterdir()).stat().st_size
    # Directory entry: the unpacked size stands at byte 24, the packed one before it.
    entry = data.index(b"PK\x01\x02")
    assert struct.unpack("<I", data[entry + 24 : entry + 28]) == (size,)
    data[entry + 24 : entry + 28] = struct.pack("<I", size - 50)
    archive.write_bytes(data)

    with pytest.raises(DicomError, match=r"cut off|damaged") as caught:
        read_series(archive)
    assert caught.value.code in ("truncated", "unreadable-zip")


def test_stream_of_a_member_never_gives_more_than_the_member_declares(tmp_path: Path) -> None:
    archive = tmp_path / "lying.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("zeros", bytes(10_000_000))
    data = bytearray(archive.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 100)
    archive.write_bytes(data)

    with dicom_files.stored_files(archive) as files, files[0].open() as stream:
        with pytest.raises(zipfile.BadZipFile, match="Bad CRC"):
            stream.read()
        assert stream.tell() <= 100


def test_damaged_archive_is_refused(tmp_path: Path) -> None:
    archive = zipped(write_series(tmp_path / "images", series()), tmp_path / "images.zip")
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(DicomError, match="the zip archive is damaged") as caught:
        read_series(archive)
    assert caught.value.code == "unreadable-zip"


def test_encrypted_archive_is_refused(tmp_path: Path) -> None:
    archive = zipped(write_series(tmp_path / "images", series()), tmp_path / "images.zip")
    data = bytearray(archive.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1  # general purpose bit 0: encrypted
    archive.write_bytes(data)
    with pytest.raises(DicomError, match="the archive is encrypted"):
        read_series(archive)


def test_empty_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "empty.zip"
    with zipfile.ZipFile(archive, "w"):
        pass
    with pytest.raises(DicomError, match="the archive is empty") as caught:
        read_series(archive)
    assert caught.value.code == "empty-folder"


def test_names_of_files_and_members_stay_out_of_errors(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "images", series())
    lost = folder / "Planted_Name_0002.dcm"
    (folder / "0002.dcm").rename(lost)
    lost.write_bytes(lost.read_bytes()[:-10])
    for source in (folder, zipped(folder, tmp_path / "images.zip")):
        with pytest.raises(DicomError, match="file 4 of 4") as caught:
            read_series(source)
        assert PLANTED_NAME.split("^")[0] not in str(caught.value)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def test_deflated_dataset_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_files, "MAX_INFLATED_BYTES", 1000)
    with pytest.raises(DicomError, match="a deflated file holds more than"):
        dicom_files.inflate(BytesIO(deflated(bytes(5000))))


@pytest.mark.parametrize("data", [deflated(bytes(range(200)))[:-20], b"\xff" * 50])
def test_deflated_dataset_that_is_cut_off_or_damaged_is_refused(data: bytes) -> None:
    with pytest.raises(DicomError, match=r"a deflated file is (cut off|damaged)"):
        dicom_files.inflate(BytesIO(data))


def test_cut_off_deflated_file_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series(), DeflatedExplicitVRLittleEndian)
    path = folder / "0003.dcm"
    path.write_bytes(path.read_bytes()[:-25])
    with pytest.raises(DicomError, match="a deflated file is cut off"):
        read_series(folder)
