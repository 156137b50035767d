"""The images that results refer to: in order, whole, and fit to be copied from."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import (
    FRAME_UID,
    GRID,
    PLANTED_DATE,
    PLANTED_NAME,
    SERIES_UID,
    STUDY_UID,
    enhanced,
    series,
    slice_uid,
    values,
    write,
    write_series,
)

from oncotrace.errors import DicomError
from oncotrace.io.dicom_header import quiet_pydicom
from oncotrace.io.dicom_source import read_source


def test_images_come_in_the_order_of_the_grid_without_pixels(tmp_path: Path) -> None:
    source = read_source(write_series(tmp_path, series()))
    slices = GRID.size_xyz[2]
    assert source.sop_instance_uids == tuple(slice_uid(z) for z in range(slices))
    assert source.places == tuple((z, 1) for z in range(slices))
    assert source.geometry.matches(GRID)
    assert (source.study_uid, source.series_uid) == (STUDY_UID, SERIES_UID)
    assert source.frame_of_reference_uid == FRAME_UID
    assert all(str(image.PatientName) == PLANTED_NAME for image in source.images)
    assert not any("PixelData" in image for image in source.images)


def test_slices_of_one_file_are_its_frames(tmp_path: Path) -> None:
    source = read_source(write(enhanced(values(), order=(2, 0, 3, 1)), tmp_path / "multi.dcm"))
    assert source.sop_instance_uids == (slice_uid(0),)
    assert source.places == ((0, 2), (0, 4), (0, 1), (0, 3))


def test_values_that_break_their_representation_are_cut_and_said_without_being_told(
    tmp_path: Path,
) -> None:
    def spoil(_z: int, dataset: Dataset) -> None:
        dataset.StudyID = "1234567890123456 "  # a blank at the end does not count
        dataset.AccessionNumber = "A" * 17
        dataset.PatientName = "Family" * 20 + "^Given=Ideographic"
        dataset.PatientAge = "61"
        dataset.PatientSex = "FEMALE"
        dataset.PatientBirthDate = "19531332"
        dataset.DeidentificationMethod = ["m" * 64, "n" * 65]
        dataset.StudyTime = "101112.345"

    with quiet_pydicom():
        folder = write_series(tmp_path, series(change=spoil))
    source = read_source(folder)
    for image in source.images:
        assert image.StudyID == "1234567890123456"
        assert image.AccessionNumber == "A" * 16
        assert str(image.PatientName) == ("Family" * 20)[:64] + "=Ideographic"
        assert image.PatientAge == image.PatientSex == image.PatientBirthDate == ""
        assert list(image.DeidentificationMethod) == ["m" * 64, "n" * 64]
        assert image.StudyTime == "101112.345"
        assert image.StudyDate == PLANTED_DATE
    assert source.notes == (
        "AccessionNumber of the source breaks the rules of DICOM and was shortened.",
        "DeidentificationMethod of the source breaks the rules of DICOM and was shortened.",
        "PatientAge of the source breaks the rules of DICOM and was left out.",
        "PatientBirthDate of the source breaks the rules of DICOM and was left out.",
        "PatientName of the source breaks the rules of DICOM and was shortened.",
        "PatientSex of the source breaks the rules of DICOM and was left out.",
    )


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_without_frame_of_reference_or_study_nothing_can_refer_to_it(
    tmp_path: Path, keyword: str
) -> None:
    def spoil(_z: int, dataset: Dataset) -> None:
        delattr(dataset, keyword)

    with pytest.raises(DicomError, match=f"has no {keyword}") as caught:
        read_source(write_series(tmp_path, series(change=spoil)))
    assert caught.value.code == "missing-tag"


def test_one_of_several_series_is_chosen_by_its_uid(tmp_path: Path) -> None:
    def other(z: int, dataset: Dataset) -> None:
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.SOPInstanceUID = f"1.2.3.{z + 1}"

    write_series(tmp_path / "a", series())
    write_series(tmp_path / "b", series(change=other))
    with pytest.raises(DicomError, match="2 series"):
        read_source(tmp_path)
    assert read_source(tmp_path, series_uid="1.2.3").sop_instance_uids[0] == "1.2.3.1"
