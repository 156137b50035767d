"""What cannot be trained on, or gone on with: one clear error and exit code 2."""

from pathlib import Path

import pytest
import SimpleITK as sitk
from tests.integration.conftest import make_phantom
from tests.integration.test_bad_models import one_voxel
from tests.train.test_train_journey import TINY
from typer.testing import CliRunner, Result

pytest.importorskip("torch")

from oncotrace.cli.app import app


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Folder of a cohort of two patients, one for each fold, and a recipe of few steps."""
    folder = tmp_path / "cohort"
    for number in range(2):
        make_phantom(folder / f"c{number}", seed=number)
    rows = "".join(f"c{n},c{n}/image.nii.gz,c{n}/mask.nii.gz\n" for n in range(2))
    (folder / "cohort.csv").write_text("case_id,image_mr-t1,mask_mr-t1\n" + rows)
    (folder / "folds.csv").write_text("patient_id,fold\nc0,0\nc1,1\n")
    (folder / "tiny.toml").write_text(TINY)
    return folder


def trained(cohort: Path, *options: object) -> Result:
    arguments = [
        "train", cohort / "cohort.csv", "--recipe", cohort / "tiny.toml", "--modality", "mr-t1",
        "--folds", cohort / "folds.csv", "--device", "cpu", "--out", cohort / "model", *options,
    ]  # fmt: skip
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def require_refusal(run: Result, cohort: Path, code: str, words: str) -> None:
    assert run.exit_code == 2, run.output
    assert f"({code})" in run.stderr
    assert words in run.stderr
    assert not (cohort / "model").exists()


def test_an_empty_training_mask_is_refused_by_its_case(cohort):
    path = str(cohort / "c1" / "mask.nii.gz")
    sitk.WriteImage(sitk.ReadImage(path) * 0, path)
    require_refusal(trained(cohort), cohort, "empty-mask", "case c1: the mask is empty")
    assert not (cohort / "model.training").exists()


def test_a_training_tumour_of_one_voxel_is_refused_by_its_case(cohort):
    one_voxel(cohort / "c1" / "mask.nii.gz")
    require_refusal(trained(cohort), cohort, "too-small", "case c1: the tumour of 1 voxels")
    assert not (cohort / "model.training").exists()


def test_a_sequence_that_no_case_has_is_refused(cohort):
    table = cohort / "cohort.csv"
    table.write_text(table.read_text().replace("mr-t1", "ct"))
    require_refusal(trained(cohort), cohort, "no-training-cases", "no case has both")


def test_a_mask_of_another_grid_is_refused_by_its_case(cohort):
    path = str(cohort / "c0" / "mask.nii.gz")
    image = sitk.ReadImage(path)
    image.SetSpacing((1.0, 1.0, 3.0))
    sitk.WriteImage(image, path)
    require_refusal(trained(cohort), cohort, "geometry-mismatch", "case c0")


@pytest.mark.parametrize("damage", ["cut off", "bit flipped", "another file"])
def test_a_corrupt_checkpoint_is_named_when_a_training_is_resumed(cohort, damage):
    assert trained(cohort, "--fold", 0).exit_code == 0
    checkpoint = cohort / "model.training" / "fold_0.pt"
    (cohort / "model.training" / "fold_0.onnx").unlink()
    content = bytearray(checkpoint.read_bytes())
    if damage == "cut off":
        content = content[: len(content) // 2]
    elif damage == "bit flipped":
        content[content.index(b"data/") + 200] ^= 4
    else:
        content = bytearray(b"not a checkpoint")
    checkpoint.write_bytes(content)
    run = trained(cohort, "--resume")
    require_refusal(run, cohort, "corrupt-checkpoint", "fold_0.pt is damaged")


def test_a_checkpoint_of_another_fold_is_not_gone_on_with(cohort):
    assert trained(cohort, "--fold", 0).exit_code == 0
    work = cohort / "model.training"
    (work / "fold_0.pt").rename(work / "fold_1.pt")
    run = trained(cohort, "--fold", 1, "--resume")
    require_refusal(run, cohort, "other-checkpoint", "fold_1.pt")
