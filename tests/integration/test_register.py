"""``oncotrace register``: made images by files, and STS_001's T2 onto its T1."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import typer
from tests.unit.imaging.registered_images import GRID, body, noise, pose, tumour
from typer.testing import CliRunner, Result

from oncotrace.cli.app import _Commands
from oncotrace.cli.register import register
from oncotrace.domain.case import Case, Cohort
from oncotrace.domain.scan import Scan
from oncotrace.imaging.overlap import dice
from oncotrace.imaging.register import register as search
from oncotrace.imaging.register_settings import RegistrationSettings
from oncotrace.imaging.sitk import to_sitk
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.pipeline.inputs import load_mask, load_scan
from oncotrace.pipeline.register_timepoints import transforms_to_first

Register = Callable[..., Result]
TRUE = pose((5, -3, 8), (-8, 12, 10))


@pytest.fixture
def cli() -> Register:
    app = typer.Typer(cls=_Commands)
    app.command("register")(register)
    app.command("other")(lambda: None)
    return lambda *words: CliRunner().invoke(app, ["register", *map(str, words)])


@pytest.mark.slow
def test_image_masks_and_transform_are_written_and_agree(cli: Register, tmp_path: Path) -> None:
    write_scan(body(), tmp_path / "fixed.nii.gz")
    write_scan(body(TRUE, seed=1), tmp_path / "moving.nii.gz")
    write_mask(tumour(TRUE), tmp_path / "tumour.nii.gz")
    out = tmp_path / "run"
    run = cli(
        tmp_path / "moving.nii.gz", tmp_path / "fixed.nii.gz", "--out", out,
        "--mask", tmp_path / "tumour.nii.gz", "--initial", "none",
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    result = json.loads((out / "result.json").read_text())
    assert result["is_used"]
    assert result["metric_after_nats"] > result["metric_before_nats"]
    assert read_scan(out / "moved.nii.gz").geometry.matches(GRID)
    assert dice(read_mask(out / "masks" / "mask.nii.gz"), tumour()) > 0.85
    plain = json.loads((out / "transform.json").read_text())
    assert plain["maps"] == "points of FIXED to points of MOVING, LPS mm"
    transform = sitk.ReadTransform(str(out / "transform.tfm"))
    point = np.array([10.0, -20.0, 160.0])
    by_matrix = np.array(plain["matrix"]) @ [*point, 1]
    np.testing.assert_allclose(transform.TransformPoint(point.tolist()), by_matrix[:3], atol=1e-6)
    assert (out / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_refused_leaves_the_picture_and_nothing_to_use(
    cli: Register, tmp_path: Path
) -> None:
    write_scan(body(), tmp_path / "fixed.nii.gz")
    write_scan(noise(), tmp_path / "moving.nii.gz")
    out = tmp_path / "run"
    run = cli(tmp_path / "moving.nii.gz", tmp_path / "fixed.nii.gz", "--out", out)
    assert run.exit_code == 2
    assert "registration-" in run.output
    assert "picture.png" in run.output
    files = sorted(path.name for path in out.iterdir())
    assert files == ["picture.png", "result.json", "run.json"]
    assert json.loads((out / "result.json").read_text())["refused"]


@pytest.mark.slow
def test_later_time_points_are_registered_to_the_first(tmp_path: Path) -> None:
    write_scan(body(), tmp_path / "a.nii.gz")
    write_scan(body(TRUE, seed=1), tmp_path / "b.nii.gz")
    masks = {"mr-t1": tmp_path / "unread.nii.gz"}
    cohort = Cohort(
        tuple(
            Case(name, "P", {"mr-t1": tmp_path / f"{name}.nii.gz"}, masks, time_point=day)
            for name, day in (("b", "60"), ("a", "0"))
        )
    )
    moves = transforms_to_first(cohort, "mr-t1", settings=RegistrationSettings(initial="none"))
    np.testing.assert_array_equal(moves["a"], np.eye(4))
    there = TRUE.moved(GRID.to_point_mm(np.argwhere(tumour().voxels)[:, ::-1]))
    back = there @ moves["b"][:3, :3].T + moves["b"][:3, 3]
    here = GRID.to_point_mm(np.argwhere(tumour().voxels)[:, ::-1])
    assert np.linalg.norm(back - here, axis=1).max() < 3


@pytest.mark.slow
def test_the_t2_of_sts_001_comes_onto_its_t1_and_masks_agree_no_worse(
    raw_series: Callable[[str], Path], cli: Register, tmp_path: Path
) -> None:
    t1, t2 = raw_series("MR_T1"), raw_series("MR_T2")
    structures = next((t2 / "mask").iterdir())
    out = tmp_path / "run"
    run = cli(
        t2 / "image", t1 / "image", "--out", out, "--mask", structures, "--region", "GTV_Mass",
        "--modality", "mr-t2fs", "--fixed-modality", "mr-t1",
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    drawn = load_mask(
        next((t1 / "mask").iterdir()), image=load_scan(t1 / "image"), region="GTV_Mass"
    ).mask
    assert dice(read_mask(out / "masks" / "GTV_Mass.nii.gz"), drawn) >= 0.991


@pytest.mark.slow
@pytest.mark.parametrize(
    ("turn_deg", "shift_mm"),
    [((0, 0, 5), (10, 5, 0)), ((5, -3, 8), (-8, 12, 10)), ((-6, 6, -10), (10, -10, 14))],
)
def test_a_copy_that_was_displaced_is_brought_back_within_a_voxel(
    raw_series: Callable[[str], Path], turn_deg: tuple[int, ...], shift_mm: tuple[int, ...]
) -> None:
    t2 = load_scan(raw_series("MR_T2") / "image", "mr-t2fs").scan
    image = to_sitk(t2.voxels, t2.geometry)
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    known = sitk.Euler3DTransform(middle)
    known.SetRotation(*np.radians(turn_deg))
    known.SetTranslation(shift_mm)
    displaced = sitk.GetArrayFromImage(sitk.Resample(image, image, known, sitk.sitkLinear, 0.0))
    found = search(
        Scan(displaced, t2.geometry, t2.modality),
        t2,
        settings=RegistrationSettings(initial="none"),
        seed=0,
    )
    assert found.refused == ()
    body_voxels = np.argwhere(t2.voxels > np.percentile(t2.voxels, 70))[::5000, ::-1]
    points = t2.geometry.to_point_mm(body_voxels)
    moved = found.point_map.moved(points)
    back = np.array([known.TransformPoint(point) for point in moved.tolist()])
    assert np.abs(t2.geometry.to_index(back) - t2.geometry.to_index(points)).max() <= 1
