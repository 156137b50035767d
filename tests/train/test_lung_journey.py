"""The recipe lung from a cohort to a model, a segmentation and an evaluation, on phantoms."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit.segment.chest_phantom import GRID as FINE
from tests.unit.segment.chest_phantom import chest
from typer.testing import CliRunner

pytest.importorskip("torch")

from oncotrace.cli.app import app
from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.errors import EmptyMaskError, InputError, ModelError, SettingsError
from oncotrace.imaging.lesion_simulation import LesionWish, plant
from oncotrace.imaging.overlap import dice
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.recipe import parse_recipe
from oncotrace.pipeline.evaluate_lungs import evaluate_lungs
from oncotrace.pipeline.segment import segment_case
from oncotrace.pipeline.train import train_model
from oncotrace.pipeline.verify import verify_run

GRID = Geometry((116, 84, 34), (3.0, 3.0, 9.0), FINE.origin_mm)
TINY = """
name = "tiny-lung"
preparation = "lung"
empty_targets = true
[channels]
images = ["ct"]
[grid]
size_xyz = [128, 128, 1]
share_on_target = 0.6
[network]
kind = "unet-2d"
first_channels = 4
levels = 3
deep_supervision = false
[loss]
dice_over_batch = true
[optimiser]
learning_rate = 5e-3
weight_decay = 0.0
epochs = 10
batch_size = 2
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chests: two with a large lesion, dense enough to be learnt in seconds, one without."""
    folder = tmp_path_factory.mktemp("lungs")
    whole = chest()
    plain = Scan(whole.ct.voxels[::3].copy(), GRID, "ct")
    lungs = {"left": whole.left[::3], "right": whole.right[::3]}
    rows = ["case_id,image_ct,mask_ct,clinical_location"]
    for number, side in enumerate(("left", "right", None)):
        ct, tumour = plain, np.zeros(GRID.shape_zyx, dtype=bool)
        if side is not None:
            wish = LesionWish("solid", "parenchyma", 45.0)
            rng = np.random.default_rng(number)
            ct, lesion = plant(plain, Mask(lungs[side], GRID), wish, rng=rng)
            tumour = lesion.mask.voxels
            ct = Scan(np.where(tumour, np.float32(900), ct.voxels), GRID, "ct")
        write_scan(ct, folder / f"c{number}_ct.nii.gz")
        write_mask(Mask(tumour, GRID), folder / f"c{number}_mask.nii.gz")
        place = "mediastinum" if number == 0 else ""
        rows.append(f"c{number},c{number}_ct.nii.gz,c{number}_mask.nii.gz,{place}")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    (folder / "folds.csv").write_text("patient_id,fold\nc0,0\nc1,1\nc2,1\n")
    return folder


@pytest.fixture(scope="module")
def model(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny-lung"
    for _ in training(cohort, out):
        pass
    return out


def training(cohort: Path, out: Path):
    return train_model(
        cohort / "cohort.csv",
        out,
        recipe=parse_recipe(TINY, "tiny.toml"),
        modalities=("ct",),
        folds=cohort / "folds.csv",
        resume=False,
        device="cpu",
    )


def test_the_model_holds_both_networks_and_its_steps_follow_from_the_slices(model: Path) -> None:
    read = read_model(model)
    assert sorted(read.networks) == [0, 1]
    assert read.plan.recipe.optimiser.epochs == 10
    assert 150 < read.plan.recipe.optimiser.steps < 275  # half of about 84 slices, 10 times, by 2
    assert "| ct | none | 2 |" in read.card  # the chest without tumour has no Dice


def test_a_ct_is_segmented_with_everything_that_was_found(
    cohort: Path, model: Path, tmp_path: Path
) -> None:
    options = ["--recipe", "lung", "--model", str(model), "--out", str(tmp_path / "out")]
    run = CliRunner().invoke(app, ["segment", str(cohort / "c0_ct.nii.gz"), *options])
    assert run.exit_code == 0, run.output
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    mask = read_mask(tmp_path / "out" / "mask.nii.gz")
    assert dice(mask, read_mask(cohort / "c0_mask.nii.gz")) > 0.6
    assert result["left_lung_score"] > result["right_lung_score"]
    assert result["lesions"] == len(result["lesions_ml"]) >= 1
    assert result["volume_ml"] == pytest.approx(result["lesions_ml"][0])
    for by in ("intensity", "texture"):
        parts = result[f"solid_by_{by}_ml"] + result[f"ground_glass_by_{by}_ml"]
        assert parts == pytest.approx(result["volume_ml"])
    assert {"slice", "confidence", "voxels"} == set(result["slice_confidence"][0])
    labels = read_scan(tmp_path / "out" / "lesions.nii.gz").voxels
    np.testing.assert_array_equal(labels == 1, mask.voxels)
    assert [verdict.differences for verdict in verify_run(tmp_path / "out")] == [()]


@pytest.mark.slow
def test_an_evaluation_counts_lungs_and_groups_tumours(
    cohort: Path, model: Path, tmp_path: Path
) -> None:
    evaluation = evaluate_lungs(
        cohort / "cohort.csv",
        str(model),
        tmp_path / "run",
        folds=cohort / "folds.csv",
        location="clinical_location",
        resume=False,
        jobs=1,
    )
    assert [outcome.failure for outcome in evaluation.run.outcomes] == [None] * 3
    summary = evaluation.summarise()
    rows, found = summary.rows, summary.detection
    assert found is not None
    assert (found.n, found.positives) == (6, 2)
    assert found.auc is not None
    assert found.auc > 0.7
    (every,) = (row.summary for row in rows[""] if row.measure.name == "dice")
    assert every.n == 2
    assert {row.group for row in rows["slice_thickness"]} == {">5 mm"}
    written = json.loads((tmp_path / "run" / "summary.json").read_text())["comparisons"]
    assert written == [row.cells() for row in summary.comparisons]
    assert (tmp_path / "run" / "strata_comparison.csv").is_file()
    assert all(row["not_tested"].startswith("fewer than 3 patients") for row in written)
    results = {
        name: json.loads((tmp_path / "run" / "cases" / name / "result.json").read_text())
        for name in ("c0", "c1", "c2")
    }
    assert (results["c0"]["location"], results["c0"]["location_from"]) == ("mediastinum", "cohort")
    assert results["c1"]["location_from"] == "derived"
    assert (results["c0"]["left_lung_ill"], results["c0"]["right_lung_ill"]) == (True, False)
    assert (results["c2"]["has_tumour"], "dice" in results["c2"]) == (False, False)
    assert (results["c0"]["fold"], results["c1"]["fold"]) == (0, 1)
    assert [verdict.differences for verdict in verify_run(tmp_path / "run")] == [()] * 3

    changed = tmp_path / "run" / "cases" / "c1"
    lesions = read_scan(changed / "lesions.nii.gz")
    (changed / "lesions.nii.gz").unlink()
    write_scan(Scan(lesions.voxels + np.float32(1), GRID), changed / "lesions.nii.gz")
    result = json.loads((changed / "result.json").read_text())
    (changed / "result.json").write_text(json.dumps({**result, "right_lung_ill": False}))
    same, different, well = verify_run(tmp_path / "run")
    assert same.is_same
    assert well.is_same
    assert different.differences == (
        "right_lung_ill: recorded False, recomputed True",
        f"lesions: {lesions.voxels.size} voxels differ",
    )


def test_without_a_model_the_error_says_how_to_train_one(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model of the recipe lung") as caught:
        segment_case(
            cohort / "c0_ct.nii.gz", None, tmp_path / "out", modality=None, model=None, seed=0,
            recipe="lung",
        )  # fmt: skip
    assert caught.value.code == "no-model-of-recipe"
    assert "oncotrace train COHORT.csv --recipe lung" in str(caught.value)


def test_a_ct_without_lungs_is_refused(model: Path, tmp_path: Path) -> None:
    voxels = chest(lungs=False).ct.voxels[::3].copy()
    write_scan(Scan(voxels, GRID, "ct"), tmp_path / "abdomen.nii.gz")
    with pytest.raises(InputError) as caught:
        segment_case(
            tmp_path / "abdomen.nii.gz", None, tmp_path / "out", modality="ct", model=str(model),
            seed=0, recipe="lung",
        )  # fmt: skip
    assert caught.value.code == "no-lungs"
    assert not (tmp_path / "out").exists()


def test_a_model_is_used_with_its_own_recipe_alone(
    cohort: Path, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="not of the recipe automatic"):
        segment_case(
            cohort / "c0_ct.nii.gz", None, tmp_path / "out", modality="ct", model=str(model),
            seed=0, recipe="automatic",
        )  # fmt: skip


def test_a_cohort_without_any_tumour_cannot_be_learnt_from(cohort: Path, tmp_path: Path) -> None:
    table = (cohort / "cohort.csv").read_text().splitlines()
    (cohort / "well.csv").write_text("\n".join([table[0], table[3]]) + "\n")
    with pytest.raises(InputError, match="shows a tumour") as caught:
        next(
            train_model(
                cohort / "well.csv", tmp_path / "out", recipe=parse_recipe(TINY, "tiny.toml"),
                modalities=("ct",), folds=cohort / "folds.csv", resume=False, device="cpu",
            )
        )  # fmt: skip
    assert caught.value.code == "no-training-cases"


def test_nothing_found_is_an_error_of_the_case(cohort: Path, model: Path, tmp_path: Path) -> None:
    settings = tmp_path / "lung.toml"
    settings.write_text("smallest_lesion_ml = 100\n")
    from oncotrace.segment.lung_settings import read_lung_settings

    with pytest.raises(EmptyMaskError) as caught:
        segment_case(
            cohort / "c2_ct.nii.gz", None, tmp_path / "out", modality="ct", model=str(model),
            seed=0, recipe="lung", lung=read_lung_settings(settings),
        )  # fmt: skip
    assert caught.value.code == "nothing-found"
