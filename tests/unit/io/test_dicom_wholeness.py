"""A file that ends before its last element is noticed, whatever it holds."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)
from tests.unit.io.dicom_factory import PLANTED_NAME, series, write

from oncotrace.errors import DicomError
from oncotrace.io.dicom_files import StoredFile
from oncotrace.io.dicom_header import quiet_pydicom, read_header
from oncotrace.io.dicom_wholeness import require_whole

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
)


def check(path: Path) -> None:
    with quiet_pydicom():
        header = read_header(
            StoredFile(path.name, path.stat().st_size, lambda: path.open("rb")), "x"
        )
        assert header is not None
        require_whole(header)


def report(path: Path, syntax: str) -> Path:
    """Write an object without pixels, which ends with a sequence."""
    dataset = series()[0]
    del dataset.PixelData
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    item = Dataset()
    item.TextValue = PLANTED_NAME
    dataset.ContentSequence = [item]
    dataset.add_new(0x60001500, "LO", PLANTED_NAME)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_whole_image_passes_and_a_cut_one_does_not(syntax: str, tmp_path: Path) -> None:
    path = write(series()[0], tmp_path / "image.dcm", syntax)
    check(path)
    content = path.read_bytes()
    for cut in (2, 10):
        path.write_bytes(content[:-cut])
        with pytest.raises(DicomError, match="cut off"):
            check(path)


@pytest.mark.parametrize("syntax", SYNTAXES[:4])
def test_whole_report_passes_and_a_cut_one_does_not(syntax: str, tmp_path: Path) -> None:
    path = report(tmp_path / "report.dcm", syntax)
    check(path)
    content = path.read_bytes()
    last_element = 20  # without it the rest is a report, too
    for cut in [*range(1, last_element), *range(last_element + 1, 50, 7)]:
        path.write_bytes(content[:-cut])
        with pytest.raises(DicomError, match="cut off") as refused:
            check(path)
        assert PLANTED_NAME not in str(refused.value)
