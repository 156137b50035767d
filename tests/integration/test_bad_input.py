"""Bad input gives one clear error and exit code 2, and leaves no trace."""

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk


def read_image(phantom):
    return sitk.ReadImage(str(phantom.image))


def nan_voxels(phantom, folder: Path) -> Path:
    array = sitk.GetArrayFromImage(read_image(phantom))
    array[5, 6, 7] = np.nan
    return save(sitk.GetImageFromArray(array), folder)


def four_dimensional(phantom, folder: Path) -> Path:
    image = read_image(phantom)
    return save(sitk.JoinSeries([image, image]), folder)


def two_dimensional(phantom, folder: Path) -> Path:
    return save(read_image(phantom)[:, :, 3:4], folder)


def damaged(phantom, folder: Path) -> Path:
    path = folder / "damaged.nii.gz"
    path.write_bytes(phantom.image.read_bytes()[:5000])
    return path


def text_renamed(_, folder: Path) -> Path:
    path = folder / "notes.nii.gz"
    path.write_text("this is not an image")
    return path


def empty_folder(_, folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def text_dicom(_, folder: Path) -> Path:
    (folder / "dicom").mkdir()
    (folder / "dicom" / "slice.dcm").write_text("this is not DICOM")
    return folder / "dicom"


def missing(_, folder: Path) -> Path:
    return folder / "nowhere"


def save(image, folder: Path) -> Path:
    path = folder / "image.nii.gz"
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (nan_voxels, "not-finite", "1 voxels that are not numbers"),
        (four_dimensional, "not-3d", "is 4D"),
        (two_dimensional, "not-3d", "is 2D"),
        (damaged, "damaged-volume", "ends before its last voxel"),
        (text_renamed, "unreadable-volume", "damaged or not in the format"),
        (empty_folder, "empty-folder", "empty"),
        (text_dicom, "not-dicom", "DICOM"),
        (missing, "missing-file", "nowhere cannot be read"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused(phantom, cli, tmp_path, make, code, words):
    image = make(phantom, tmp_path)
    out = tmp_path / "out"
    run = cli("segment", image, "--clicks", phantom.clicks, "--modality", "mr-t1", "--out", out)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert not out.exists()


def with_points(points, folder: Path) -> Path:
    path = folder / "other-clicks.json"
    content = {"format": 1, "frame": "LPS", "points_mm": points, "corrections": []}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda p, g: g.to_index(p), "click-outside", "voxel ind"),
        (lambda p, _: np.add(p, (0, 0, 4000)), "click-outside", "point 1"),
        (lambda p, _: p[:3], "too-few-clicks", "3 different points"),
        (lambda p, _: np.repeat(p[:1], 6, axis=0), "too-few-clicks", "points 1 and 2"),
        (
            lambda p, _: np.column_stack([p[:, 0], np.full(6, p[0, 1]), p[:, 2]]),
            "clicks-in-a-plane",
            "y axis",
        ),
    ],
    ids=["voxel-indices", "outside", "three", "coincident", "in-one-sagittal-plane"],
)
def test_clicks_that_describe_no_tumour_are_refused(phantom, cli, tmp_path, change, code, words):
    points = np.array(json.loads(phantom.clicks.read_text())["points_mm"])
    clicks = with_points(np.asarray(change(points, phantom.geometry)).tolist(), tmp_path)
    out = tmp_path / "out"
    run = cli("segment", phantom.image, "--clicks", clicks, "--modality", "mr-t1", "--out", out)
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert words in run.stderr
    assert not out.exists()


def test_an_unknown_model_is_refused_with_the_known_ones(phantom, cli, tmp_path):
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--model", "perfect", "--out", tmp_path / "out",
    )  # fmt: skip
    assert run.exit_code == 2
    assert "(unknown-model)" in run.stderr
    assert "six-click-graphcut" in run.stderr


def test_an_unknown_modality_is_refused_with_the_known_ones(phantom, cli, tmp_path):
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mri",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert run.exit_code == 2
    assert "mr-t1" in run.stderr


def test_a_volume_file_without_modality_is_refused(phantom, cli, tmp_path):
    run = cli("segment", phantom.image, "--clicks", phantom.clicks, "--out", tmp_path / "out")
    assert run.exit_code == 2
    assert "(modality-unknown)" in run.stderr


def test_results_are_never_written_over(phantom, cli, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1", "--out", out
    )
    assert run.exit_code == 2
    assert "(output-exists)" in run.stderr
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_unwritable_place_is_refused(phantom, cli, tmp_path):
    # A file where a folder should be: refused by the system for everyone, root included.
    (tmp_path / "file").write_text("")
    run = cli(
        "segment", phantom.image, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", tmp_path / "file" / "out",
    )  # fmt: skip
    assert run.exit_code == 2
    assert "(output)" in run.stderr


@pytest.mark.slow
def test_a_full_disk_is_one_error_and_leaves_nothing(phantom, tmp_path):
    out = tmp_path / "results" / "out"

    def no_file_over_one_kib() -> None:
        # The kernel refuses longer files, as it does when a disk is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    # -B: byte code that is cut off at the limit would break the libraries for whoever comes next.
    command = [
        sys.executable, "-B", "-m", "oncotrace", "segment", phantom.image,
        "--clicks", phantom.clicks, "--modality", "mr-t1", "--out", out,
    ]  # fmt: skip
    run = subprocess.run(
        command, preexec_fn=no_file_over_one_kib, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 2, run.stderr
    assert "(output)" in run.stderr
    assert "Traceback" not in run.stderr
    assert list((tmp_path / "results").iterdir()) == []


def test_a_mask_on_another_grid_is_refused(phantom, cli, tmp_path):
    image = sitk.ReadImage(str(phantom.mask))
    image.SetOrigin((0.0, 0.0, 0.0))
    sitk.WriteImage(image, str(tmp_path / "moved.nii.gz"))
    run = cli("measure", tmp_path / "moved.nii.gz", "--image", phantom.image)
    assert run.exit_code == 2
    assert "(geometry-mismatch)" in run.stderr


def test_an_empty_mask_is_refused(phantom, cli, tmp_path):
    image = sitk.ReadImage(str(phantom.mask)) * 0
    sitk.WriteImage(image, str(tmp_path / "empty.nii.gz"))
    run = cli("measure", tmp_path / "empty.nii.gz", "--json")
    assert run.exit_code == 2
    assert "(empty-mask)" in run.stderr
    assert run.stdout == ""


@pytest.fixture
def series(shared_data, tmp_path) -> Callable[[], Path]:
    """Copy of a real T1 series that a test may damage."""

    def copy() -> Path:
        source = shared_data / "sts_dicom" / "STS_025" / "MR_T1" / "image"
        shutil.copytree(source, tmp_path / "series", copy_function=shutil.copyfile)
        return tmp_path / "series"

    return copy


def slice_missing(folder: Path) -> None:
    sorted(folder.iterdir())[12].unlink()


def slice_truncated(folder: Path) -> None:
    path = sorted(folder.iterdir())[12]
    path.write_bytes(path.read_bytes()[:-1000])


def two_series(folder: Path) -> None:
    other = folder.parent / "other"
    shutil.copytree(folder, other)
    import pydicom

    for path in other.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = dataset.SeriesInstanceUID[:-2] + ".2"
        dataset.SOPInstanceUID = dataset.SOPInstanceUID[:-3] + "999"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"b{path.name}")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (slice_missing, "missing-slice"),
        (slice_truncated, "truncated"),
        (two_series, "several-series"),
    ],
)
@pytest.mark.filterwarnings("ignore:The value length:UserWarning")
def test_a_damaged_series_is_refused(series, phantom, cli, tmp_path, damage, code):
    folder = series()
    damage(folder)
    run = cli(
        "segment", folder, "--clicks", phantom.clicks, "--modality", "mr-t1",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert not (tmp_path / "out").exists()
