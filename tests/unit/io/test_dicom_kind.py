"""What a DICOM file holds is told from its beginning, and never by its name."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import GRID, PLANTED_NAME, series, values, write
from tests.unit.io.rtstruct_factory import FileSpec, RegionSpec, write_rtstruct
from tests.unit.io.test_dicom_seg import OVERLAPPING

from oncotrace.errors import DicomError
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_kind import DicomObject, dicom_object


def bare_object(sop_class: str) -> Dataset:
    dataset = series(values(GRID))[0]
    with quiet_pydicom():
        dataset.SOPClassUID = sop_class
    return dataset


@pytest.mark.parametrize("preamble", [True, False])
def test_an_rtstruct_is_known_with_and_without_preamble(preamble: bool, tmp_path: Path) -> None:
    regions = [RegionSpec("GTV", [])]
    path = write_rtstruct(tmp_path / "notes.txt", regions, FileSpec(preamble=preamble))
    assert dicom_object(path) == DicomObject("structures", "RT Structure Set Storage")


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.4", "segmentation"),
        ("1.2.840.10008.5.1.4.1.1.66.7", "segmentation"),
        ("1.2.840.10008.5.1.4.1.1.88.34", "report"),
        ("1.2.840.10008.5.1.4.1.1.88.11", "report"),
        ("1.2.840.10008.5.1.4.1.1.4", "other"),
        ("1.2.840.10008.5.1.4.1.1.66.5", "other"),  # surface segmentation
    ],
)
def test_objects_are_told_apart_by_their_class(sop_class: str, kind: str, tmp_path: Path) -> None:
    found = dicom_object(write(bare_object(sop_class), tmp_path / "object.dcm"))
    assert found is not None
    assert found.kind == kind


def test_a_segmentation_is_known_by_its_content(tmp_path: Path) -> None:
    found = dicom_object(write(OVERLAPPING.dataset(), tmp_path / "seg"))
    assert found == DicomObject("segmentation", "Segmentation Storage")


def test_a_class_that_is_no_class_is_not_repeated(tmp_path: Path) -> None:
    with quiet_pydicom():
        path = write(bare_object(f"1.2.3{PLANTED_NAME}"), tmp_path / "object.dcm")
    found = dicom_object(path)
    assert found == DicomObject("other", "an object of no known kind")


@pytest.mark.parametrize("content", [b"", b"short", b"PK\x03\x04" + bytes(200), bytes(1000)])
def test_what_is_not_dicom_is_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file.dcm").write_bytes(content)
    assert dicom_object(tmp_path / "file.dcm") is None


def test_a_file_cut_off_in_its_meta_information_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file.dcm").write_bytes(bytes(128) + b"DICM\x02\x00\x00\x00UL\x04")
    with pytest.raises(DicomError, match=r"file\.dcm is damaged or cut off") as caught:
        dicom_object(tmp_path / "file.dcm")
    assert caught.value.code == "truncated"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match=r"there is no file gone\.dcm") as caught:
        dicom_object(tmp_path / "gone.dcm")
    assert caught.value.code == "missing-file"
