"""`oncotrace lungs`, on a synthetic chest and on real patients."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.whole_body import whole_body
from numpy.typing import NDArray
from tests.unit.segment.chest_phantom import GRID, chest
from typer.testing import Result

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.imaging.axial_slices import mask_on
from oncotrace.imaging.body import ct_objects
from oncotrace.io.volume_file import read_mask, read_scan, write_scan
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.segment.lung_field import lung_field
from oncotrace.segment.lungs import find_lungs

Command = Callable[..., Result]
LEFT, RIGHT, CORD = 1, 2, 3


@pytest.fixture
def find(cli: Command) -> Command:
    """Run `oncotrace lungs` in this process."""
    return lambda *arguments: cli("lungs", *arguments)


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a synthetic chest."""
    path = tmp_path_factory.mktemp("chest") / "ct.nii.gz"
    write_scan(chest().ct, path)
    return path


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_lungs_are_written_as_left_and_right(
    suffix: str, find: Command, ct: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / f"lungs{suffix}"
    run = find(ct, "--out", out)
    assert run.exit_code == 0, run.stderr
    written = read_scan(out)
    assert written.geometry.matches(GRID)
    assert np.unique(written.voxels).tolist() == [0, LEFT, RIGHT]
    assert dice(written.voxels == LEFT, chest().left) > 0.95
    left_ml = (written.voxels == LEFT).sum() * GRID.voxel_volume_mm3 / 1000
    assert f"left lung    {left_ml:.1f} ml" in run.stdout
    assert str(out) in run.stdout


def test_nothing_is_written_over(find: Command, ct: Path, tmp_path: Path) -> None:
    out = tmp_path / "lungs.nrrd"
    out.write_text("mine")
    run = find(ct, "--out", out)
    assert run.exit_code == 2
    assert "(output-exists)" in run.stderr
    assert out.read_text() == "mine"


def test_an_unknown_format_is_refused_at_once(find: Command, ct: Path, tmp_path: Path) -> None:
    run = find(ct, "--out", tmp_path / "lungs.png")
    assert run.exit_code == 2
    assert "(unknown-format)" in run.stderr


def test_a_ct_without_lungs_is_one_clear_error(find: Command, tmp_path: Path) -> None:
    write_scan(chest(lungs=False).ct, tmp_path / "abdomen.nii.gz")
    run = find(tmp_path / "abdomen.nii.gz", "--out", tmp_path / "lungs.nii.gz")
    assert run.exit_code == 2
    assert "(no-lungs): no lungs were found" in run.stderr
    assert not (tmp_path / "lungs.nii.gz").exists()


def test_an_image_without_air_is_no_ct(find: Command, tmp_path: Path) -> None:
    patient = chest().ct
    write_scan(Scan(np.abs(patient.voxels), GRID), tmp_path / "mr.nii.gz")
    run = find(tmp_path / "mr.nii.gz", "--out", tmp_path / "lungs.nii.gz")
    assert run.exit_code == 2
    assert "(not-ct): the image holds no air" in run.stderr


def test_a_missing_lung_is_noted(find: Command, tmp_path: Path) -> None:
    patient = chest()
    voxels = patient.ct.voxels.copy()
    voxels[patient.left] = 40
    write_scan(Scan(voxels, GRID), tmp_path / "one.nii.gz")
    run = find(tmp_path / "one.nii.gz", "--out", tmp_path / "lungs.nii.gz")
    assert run.exit_code == 0, run.stderr
    assert "note: no left lung was found" in run.stderr


def test_an_mr_series_is_refused(find: Command, shared_data: Path, tmp_path: Path) -> None:
    run = find(
        shared_data / "sts_dicom" / "STS_003" / "MR_T1" / "image", "--out", tmp_path / "l.nii.gz"
    )
    assert run.exit_code == 2
    assert "(wrong-modality)" in run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("patient", ["STS_003", "STS_025"])
def test_a_limb_on_a_couch_has_no_lungs(
    patient: str, find: Command, shared_data: Path, tmp_path: Path
) -> None:
    run = find(shared_data / "sts_dicom" / patient / "CT" / "image", "--out", tmp_path / "l.nrrd")
    assert run.exit_code == 2
    assert "(no-lungs)" in run.stderr


@pytest.mark.parametrize("patient", ["STS_001", "STS_005", "STS_021", "STS_041"])
def test_a_prepared_ct_of_a_limb_has_no_lungs(patient: str, shared_data: Path) -> None:
    assert not find_lungs(read_scan(shared_data / "sts" / patient / "ct.nii.gz", "ct")).found


@pytest.mark.parametrize("patient", ["STS_003", "STS_025"])
def test_the_couch_is_removed_and_the_body_is_not(patient: str, shared_data: Path) -> None:
    folder = shared_data / "sts_dicom" / patient / "CT"
    loaded = load_scan(folder / "image")
    objects = ct_objects(loaded.scan)
    tumour = load_mask(next((folder / "mask").glob("*")), image=loaded).mask.voxels
    assert objects.body.voxels[tumour].all()
    t1 = read_scan(shared_data / "sts" / patient / "mr_t1.nii.gz")
    bright = Mask(t1.voxels > 0.1 * np.percentile(t1.voxels, 99), t1.geometry)
    flesh = mask_on(bright, loaded.scan.geometry).voxels & (loaded.scan.voxels > -150)
    assert objects.body.voxels[flesh].mean() > 0.99
    # The table's plate: the lowest rows hold no body, and what is dense there is couch.
    bottom = loaded.scan.voxels[:, -10:] > -300
    assert bottom.sum() > 1000
    assert not objects.body.voxels[:, -2:].any()
    outside = bottom & ~objects.body.voxels[:, -10:]
    couch = objects.couch.voxels[:, -10:] | objects.others.voxels[:, -10:]
    assert couch[outside].mean() > 0.95


def lung_case(shared_data: Path, name: str) -> tuple[Scan, NDArray[np.float32], NDArray[np.bool_]]:
    folder = shared_data / "lung"
    if not folder.is_dir():
        pytest.skip("no chest CTs in the reference data")
    scan = read_scan(folder / f"{name}_ct.nii.gz", "ct")
    organs = read_scan(folder / f"{name}_organs.nii.gz").voxels
    return scan, organs, read_mask(folder / f"{name}_gtv.nii.gz").voxels


@pytest.mark.slow
@pytest.mark.parametrize("name", ["LUNG1-001", "LUNG1-002"])
def test_real_lungs_agree_with_the_reference(name: str, shared_data: Path) -> None:
    scan, organs, tumour = lung_case(shared_data, name)
    found = find_lungs(scan)
    # Slices in which the reference leaves a lung out that it outlines above and below do not count.
    whole = np.ones(len(organs), dtype=bool)
    for side in (LEFT, RIGHT):
        outlined = (organs == side).any(axis=(1, 2))
        first, *_, last = np.flatnonzero(outlined)
        whole[first:last] &= outlined[first:last]
    for side in (LEFT, RIGHT):
        assert dice(found.labels[whole] == side, organs[whole] == side) > 0.92
    field = lung_field(scan, found.mask)
    assert not (tumour & ~field.on_source(field.field).voxels).any()
    cord = mask_on(Mask(organs == CORD, scan.geometry), field.slices.geometry).voxels
    first = field.axis.first_slice
    for z in range(first, first + len(field.axis.columns)):
        if cord[z].any():
            middle = np.nonzero(cord[z])[1].mean()
            assert abs(middle - float(field.axis.column_in(z))) < 5


@pytest.mark.slow
def test_a_chest_within_a_whole_body_has_the_same_lungs(shared_data: Path) -> None:
    scan, _, _ = lung_case(shared_data, "LUNG1-002")
    alone = find_lungs(scan)
    body, place = whole_body(scan)
    within = find_lungs(body)
    assert dice(within.labels[place] != 0, alone.labels != 0) > 0.99
    elsewhere = within.labels.copy()
    elsewhere[place] = 0
    assert not elsewhere.any()
