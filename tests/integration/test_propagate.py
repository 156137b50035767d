"""``oncotrace propagate``: a partial mask and its image in, a whole mask out."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.integration.conftest import Cli, Phantom

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.imaging.overlap import dice
from oncotrace.io.slicer_segmentation import write_slicer_segmentation
from oncotrace.io.volume_file import read_mask, read_scan, write_mask

OUTLINED = (9, 11, 13, 15)  # slices 8 and 16 of the phantom are one voxel each


def partly(phantom: Phantom, axis: int, numbers: tuple[int, ...]) -> Mask:
    whole = read_mask(phantom.mask).voxels
    partial = np.zeros_like(whole)
    np.moveaxis(partial, axis, 0)[list(numbers)] = np.moveaxis(whole, axis, 0)[list(numbers)]
    return Mask(partial, phantom.geometry)


@pytest.fixture
def partial(phantom: Phantom, tmp_path: Path) -> Path:
    """The phantom's mask on four slices."""
    path = tmp_path / "partial.nii.gz"
    write_mask(partly(phantom, 0, OUTLINED), path)
    return path


def said(text: str) -> str:
    return " ".join(text.split())


def test_the_slices_between_are_filled(
    phantom: Phantom, partial: Path, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "made" / "mask.nii.gz"
    run = cli("propagate", phantom.image, partial, "--out", out)
    assert run.exit_code == 0, run.stderr
    made = read_mask(out)
    assert dice(made, read_mask(phantom.mask)) > 0.95
    for number in OUTLINED:
        np.testing.assert_array_equal(made.voxels[number], read_mask(partial).voxels[number])
    volume_ml = made.voxels.sum() * phantom.geometry.voxel_volume_mm3 / 1000
    text = said(run.stdout)
    assert "Outlined along z (axial): 4 slices, 9, 11, 13, 15 (counted from 0)." in text
    assert "Filled: 3 slices between them; none before slice 9 or after slice 15." in text
    assert f"Volume: {volume_ml:.1f} ml." in text
    assert sorted(path.name for path in out.parent.iterdir()) == ["mask.nii.gz"]


@pytest.mark.parametrize(("axis", "name"), [(1, "y (coronal)"), (2, "x (sagittal)")])
def test_outlines_in_other_planes_are_recognised(
    phantom: Phantom, cli: Cli, tmp_path: Path, axis: int, name: str
) -> None:
    used = np.flatnonzero(np.moveaxis(read_mask(phantom.mask).voxels, axis, 0).any(axis=(1, 2)))
    partial = partly(phantom, axis, (*used[::4], used[-1]))
    write_mask(partial, tmp_path / "partial.nrrd")
    out = tmp_path / "mask.nrrd"
    run = cli("propagate", phantom.image, tmp_path / "partial.nrrd", "--out", out)
    assert run.exit_code == 0, run.stderr
    assert f"Outlined along {name}" in said(run.stdout)
    assert dice(read_mask(out), read_mask(phantom.mask)) > 0.95


def test_a_segmentation_of_3d_slicer_is_taken(phantom: Phantom, cli: Cli, tmp_path: Path) -> None:
    partial = tmp_path / "partial.seg.nrrd"
    write_slicer_segmentation(partly(phantom, 0, OUTLINED), partial, name="tumour")
    out = tmp_path / "mask.nii.gz"
    run = cli("propagate", phantom.image, partial, "--region", "tumour", "--out", out)
    assert run.exit_code == 0, run.stderr
    assert dice(read_mask(out), read_mask(phantom.mask)) > 0.95


def refused(run, code: str, *words: str) -> None:  # type: ignore[no-untyped-def]
    assert run.exit_code == 2
    assert f"({code})" in run.stderr
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr


@pytest.mark.parametrize(
    ("axis", "numbers", "code", "words"),
    [
        (0, (), "empty-mask", "no slice is outlined"),
        (0, (12,), "one-slice", "one slice alone"),
        (0, tuple(range(24)), "nothing-to-fill", "leave others empty"),
        (0, (10, 11, 12), "nothing-to-fill", "nothing to fill"),
    ],
    ids=["empty", "one", "all", "a-run"],
)
def test_what_is_no_partial_mask_is_refused(
    phantom: Phantom,
    cli: Cli,
    tmp_path: Path,
    axis: int,
    numbers: tuple[int, ...],
    code: str,
    words: str,
) -> None:
    write_mask(partly(phantom, axis, numbers), tmp_path / "partial.nii.gz")
    out = tmp_path / "out.nii.gz"
    run = cli("propagate", phantom.image, tmp_path / "partial.nii.gz", "--out", out)
    refused(run, code, words)
    assert not out.exists()


def test_rods_are_refused_because_their_axis_cannot_be_told(
    phantom: Phantom, cli: Cli, tmp_path: Path
) -> None:
    rods: NDArray[np.bool_] = np.zeros(phantom.geometry.shape_zyx, dtype=np.bool_)
    rods[np.ix_([8, 12, 16], [18, 22, 26], range(18, 31))] = True
    write_mask(Mask(rods, phantom.geometry), tmp_path / "rods.nii.gz")
    run = cli(
        "propagate", phantom.image, tmp_path / "rods.nii.gz", "--out", tmp_path / "out.nii.gz"
    )
    refused(run, "ambiguous-axis", "z and y would do")


def test_a_mask_on_another_grid_is_refused(phantom: Phantom, cli: Cli, tmp_path: Path) -> None:
    grid = phantom.geometry
    other = Geometry(grid.size_xyz, (1.0, 1.0, 2.5), grid.origin_mm)
    write_mask(Mask(partly(phantom, 0, OUTLINED).voxels, other), tmp_path / "elsewhere.nii.gz")
    out = tmp_path / "out.nii.gz"
    run = cli("propagate", phantom.image, tmp_path / "elsewhere.nii.gz", "--out", out)
    refused(run, "geometry-mismatch", "mask", "image")
    assert not out.exists()


def test_no_file_is_written_over(phantom: Phantom, partial: Path, cli: Cli, tmp_path: Path) -> None:
    before = partial.read_bytes()
    run = cli("propagate", phantom.image, partial, "--out", partial)
    refused(run, "output-exists", "is not written over")
    assert partial.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_files_that_cannot_be_read_or_written_are_refused(
    phantom: Phantom, partial: Path, cli: Cli, tmp_path: Path
) -> None:
    out = tmp_path / "out.nii.gz"
    refused(cli("propagate", tmp_path / "none.nii.gz", partial, "--out", out), "missing-file")
    refused(cli("propagate", phantom.image, tmp_path / "none.nii.gz", "--out", out), "missing-file")
    refused(cli("propagate", phantom.image, phantom.image, "--out", out), "not-a-mask")
    refused(
        cli("propagate", phantom.image, partial, "--out", tmp_path / "out.png"), "unknown-format"
    )
    assert not out.exists()


def test_an_image_that_is_not_finite_is_refused(
    phantom: Phantom, partial: Path, cli: Cli, tmp_path: Path
) -> None:
    import SimpleITK as sitk

    array = read_scan(phantom.image).voxels.copy()
    array[12, 20, 20] = np.nan
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(sitk.ReadImage(str(phantom.image)))
    sitk.WriteImage(image, str(tmp_path / "nan.nii.gz"))
    out = tmp_path / "out.nii.gz"
    refused(cli("propagate", tmp_path / "nan.nii.gz", partial, "--out", out), "not-finite")
    assert not out.exists()


def test_a_series_of_a_volume_file_is_refused(
    phantom: Phantom, partial: Path, cli: Cli, tmp_path: Path
) -> None:
    run = cli(
        "propagate", phantom.image, partial, "--series", "1.2.3", "--out", tmp_path / "out.nii.gz"
    )
    refused(run, "settings", "--series names a DICOM series")


def test_a_real_tumour_is_completed_from_every_fifth_slice(
    shared_data: Path, cli: Cli, tmp_path: Path
) -> None:
    patient = shared_data / "sts" / "STS_012"
    reference = read_mask(patient / "mr_t1_mask.nii.gz")
    used = np.flatnonzero(reference.voxels.any(axis=(1, 2)))
    kept = np.union1d(used[::5], used[-1])
    partial = np.zeros_like(reference.voxels)
    partial[kept] = reference.voxels[kept]
    write_mask(Mask(partial, reference.geometry), tmp_path / "partial.nii.gz")
    out = tmp_path / "mask.nii.gz"
    run = cli("propagate", patient / "mr_t1.nii.gz", tmp_path / "partial.nii.gz", "--out", out)
    assert run.exit_code == 0, run.stderr
    assert dice(read_mask(out), reference) > 0.95
