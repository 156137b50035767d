"""Two stages in one training and one model folder: trained, resumed, used, refused if changed."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from tests.integration.conftest import make_phantom

pytest.importorskip("torch")

from oncotrace.errors import ModelError
from oncotrace.imaging.overlap import dice
from oncotrace.io.volume_file import read_mask
from oncotrace.learning.locator_folder import LOCATOR
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.recipe import parse_recipe
from oncotrace.pipeline.segment import segment_case
from oncotrace.pipeline.train import train_model
from oncotrace.pipeline.verify import verify_run

STAGE = """
[{0}channels]
images = ["mr-t1"]
cues = {1}
[{0}network]
first_channels = 4
levels = 3
deep_supervision = false
[{0}optimiser]
learning_rate = 2e-2
steps = 120
[{0}augmentation]
recrop_mm = 8
"""
TINY = f"""
name = "tiny-two"
preparation = "located"
{STAGE.format("", '["has-mr-t1", "coarse"]')}
[grid]
mode = "fixed"
size_xyz = [16, 16, 16]
[locator]
margin_mm = 8
[locator.recipe]
name = "tiny-locator"
preparation = "whole-image"
{STAGE.format("locator.recipe.", '["has-mr-t1"]')}
[locator.recipe.grid]
mode = "patch"
size_xyz = [16, 16, 16]
spacing_mm = [2.0, 2.0, 2.0]
share_on_target = 0.7
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    rows, folds = ["case_id,image_mr-t1,mask_mr-t1"], ["patient_id,fold"]
    for number in range(4):
        name = f"c{number}"
        make_phantom(folder / name, seed=number)
        rows.append(f"{name},{name}/image.nii.gz,{name}/mask.nii.gz")
        folds.append(f"{name},{number % 2}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    (folder / "folds.csv").write_text("\n".join(folds) + "\n")
    return folder


def training(cohort: Path, out: Path, *, resume: bool = False, only: tuple[int, ...] = ()):
    return train_model(
        cohort / "cohort.csv",
        out,
        recipe=parse_recipe(TINY, "tiny.toml"),
        modalities=("mr-t1",),
        folds=cohort / "folds.csv",
        resume=resume,
        only=only,
        device="cpu",
    )


@pytest.fixture(scope="module")
def model(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "two"
    for _ in training(cohort, out):
        pass
    return out


def test_the_folder_holds_both_stages(model):
    read = read_model(model)
    assert read.plan.recipe.locator is not None
    locator = read_model(model / LOCATOR)
    assert locator.plan.recipe == read.plan.recipe.locator.recipe
    assert set(locator.networks) == set(read.networks) == {0, 1}
    assert "| mr-t1 | none | 4 |" in read.card


@pytest.mark.parametrize("recipe", [None, "coarse-to-fine"])
def test_an_image_is_segmented_and_verified(cohort, model, tmp_path, recipe):
    out = tmp_path / "out"
    result = segment_case(
        cohort / "c1" / "image.nii.gz", None, out,
        modality="mr-t1", model=str(model), recipe=recipe, seed=0,
    )  # fmt: skip
    assert dice(read_mask(out / "mask.nii.gz"), read_mask(cohort / "c1" / "mask.nii.gz")) > 0.6
    assert result["history"][0].startswith("locator of fold 0, 1 on ")
    assert result["channels"] == ["mr-t1"]
    assert [verdict.differences for verdict in verify_run(out)] == [()]


def test_folds_that_are_trained_one_by_one_with_interruptions_give_the_same(
    cohort, model, tmp_path
):
    out = tmp_path / "again"
    with contextlib.closing(training(cohort, out, only=(1,))) as steps:
        for _, now in zip(range(130), steps, strict=False):  # within the second stage
            assert now.steps == 120
    for fold in (1, 0):
        assert not out.exists()
        for _ in training(cohort, out, resume=True, only=(fold,)):
            pass
    for stage in ("", LOCATOR):
        assert read_model(out / stage).networks == read_model(model / stage).networks


def test_a_locator_that_was_exchanged_is_refused(cohort, model, tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(model, changed)
    file = changed / LOCATOR / "plan.json"
    plan = json.loads(file.read_text())
    plan["preparation"]["post_processing"] = "fill"
    plan["made_by"] = "0.0.1"
    file.write_text(json.dumps(plan))
    with pytest.raises(ModelError, match="the locator of changed is not the one"):
        segment_case(
            cohort / "c1" / "image.nii.gz", None, tmp_path / "out",
            modality="mr-t1", model=str(changed), seed=0,
        )  # fmt: skip
