"""What cannot be one regular volume is refused with its reason and without the patient's name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless
from tests.unit.io.dicom_factory import (
    GRID,
    PLANTED_DATE,
    SERIES_UID,
    Change,
    series,
    slice_dataset,
    slice_uid,
    values,
    write,
    write_series,
)

from oncotrace.domain.geometry import Geometry
from oncotrace.errors import DicomError
from oncotrace.io.dicom_series import list_series, read_series


def refusal(source: Path) -> DicomError:
    with pytest.raises(DicomError, match=r"\.") as caught:  # tests match the text they expect
        read_series(source)
    text = str(caught.value)
    assert "Planted" not in text
    assert PLANTED_DATE not in text
    return caught.value


def set_value(keyword: str, value: object, *, only: int | None = None) -> Change:
    def change(z: int, dataset: Dataset) -> None:
        if only in (None, z):
            setattr(dataset, keyword, value)

    return change


def remove(keyword: str) -> Change:
    def change(_z: int, dataset: Dataset) -> None:
        delattr(dataset, keyword)

    return change


def move(offset_of_slice_mm: Callable[[int], tuple[float, float, float]]) -> Change:
    def change(z: int, dataset: Dataset) -> None:
        moved = np.array(dataset.ImagePositionPatient, float) + offset_of_slice_mm(z)
        dataset.ImagePositionPatient = [f"{number:.4f}" for number in moved]

    return change


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (set_value("Rows", 4, only=1), "several-sizes", "2 different sizes: 6 x 4, 6 x 5"),
        (
            set_value("ImageOrientationPatient", ["0", "1", "0", "0", "0", "-1"], only=0),
            "several-orientations",
            "several orientations: 1 of 4 differ",
        ),
        (set_value("PixelSpacing", ["1", "1"], only=2), "several-spacings", "differ in PixelSpac"),
        (
            set_value("FrameOfReferenceUID", "1.2.3", only=2),
            "several-frames-of-reference",
            "2 different frames of reference",
        ),
        (set_value("Modality", "MR", only=3), "several-modalities", "2 different modalities"),
        (
            set_value("ImageOrientationPatient", ["1", "0", "0", "0", "0.99", "0"]),
            "bad-orientation",
            "not two unit vectors at a right angle",
        ),
        (remove("ImagePositionPatient"), "missing-tag", "has no ImagePositionPatient"),
        (remove("ImageOrientationPatient"), "missing-tag", "has no ImageOrientationPatient"),
        (remove("PixelSpacing"), "missing-tag", "has no PixelSpacing"),
        (remove("Rows"), "missing-tag", "has no Rows"),
        (remove("BitsAllocated"), "missing-tag", "has no BitsAllocated"),
        (remove("SeriesInstanceUID"), "missing-tag", "has no SeriesInstanceUID"),
        (remove("SOPInstanceUID"), "missing-tag", "has no SOPInstanceUID"),
        (set_value("PixelSpacing", ["0", "1"]), "malformed-tag", "must be positive"),
        (set_value("PixelSpacing", ["1"]), "malformed-tag", "does not hold 2 finite"),
        (set_value("ImagePositionPatient", ["1", "2"]), "malformed-tag", "does not hold 3 finite"),
        (set_value("RescaleSlope", "0"), "malformed-tag", "RescaleSlope is 0"),
        (set_value("RescaleSlope", "1e30"), "malformed-tag", "leaves no image"),
        (set_value("RescaleIntercept", "1e30"), "malformed-tag", "leaves no image"),
        (set_value("PhotometricInterpretation", "RGB"), "not-monochrome", "RGB"),
        (set_value("PhotometricInterpretation", "PALETTE COLOR"), "not-monochrome", "PALETTE"),
        (set_value("SamplesPerPixel", 3), "not-monochrome", "3 values per pixel"),
        (set_value("BitsStored", 17), "inconsistent-bits", "17 stored"),
        (set_value("HighBit", 15), "inconsistent-bits", "high bit 15"),
        (set_value("PixelRepresentation", 2), "inconsistent-bits", "representation 2"),
        (set_value("BitsAllocated", 12), "inconsistent-bits", "12 bits allocated"),
        (set_value("ModalityLUTSequence", [Dataset()]), "modality-lut", "Modality LUT"),
        (set_value("NumberOfFrames", 2), "missing-tag", "holds 2 frames but is a single-frame"),
        (set_value("NumberOfFrames", 80_000_000), "too-large", "claims 6 x 5 pixels and 80000000"),
        (set_value("Columns", 0), "too-large", "claims 0 x 5 pixels"),
        (set_value("Rows", 50), "pixel-length", "declares 60 bytes of pixels.* need 600"),
        (set_value("PixelData", bytes(64)), "pixel-length", "declares 64 bytes .* need 60"),
    ],
)
def test_header_that_does_not_give_a_volume_is_refused(
    tmp_path: Path, change: Change, code: str, text: str
) -> None:
    with pytest.raises(DicomError, match=text) as caught:
        read_series(write_series(tmp_path, series(change=change)))
    assert caught.value.code == code
    assert "Planted" not in str(caught.value)


def test_malformed_number_is_refused_without_being_repeated(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"0.9000000000", b"PlantedName1"))

    error = refusal(folder)
    assert "PixelSpacing" in error.message
    assert error.code == "malformed-tag"
    assert error.__cause__ is None


def test_value_that_runs_on_into_the_patients_name_is_not_shown(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series())
    for path in folder.iterdir():
        # Modality is declared so long that it swallows description and name behind it.
        path.write_bytes(path.read_bytes().replace(b"CS\x02\x00CT", b"CS\x30\x00CT"))

    error = refusal(folder)
    assert error.code == "malformed-tag"
    assert "Modality is malformed" in error.message


def test_malformed_whole_number_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series(change=set_value("NumberOfFrames", "77")))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"IS\x02\x0077", b"IS\x02\x00a7"))
    assert refusal(folder).code == "malformed-tag"


def test_whole_number_of_the_wrong_length_is_refused_without_its_bytes(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series(change=set_value("HighBit", 0x4141)))
    for path in folder.iterdir():
        data = path.read_bytes()
        path.write_bytes(data.replace(b"US\x02\x00AA", b"US\x03\x00AAA"))

    error = refusal(folder)
    assert error.code == "malformed-tag"
    assert error.__cause__ is None


def test_several_series_are_listed_with_a_hint(tmp_path: Path) -> None:
    write_series(tmp_path / "first", series())
    others = series(modality="MR")[:3]
    for dataset in others:
        dataset.SeriesInstanceUID = SERIES_UID + ".2"
    write_series(tmp_path / "second", others)

    error = refusal(tmp_path)
    assert error.code == "several-series"
    assert f"{SERIES_UID}: CT, 4 file(s) of 6 x 5 pixels" in error.message
    assert f"{SERIES_UID}.2: MR, 3 file(s) of 6 x 5 pixels" in error.message
    assert error.hint == "Choose one with `--series UID`."


def test_unknown_series_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match=f"no series 9.9; found {SERIES_UID}") as caught:
        read_series(write_series(tmp_path, series()), series_uid="9.9")
    assert caught.value.code == "unknown-series"


@pytest.mark.parametrize("lost", [1, 2])
def test_missing_slice_is_refused_with_its_place(tmp_path: Path, lost: int) -> None:
    datasets = series()
    del datasets[lost]

    error = refusal(write_series(tmp_path, datasets))
    assert error.code == "missing-slice"
    below, above = 30 + 2.5 * (lost - 1), 30 + 2.5 * (lost + 1)
    assert f"1 between {below:.2f} and {above:.2f} mm" in error.message


def test_two_missing_slices_in_one_gap_are_counted(tmp_path: Path) -> None:
    def change(z: int, dataset: Dataset) -> None:
        dataset.ImagePositionPatient = ["0", "0", str([0, 1, 2, 5][z])]

    error = refusal(write_series(tmp_path, series(change=change)))
    assert error.code == "missing-slice"
    assert "2 between 2.00 and 5.00 mm" in error.message


def test_unevenly_spaced_slices_are_refused(tmp_path: Path) -> None:
    change = move(lambda z: (0, 0, 0.6 if z == 2 else 0))
    error = refusal(write_series(tmp_path, series(change=change)))
    assert error.code == "uneven-slices"
    assert "steps from 1.900 to 3.100 mm" in error.message


def test_slightly_uneven_slices_are_read_with_a_note(tmp_path: Path) -> None:
    change = move(lambda z: (0, 0, 0.08 if z == 2 else 0))
    read = read_series(write_series(tmp_path, series(change=change, modality="MR")))
    assert read.notes == (
        "Slices lie up to 0.080 mm beside their places in an even grid of 2.5 mm.",
    )


def test_gantry_tilt_is_refused_with_its_angle(tmp_path: Path) -> None:
    shift_mm = 2.5 * np.tan(np.radians(15))
    change = move(lambda z: (0, shift_mm * z, 0))
    error = refusal(write_series(tmp_path, series(change=change)))
    assert error.code == "gantry-tilt"
    assert "sheared by 15.0 degrees" in error.message


def test_slice_shifted_within_its_plane_is_refused(tmp_path: Path) -> None:
    change = move(lambda z: (3 if z == 1 else 0, 0, 0))
    error = refusal(write_series(tmp_path, series(change=change)))
    assert error.code == "shifted-slices"
    assert "up to 3.0 mm" in error.message


@pytest.mark.parametrize("keyword", ["EchoTime", "TemporalPositionIdentifier", "DiffusionBValue"])
def test_two_slices_at_one_position_are_refused_naming_what_differs(
    tmp_path: Path, keyword: str
) -> None:
    first, second = (series(change=set_value(keyword, n), modality="MR") for n in (10, 20))
    for dataset in second:
        dataset.SOPInstanceUID += ".2"

    error = refusal(write_series(tmp_path, first + second))
    assert error.code == "duplicate-slices"
    assert "4 of 8 slices lie where another slice of the series lies" in error.message
    assert f"differ in {keyword}." in error.message


def test_same_identifier_with_other_pixels_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, series())
    write(slice_dataset(2, values() + 1), tmp_path / "copy" / "again.dcm")

    error = refusal(tmp_path)
    assert error.code == "duplicate-slices"
    assert "same SOPInstanceUID but differ" in error.message


def test_single_slice_is_refused_as_flat(tmp_path: Path) -> None:
    path = write(slice_dataset(0, values()), tmp_path / "one.dcm")
    for source in (path, tmp_path):
        error = refusal(source)
        assert error.code == "not-3d"
        assert "2D" in error.message


@pytest.mark.parametrize("kept_bytes", [-1, -30, -61])
def test_file_cut_off_in_its_pixels_is_refused(tmp_path: Path, kept_bytes: int) -> None:
    folder = write_series(tmp_path, series())
    path = folder / "0002.dcm"
    path.write_bytes(path.read_bytes()[:kept_bytes])

    error = refusal(folder)
    assert error.code == "truncated"
    assert "file 2 of 4 (sorted by name)" in error.message


@pytest.mark.parametrize("kept_bytes", [140, 400, 800])
def test_file_cut_off_in_its_header_is_refused(tmp_path: Path, kept_bytes: int) -> None:
    folder = write_series(tmp_path, series())
    path = folder / "0002.dcm"
    path.write_bytes(path.read_bytes()[:kept_bytes])

    assert refusal(folder).code in ("truncated", "missing-tag")


def test_no_cut_anywhere_leads_to_a_volume_or_another_exception(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series())
    path = folder / "0002.dcm"
    whole = path.read_bytes()
    for kept_bytes in range(0, len(whole), 7):
        path.write_bytes(whole[:kept_bytes])
        refusal(folder)


def test_compressed_file_cut_off_is_refused(tmp_path: Path) -> None:
    wide = Geometry((48, 40, 3), (1.0, 1.0, 2.0))
    folder = write_series(tmp_path, series(values(wide), wide), JPEG2000Lossless)
    path = folder / "0002.dcm"
    path.write_bytes(path.read_bytes()[:-20])

    error = refusal(folder)
    assert error.code == "truncated"
    assert "its compressed pixels end too early" in error.message


def test_text_renamed_to_dicom_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.dcm"
    path.write_text("To whom it may concern, " * 20)

    for source in (path, tmp_path):
        error = refusal(source)
        assert error.code == "not-dicom"
        assert "letter.dcm is not DICOM, whatever its name says" in error.message or (
            source == tmp_path
        )


def test_empty_dicom_file_among_slices_is_refused_as_a_lost_slice(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series())
    (folder / "0009.dcm").touch()

    error = refusal(folder)
    assert error.code == "not-dicom"
    assert "file 5 of 5" in error.message
    assert "(0 bytes)" in error.message


def test_folder_without_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    error = refusal(tmp_path)
    assert error.code == "empty-folder"


def test_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("words")
    (tmp_path / "notes.txt").write_text("words")
    error = refusal(tmp_path)
    assert error.code == "not-dicom"
    assert "none of the 2 files is DICOM" in error.message


def test_folder_without_an_image_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    report = Dataset()
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    report.SOPInstanceUID = slice_uid(60)
    report.Modality = "SR"
    write(report, tmp_path / "report.dcm")
    (tmp_path / "README").write_text("words")

    with pytest.raises(DicomError, match="no CT, MR or PET image among the 2 files; found 1 SR"):
        list_series(tmp_path)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    def change(z: int, dataset: Dataset) -> None:
        del dataset.PixelData
        dataset.FloatPixelData = values()[z].astype("<f4").tobytes()

    error = refusal(write_series(tmp_path, series(change=change)))
    assert error.code == "float-pixel-data"


def test_values_beyond_the_stored_bits_are_refused(tmp_path: Path) -> None:
    change = set_value("BitsStored", 8)

    def lie(z: int, dataset: Dataset) -> None:
        change(z, dataset)
        dataset.HighBit = 7

    error = refusal(write_series(tmp_path, series(change=lie)))
    assert error.code == "inconsistent-bits"
    assert "do not fit the 8 bits" in error.message


def test_image_without_pixels_is_refused(tmp_path: Path) -> None:
    error = refusal(write_series(tmp_path, series(change=remove("PixelData"))))
    assert error.code == "truncated"
    assert "ends before its pixels" in error.message


def test_unsupported_transfer_syntax_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_series(tmp_path, series(), "1.2.840.10008.1.2.4.100")
    error = refusal(folder)
    assert error.code == "unsupported-transfer-syntax"
    assert "MPEG2" in error.message


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    # A link that points at itself cannot be opened by anyone, whatever the permissions.
    path = tmp_path / "loop.dcm"
    path.symlink_to(path)
    write(slice_dataset(0, values(), GRID), tmp_path / "one.dcm", ExplicitVRLittleEndian)
    assert refusal(tmp_path).code == "not-3d"
