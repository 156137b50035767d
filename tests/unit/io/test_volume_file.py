"""Volume files that can be trusted, and those that are refused with a reason."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import InputError, OutputError
from oncotrace.io.volume_file import (
    WRITABLE_SUFFIXES,
    is_volume_file,
    read_mask,
    read_scan,
    write_mask,
    write_scan,
)

GRID = Geometry((5, 4, 3), (0.5, 1.0, 3.0), (-10.0, 20.0, 30.0))
RAMP = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
NOISE = np.random.default_rng(0).random((20, 20, 20)).astype(np.float32)

suffixes = pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)

DISK_FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.scan import Scan
from oncotrace.errors import OutputError
from oncotrace.io.volume_file import WRITABLE_SUFFIXES, write_scan

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(0).random((20, 20, 20)).astype(np.float32)
for suffix in WRITABLE_SUFFIXES:
    try:
        write_scan(Scan(noise, Geometry((20, 20, 20))), Path(sys.argv[1]) / f"scan{suffix}")
    except OutputError as error:
        print(error)
"""


def written(path: Path, voxels: np.ndarray, spacing_mm: float = 1.0) -> Path:
    """Write a file by SimpleITK alone, as other programs would."""
    image = sitk.GetImageFromArray(voxels, isVector=False)
    image.SetSpacing([spacing_mm] * image.GetDimension())
    sitk.WriteImage(image, str(path))
    return path


def patched(path: Path, layout: str, offset: int, *values: object) -> Path:
    """Change fields of a NIfTI header in an uncompressed file."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)
    return path


# ---- refused on reading ------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_scan, read_mask])
def test_missing_file_is_refused_by_name_alone(tmp_path: Path, read: object) -> None:
    with pytest.raises(InputError, match=r"^there is no file gone\.nii\.gz\.$"):
        read(tmp_path / "gone.nii.gz")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_text_with_the_name_of_a_volume_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scan{suffix}"
    path.write_text("This is not an image.\n" * 40)
    with pytest.raises(InputError, match=f"scan{suffix} cannot be read as a volume"):
        read_scan(path)


@suffixes
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_truncated_file_is_refused(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"scan{suffix}"
    write_scan(Scan(NOISE, Geometry((20, 20, 20))), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="damaged"):
        read_scan(path)


@pytest.mark.parametrize("place", [0.5, 0.9999])  # among the voxels, in the checksum
def test_bit_that_flipped_in_a_compressed_file_is_found(tmp_path: Path, place: float) -> None:
    path = tmp_path / "scan.nii.gz"
    write_scan(Scan(np.tile(NOISE, (3, 1, 1)), Geometry((20, 20, 60))), path)
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"scan\.nii\.gz .* damaged"):
        read_scan(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_numbers_are_counted_and_placed(tmp_path: Path, value: float) -> None:
    voxels = RAMP.copy()
    voxels[1, 2, 3] = voxels[2, 0, 0] = value
    path = written(tmp_path / "scan.nii.gz", voxels)
    with pytest.raises(InputError, match=r"holds 2 voxels .* the first at index x 3, y 2, z 1"):
        read_scan(path)


def test_mask_of_numbers_that_are_none_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "mask.nrrd", np.full((3, 4, 5), np.nan, np.float32))
    with pytest.raises(InputError, match="a mask holds one"):
        read_mask(path)


def test_value_beyond_single_precision_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.nrrd", np.full((3, 4, 5), 1e300))
    with pytest.raises(InputError, match="holds 60 voxels that are not numbers"):
        read_scan(path)


@pytest.mark.parametrize(
    ("shape", "dimensions"),
    [((2, 3, 4, 5), "4D"), ((4, 5), "2D"), ((1, 4, 5), "2D"), ((1, 2, 3, 4, 5), "4D")],
)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_volume_that_is_not_three_dimensional_is_refused(
    tmp_path: Path, suffix: str, shape: tuple[int, ...], dimensions: str
) -> None:
    path = written(tmp_path / f"scan{suffix}", np.zeros(shape, np.int16))
    with pytest.raises(InputError, match=f"scan{suffix} is {dimensions}"):
        read_scan(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_fourth_axis_of_length_one_is_accepted(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"scan{suffix}", RAMP[np.newaxis], spacing_mm=2.0)
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.voxels, RAMP)
    assert scan.geometry == Geometry((5, 4, 3), (2.0, 2.0, 2.0))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_colour_image_is_refused(tmp_path: Path, suffix: str) -> None:
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), np.uint8), isVector=True)
    sitk.WriteImage(image, str(tmp_path / f"rgb{suffix}"))
    with pytest.raises(InputError, match="has 3 values per voxel"):
        read_scan(tmp_path / f"rgb{suffix}")


def test_complex_values_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "kspace.nii", np.zeros((3, 4, 5), np.complex64))
    with pytest.raises(InputError, match=r"kspace\.nii"):
        read_scan(path)


def test_label_map_is_refused_as_a_mask_and_says_what_it_holds(tmp_path: Path) -> None:
    path = written(tmp_path / "labels.nii.gz", (RAMP % 5).astype(np.uint8))
    with pytest.raises(InputError, match=r"holds 4 different values besides 0 \(1 to 4\)"):
        read_mask(path)


def test_any_single_value_makes_a_mask(tmp_path: Path) -> None:
    path = written(tmp_path / "mask.nii.gz", (RAMP > 30).astype(np.int16) * 255)
    np.testing.assert_array_equal(read_mask(path).voxels, RAMP > 30)


def test_sheared_nifti_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "tilted.nii", RAMP)
    patched(path, "<2h", 252, 0, 2)  # no quaternion; the affine's rows count
    patched(path, "<12f", 280, 1, 0.2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    with pytest.raises(InputError, match="sheared grid") as caught:
        read_scan(path)
    assert caught.value.code == "sheared-grid"


def test_header_that_promises_more_than_the_file_holds_is_refused_at_once(tmp_path: Path) -> None:
    path = patched(written(tmp_path / "huge.nii", RAMP), "<3h", 42, 30000, 30000, 30000)
    with pytest.raises(InputError, match="ends before its last voxel"):
        read_scan(path)
    with gzip.open(tmp_path / "huge.nii.gz", "wb") as stream:
        stream.write(path.read_bytes())
    with pytest.raises(InputError, match="ends before its last voxel"):
        read_scan(tmp_path / "huge.nii.gz")


def test_whole_archive_of_a_truncated_volume_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "scan.nii", RAMP).read_bytes()
    path = tmp_path / "short.nii.gz"
    path.write_bytes(gzip.compress(content[:-1]))
    with pytest.raises(InputError, match="ends before its last voxel"):
        read_scan(path)


@pytest.mark.parametrize(
    ("layout", "offset", "value"),
    [("4s", 344, b"ni1\0"), ("<h", 70, 1), ("<f", 108, float("inf"))],
    ids=["header-of-two-files", "single-bits", "voxels-nowhere"],
)
def test_nifti_without_plain_voxels_of_its_own_is_refused(
    tmp_path: Path, layout: str, offset: int, value: object
) -> None:
    path = patched(written(tmp_path / "scan.nii", RAMP), layout, offset, value)
    with pytest.raises(InputError, match=r"scan\.nii (holds values that are not|cannot be read)"):
        read_scan(path)


# ---- read as meant -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_every_plain_type_of_number_is_read(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = written(tmp_path / f"scan{suffix}", RAMP.astype(dtype))
    scan = read_scan(path, "ct")
    assert (scan.voxels.dtype, scan.modality) == (np.float32, "ct")
    np.testing.assert_array_equal(scan.voxels, RAMP)


def test_slope_and_intercept_of_a_nifti_header_are_applied(tmp_path: Path) -> None:
    path = written(tmp_path / "ct.nii", RAMP.astype(np.int16))
    patched(path, "<2f", 112, 2.0, -1024.0)
    np.testing.assert_array_equal(read_scan(path).voxels, RAMP * 2 - 1024)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(path)), RAMP * 2 - 1024)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_slope_of_zero_means_no_scaling(tmp_path: Path, slope: float) -> None:
    path = patched(written(tmp_path / "ct.nii", RAMP.astype(np.int16)), "<2f", 112, slope, -1024.0)
    np.testing.assert_array_equal(read_scan(path).voxels, RAMP)


def test_big_endian_nifti_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.nii", RAMP.astype(np.int16))
    little = path.read_bytes()
    fields = (
        ("i", 0, 1), ("i", 32, 1), ("h", 36, 1), ("h", 40, 8), ("f", 56, 3), ("h", 68, 4),
        ("f", 76, 11), ("h", 120, 1), ("f", 124, 4), ("i", 140, 2), ("h", 252, 2), ("f", 256, 18),
    )  # fmt: skip
    big = bytearray(little)
    for kind, offset, count in fields:
        values = struct.unpack_from(f"<{count}{kind}", little, offset)
        struct.pack_into(f">{count}{kind}", big, offset, *values)
    big[352:] = np.frombuffer(little[352:], "<i2").astype(">i2").tobytes()
    path.write_bytes(big)
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.voxels, RAMP)
    assert scan.geometry == Geometry((5, 4, 3))


def test_nifti_in_ras_is_placed_in_lps(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.nii", RAMP)
    patched(path, "<2h", 252, 0, 1)  # no quaternion; the affine's rows count
    patched(path, "<12f", 280, 0, -0.5, 0, 10, 0, 0, 1, -20, 3, 0, 0, 30)
    patched(path, "<3f", 80, 3.0, 0.5, 1.0)  # spacing
    grid = read_scan(path).geometry
    np.testing.assert_allclose(grid.to_point_mm((0, 0, 0)), (-10, 20, 30))
    np.testing.assert_allclose(grid.to_point_mm((1, 0, 0)), (-10, 20, 33))
    np.testing.assert_allclose(grid.to_point_mm((0, 1, 0)), (-9.5, 20, 30))
    np.testing.assert_allclose(grid.to_point_mm((0, 0, 1)), (-10, 19, 30))


def test_nrrd_in_ras_is_placed_in_lps(tmp_path: Path) -> None:
    header = (
        "NRRD0005\ntype: float\ndimension: 3\nspace: right-anterior-superior\nsizes: 5 4 3\n"
        "space directions: (0.5,0,0) (0,1,0) (0,0,3)\nkinds: domain domain domain\n"
        "endian: little\nencoding: raw\nspace origin: (10,-20,30)\n\n"
    )
    path = tmp_path / "scan.nrrd"
    path.write_bytes(header.encode() + RAMP.tobytes())
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.voxels, RAMP)
    np.testing.assert_allclose(scan.geometry.to_point_mm((0, 0, 0)), (-10, 20, 30))
    np.testing.assert_allclose(scan.geometry.to_point_mm((2, 1, 1)), (-11, 19, 33))


def test_compressed_file_is_read_itself_not_its_uncompressed_neighbour(tmp_path: Path) -> None:
    """SimpleITK takes the voxels of scan.nii.gz from scan.nii if both are there."""
    compressed = written(tmp_path / "scan.nii.gz", RAMP)
    written(tmp_path / "scan.nii", RAMP + 100)
    np.testing.assert_array_equal(read_scan(compressed).voxels, RAMP)
    np.testing.assert_array_equal(read_scan(tmp_path / "scan.nii").voxels, RAMP + 100)


def test_mask_is_written_beside_an_uncompressed_one_of_the_same_name(tmp_path: Path) -> None:
    write_mask(Mask(RAMP > 30, GRID), tmp_path / "mask.nii")
    write_mask(Mask(RAMP > 40, GRID), tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nii.gz").voxels, RAMP > 40)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nii").voxels, RAMP > 30)


def test_uncompressed_content_under_a_compressed_name_is_read(tmp_path: Path) -> None:
    written(tmp_path / "scan.nii", RAMP).rename(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(read_scan(tmp_path / "scan.nii.gz").voxels, RAMP)


def test_upper_case_names_are_volume_files() -> None:
    assert is_volume_file(Path("SCAN.NII.GZ"))
    assert not is_volume_file(Path("scan.dcm"))


def test_real_scans_are_read_as_simpleitk_reads_them(shared_data: Path) -> None:
    for name in ("ct", "mr_t1", "pet", "ct_mask"):
        path = shared_data / "sts" / "STS_003" / f"{name}.nii.gz"
        image = sitk.ReadImage(str(path))
        scan = read_scan(path)
        np.testing.assert_array_equal(scan.voxels, sitk.GetArrayFromImage(image))
        last = [n - 1 for n in image.GetSize()]
        np.testing.assert_allclose(
            scan.geometry.to_point_mm(last), image.TransformIndexToPhysicalPoint(last), atol=1e-3
        )


# ---- written whole, in place, or not at all ----------------------------------------------------


@suffixes
def test_existing_file_is_not_written_over(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mask{suffix}"
    path.write_text("something else")
    with pytest.raises(OutputError, match="exists already"):
        write_mask(Mask(RAMP > 30, GRID), path)
    assert path.read_text() == "something else"


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="out is a file, not a folder"):
        write_mask(Mask(RAMP > 30, GRID), tmp_path / "out" / "mask.nii.gz")


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"mask\.png does not end in a volume format\. Use one"):
        write_mask(Mask(RAMP > 30, GRID), tmp_path / "mask.png")


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is 2D"):
        write_mask(Mask(np.ones((1, 4, 5), bool), Geometry((5, 4, 1))), tmp_path / "mask.nrrd")
    with pytest.raises(InputError, match="not numbers"):
        write_scan(Scan(np.full((3, 4, 5), np.nan, np.float32), GRID), tmp_path / "scan.nrrd")
    assert list(tmp_path.iterdir()) == []


def test_nifti_that_would_move_the_patient_is_not_written(tmp_path: Path) -> None:
    """Single precision cannot place voxels of 0.05 mm a hundred metres away."""
    far = Geometry((5, 4, 3), (0.05, 0.05, 0.05), (100_000.003, 0.0, 0.0))
    mask = Mask(RAMP > 30, far)
    with pytest.raises(OutputError, match=r"mask\.nii\.gz cannot hold this grid .* Write \.nrrd"):
        write_mask(mask, tmp_path / "mask.nii.gz")
    assert list(tmp_path.iterdir()) == []
    write_mask(mask, tmp_path / "mask.nrrd")
    read_mask(tmp_path / "mask.nrrd").geometry.require_match(far, this="file", that="mask")


@suffixes
def test_grid_with_rounded_direction_cosines_is_held_by_every_format(
    tmp_path: Path, suffix: str
) -> None:
    turn = np.radians(33)
    cos, sin = round(np.cos(turn), 3), round(np.sin(turn), 3)
    grid = Geometry((5, 4, 3), (40, 40, 40), direction=(cos, -sin, 0, sin, cos, 0, 0, 0, 1))
    write_mask(Mask(RAMP > 30, grid), tmp_path / f"mask{suffix}")
    assert read_mask(tmp_path / f"mask{suffix}").geometry.matches(grid)


def test_disk_that_is_full_leaves_nothing_behind(tmp_path: Path) -> None:
    """The kernel refuses to let files grow, as on a full disk; NIfTI then ends without an error."""
    child = subprocess.run(
        [sys.executable, "-B", "-c", DISK_FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    for suffix in WRITABLE_SUFFIXES:
        assert f"scan{suffix} cannot be written: the file came out incomplete" in child.stdout
    assert list(tmp_path.iterdir()) == []
