from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from tests.unit.io.dicom_factory import (
    FRAME_UID,
    GRID,
    SERIES_UID,
    STUDY_UID,
    series,
    slice_dataset,
    slice_uid,
    values,
    write,
    write_series,
)

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError, InputError
from oncotrace.io.dicom_series import is_dicom_source, list_series, read_series


def test_slices_are_sorted_by_position_and_not_by_name(tmp_path: Path) -> None:
    read = read_series(write_series(tmp_path, series()))

    np.testing.assert_array_equal(read.scan.voxels, values())
    assert read.scan.geometry.matches(GRID)
    assert read.sop_instance_uids == tuple(slice_uid(z) for z in range(4))


def test_identifiers_come_with_the_series(tmp_path: Path) -> None:
    read = read_series(write_series(tmp_path, series()))

    assert (read.series_uid, read.study_uid) == (SERIES_UID, STUDY_UID)
    assert read.frame_of_reference_uid == FRAME_UID
    assert read.description.startswith("T1 of")


def test_absent_frame_of_reference_is_empty(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        del dataset.FrameOfReferenceUID

    assert read_series(write_series(tmp_path, series(change=change))).frame_of_reference_uid == ""


def test_first_pixel_spacing_is_between_rows(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.PixelSpacing = ["3", "2"]

    geometry = read_series(write_series(tmp_path, series(change=change))).scan.geometry
    assert geometry.spacing_mm == pytest.approx((2, 3, 2.5))


def test_slice_distance_comes_from_positions_and_a_contradicting_tag_is_noted(
    tmp_path: Path,
) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.SpacingBetweenSlices = "4"

    read = read_series(write_series(tmp_path, series(change=change)))
    assert read.scan.geometry.spacing_mm[2] == pytest.approx(2.5)
    assert read.notes[0].startswith("SpacingBetweenSlices says 4 mm, the slice positions 2.5 mm")


def test_ct_is_rescaled_to_hounsfield_units(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-1024"

    read = read_series(write_series(tmp_path, series(change=change)))
    np.testing.assert_array_equal(read.scan.voxels, values() * 2 - 1024)
    assert read.scan.modality == "ct"
    assert read.notes == ()


def test_ct_without_slope_is_read_as_stored_with_a_note(tmp_path: Path) -> None:
    read = read_series(write_series(tmp_path, series()))
    assert "no RescaleSlope" in read.notes[0]


def test_pet_slope_may_differ_from_slice_to_slice(tmp_path: Path) -> None:
    slopes = np.array([0.5, 0.25, 2.0, 1.5])

    def change(z: int, dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = str(slopes[z]), "0"
        dataset.Units = "BQML"

    read = read_series(write_series(tmp_path, series(change=change, modality="PT")))
    np.testing.assert_allclose(read.scan.voxels, values() * slopes[:, None, None], rtol=1e-6)
    assert read.scan.modality == "pet"
    assert read.notes == ("PET values are as stored (BQML, not converted to SUV).",)


def test_pet_in_suv_is_said_to_be_suv(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.Units = "GML"

    read = read_series(write_series(tmp_path, series(change=change, modality="PT")))
    assert read.notes == ("PET values are as stored (SUV, g/ml).",)


def test_signed_values_of_twelve_bits_keep_their_sign(tmp_path: Path) -> None:
    stored = values(signed=True)
    read = read_series(write_series(tmp_path, series(stored, signed=True)))
    np.testing.assert_array_equal(read.scan.voxels, stored)


def test_sign_bit_below_empty_spare_bits_is_a_sign(tmp_path: Path) -> None:
    stored = values(signed=True)
    datasets = series(stored & 0x0FFF)  # the twelve stored bits alone, spare bits zero
    for dataset in datasets:
        dataset.PixelRepresentation = 1

    np.testing.assert_array_equal(read_series(write_series(tmp_path, datasets)).scan.voxels, stored)


def test_eight_bit_values_of_an_odd_number_of_pixels_are_read(tmp_path: Path) -> None:
    grid = Geometry((5, 3, 3), (1.0, 1.0, 2.0))
    stored = values(grid, bits=8)
    read = read_series(write_series(tmp_path, series(stored, grid, bits=8)))
    np.testing.assert_array_equal(read.scan.voxels, stored)


def test_inverted_display_is_noted_and_values_stay(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.PhotometricInterpretation = "MONOCHROME1"

    read = read_series(write_series(tmp_path, series(change=change, modality="MR")))
    np.testing.assert_array_equal(read.scan.voxels, values())
    assert "MONOCHROME1" in read.notes[0]


def test_lossy_compression_in_the_past_is_noted(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.LossyImageCompression = "01"

    read = read_series(write_series(tmp_path, series(change=change, modality="MR")))
    assert read.notes == ("The images have been compressed with loss.",)


def test_malformed_element_that_no_volume_needs_is_passed_over(tmp_path: Path) -> None:
    def change(_z: int, dataset: Dataset) -> None:
        dataset.add_new("DiffusionBValue", "UL", 1000)

    folder = write_series(tmp_path, series(change=change, modality="MR"))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\x87\x90UL", b"\x87\x90FD"))
    np.testing.assert_array_equal(read_series(folder).scan.voxels, values())


def test_orientation_with_four_decimals_is_made_orthonormal(tmp_path: Path) -> None:
    tilt = np.radians(20)
    axes = [1, 0, 0, 0, np.cos(tilt), -np.sin(tilt), 0, np.sin(tilt), np.cos(tilt)]
    grid = Geometry((6, 5, 4), (0.7, 0.9, 2.5), (0.0, 0.0, 0.0), tuple(map(float, axes)))

    def change(_z: int, dataset: Dataset) -> None:
        cosines = [f"{float(number):.4f}" for number in dataset.ImageOrientationPatient]
        dataset.ImageOrientationPatient = cosines

    geometry = read_series(write_series(tmp_path, series(None, grid, change=change))).scan.geometry
    np.testing.assert_allclose(geometry.axes.T @ geometry.axes, np.eye(3), atol=1e-12)
    assert geometry.matches(grid)


def test_identical_copy_of_a_slice_is_dropped_with_a_note(tmp_path: Path) -> None:
    write_series(tmp_path, series(modality="MR"))
    write(slice_dataset(2, values(), modality="MR"), tmp_path / "copy" / "again.dcm")

    read = read_series(tmp_path)
    np.testing.assert_array_equal(read.scan.voxels, values())
    assert read.notes == ("1 identical copies of slices were ignored.",)


def test_marked_localiser_in_another_plane_is_left_out_with_a_note(tmp_path: Path) -> None:
    datasets = series(modality="MR")
    scout = slice_dataset(3, values(), modality="MR")
    scout.SOPInstanceUID = slice_uid(99)
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]

    read = read_series(write_series(tmp_path, [scout, *datasets]))
    np.testing.assert_array_equal(read.scan.voxels, values())
    assert read.notes == ("1 localiser image(s) were ignored.",)


def test_other_objects_and_files_beside_the_series_are_counted(tmp_path: Path) -> None:
    structures = Dataset()
    structures.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    structures.SOPInstanceUID = slice_uid(50)
    structures.Modality = "RTSTRUCT"
    write(structures, tmp_path / "contours.dcm")
    (tmp_path / "README").write_text("words")
    (tmp_path / "thumbs").mkdir()
    (tmp_path / "thumbs" / "Thumbs.db").write_bytes(bytes(500))
    (tmp_path / "._0001.dcm").write_bytes(bytes(200))

    read = read_series(write_series(tmp_path / "images", series(modality="MR")).parent)
    assert read.notes == (
        "1 DICOM file(s) of type RTSTRUCT were ignored.",
        "3 file(s) that are not DICOM were ignored.",
    )


def test_python_file_in_the_series_folder_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path, series(), "1.2.840.10008.1.2.5")
    for name in ("rle.py", "numpy.py", "pydicom.py", "oncotrace.py"):
        (tmp_path / name).write_text("from pathlib import Path\nPath('imported').touch()\n")
    monkeypatch.chdir(tmp_path)

    np.testing.assert_array_equal(read_series(tmp_path).scan.voxels, values())
    assert not (tmp_path / "imported").exists()


def test_one_of_several_series_can_be_chosen(tmp_path: Path) -> None:
    write_series(tmp_path / "first", series())
    others = series(values() + 1, modality="MR")
    for dataset in others:
        dataset.SeriesInstanceUID = SERIES_UID + ".2"
        dataset.SOPInstanceUID += ".2"
    write_series(tmp_path / "second", others)

    read = read_series(tmp_path, series_uid=SERIES_UID + ".2")
    np.testing.assert_array_equal(read.scan.voxels, values() + 1)
    assert read.series_uid == SERIES_UID + ".2"


def test_series_are_listed_the_largest_first(tmp_path: Path) -> None:
    others = series(modality="MR")[:2]
    for dataset in others:
        dataset.SeriesInstanceUID = SERIES_UID + ".2"
    write_series(tmp_path / "second", others)
    write_series(tmp_path / "first", series())

    first, second = list_series(tmp_path)
    assert (first.uid, first.modality, first.number_of_instances) == (SERIES_UID, "CT", 4)
    assert first.size_xyz == (6, 5, 4)
    assert (second.modality, second.number_of_instances) == ("MR", 2)
    assert second.description.startswith("T1 of")


@pytest.mark.parametrize(
    ("stored_as", "wanted"), [("CT", "ct"), ("PT", "pet"), ("MR", "mr-t1"), ("MR", "mr-t2fs")]
)
def test_wanted_modality_that_agrees_is_set(tmp_path: Path, stored_as: str, wanted: str) -> None:
    folder = write_series(tmp_path, series(modality=stored_as))
    assert read_series(folder, modality=wanted).scan.modality == wanted  # type: ignore[arg-type]


def test_magnetic_resonance_has_no_modality_of_its_own(tmp_path: Path) -> None:
    assert read_series(write_series(tmp_path, series(modality="MR"))).scan.modality is None


@pytest.mark.parametrize(
    ("stored_as", "wanted"), [("CT", "mr-t1"), ("MR", "ct"), ("PT", "ct"), ("CT", "pet")]
)
def test_wanted_modality_that_contradicts_is_refused(
    tmp_path: Path, stored_as: str, wanted: str
) -> None:
    folder = write_series(tmp_path, series(modality=stored_as))
    with pytest.raises(DicomError, match=f"the series is {stored_as}") as caught:
        read_series(folder, modality=wanted)  # type: ignore[arg-type]
    assert caught.value.code == "wrong-modality"


def test_dicom_sources_are_recognised(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "images", series())
    text = tmp_path / "text.dcm"
    text.write_text("no image")
    (tmp_path / "empty").touch()

    assert is_dicom_source(folder)
    assert is_dicom_source(next(folder.iterdir()))
    assert not is_dicom_source(text)
    assert not is_dicom_source(tmp_path / "empty")
    assert not is_dicom_source(tmp_path / "absent")


def test_absent_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder absent"):
        read_series(tmp_path / "absent")
